# Sourced by the other scripts: everything a fresh clone needs before anything runs. Progress goes to stderr, so that a
# command's own output stays clean. Idempotent: content stamps (scripts/stamp.mjs) say whether there is anything to do.
root=$(cd -P "$(dirname "${BASH_SOURCE[0]}")/.." && pwd -P)

say () { printf '%s\n' "steelyard: $*" >&2; }

check_node () {
  if ! command -v node >/dev/null 2>&1; then
    say 'Node.js is not installed; get 20.19 or later (https://nodejs.org)'
    exit 69
  fi
  if ! node -e 'const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 20 || (a === 20 && b >= 19) ? 0 : 1)'; then
    say "Node.js $(node --version) is too old; 20.19 or later is needed"
    exit 69
  fi
}

# Runs a command quietly; shows what it printed only when it fails.
quietly () {
  local log status=0
  log=$(mktemp)
  "$@" >"$log" 2>&1 || status=$?
  if [ "$status" -ne 0 ]; then cat "$log" >&2; fi
  rm -f "$log"
  return "$status"
}

stamp () { node "$root/scripts/stamp.mjs" "$@"; }

# Dependencies (without install scripts: none is needed) and the build, each only when its inputs changed. `prepare build:all` builds the tests
# as well, in the same run of the compiler; no stamp covers them.
prepare () {
  local build=${1:-build} started=$SECONDS stale
  [ -z "${NO_PREPARE:-}" ] || return 0 # for who has prepared already: tests, packagers
  check_node
  stale=$(stamp check)
  case $stale in *install*)
    command -v npm >/dev/null 2>&1 || { say 'npm is not installed; it comes with Node.js'; exit 69; }
    say 'installing dependencies (npm ci) ...'
    (cd "$root" && quietly npm ci --ignore-scripts --no-progress --loglevel=error)
    stamp write install
    say "dependencies installed in $((SECONDS - started)) s"
  esac
  if [ "$build" != build ] || [[ $stale == *build* ]]; then
    say 'building ...'
    (cd "$root" && quietly npm run --silent "$build")
    say "ready in $((SECONDS - started)) s"
  fi
}
