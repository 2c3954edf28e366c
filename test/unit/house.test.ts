/** The house rules that no compiler checks: packages, the lock file, the boundaries and the purity of core. */
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Linter } from 'eslint'
import t from 'tap'
import { createTapReader } from '../../scripts/testing/tap-results.js'
import { runTestFile } from '../../scripts/testing/test-file.js'

interface LockedPackage { readonly resolved?: string, readonly link?: boolean, readonly engines?: { readonly node?: string } }
const lock = JSON.parse(readFileSync('package-lock.json', 'utf8')) as { packages: Record<string, LockedPackage> }

/** Needs Node 22 by their own word, yet are plain JavaScript that runs on 20 (transitive, of fastify's). */
const ENGINE_EXCEPTIONS = ['cookie', 'content-disposition']

/** Whether one comparator set of an engines range admits 20.19: enough of semver for what packages write there. */
function admitsNode20 (range: string): boolean {
  return range.split('||').some((set) => (set.match(/(>=|<=|>|<|\^|~|=)?\s*v?\d+(\.\d+|\.x)*/g) ?? ['*']).every((comparator) => {
    if (comparator === '*') return true
    const [, operator = '', major = '0', minor = '0'] = /^(>=|<=|>|<|\^|~|=)?\s*v?(\d+)(?:\.(\d+))?/.exec(comparator) ?? []
    const [a, b] = [Number(major), Number(minor)]
    const order = a === 20 ? b - 19 : a - 20
    switch (operator) {
      case '>=': case '>': return order <= 0
      case '<': return order > 0
      case '<=': return order >= 0
      case '^': return a === 20 && b <= 19
      default: return a === 20
    }
  }))
}

t.test('every package runs on Node 20', async (t) => {
  for (const range of ['^20.9.0 || >= 22', '>=18', '20 || >=22', '*', '>=10 <22', '10.* || >= 12.*']) t.ok(admitsNode20(range), range)
  for (const range of ['>=22.12.0', '^22 || >=24', '>= 0.8 <20', '^20.20']) t.notOk(admitsNode20(range), range)
  const excluded = Object.entries(lock.packages)
    .filter(([, each]) => each.engines?.node !== undefined && !admitsNode20(each.engines.node))
    .map(([path]) => path.replace(/^.*node_modules\//, ''))
    .filter((name) => !ENGINE_EXCEPTIONS.includes(name))
  t.strictSame(excluded, [], 'packages whose engines exclude Node 20')
})

t.test('the lock file carries no download addresses', async (t) => {
  const addresses = Object.entries(lock.packages).filter(([, each]) => each.resolved !== undefined && each.link !== true).map(([path]) => path)
  t.strictSame(addresses, [])
})

t.test('dependencies point down only', async (t) => {
  const lines = (imports: string[]): string => `${imports.map((from) => `import '${from}'`).join('\n')}\nexport {}\n`
  const broken: Record<string, { file: string, imports: string[] }> = {
    'core-knows-nobody': { file: 'src/core/a.ts', imports: ['../store/leaf.js'] },
    'core-has-no-node': { file: 'src/core/b.ts', imports: ['node:fs'] },
    'platform-above-core': { file: 'src/platform/a.ts', imports: ['../store/leaf.js'] },
    'ledger-above-core': { file: 'src/ledger/a.ts', imports: ['../store/leaf.js'] },
    'store-above-core': { file: 'src/store/a.ts', imports: ['../http/leaf.js'] },
    'notary-above-ledger-and-store': { file: 'src/notary/a.ts', imports: ['../http/leaf.js'] },
    'http-above-notary': { file: 'src/http/a.ts', imports: ['../cli/leaf.js'] },
    'web-stands-alone': { file: 'src/web/a.ts', imports: ['../notary/leaf.js'] },
    'cli-above-notary': { file: 'src/cli/a.ts', imports: ['../http/leaf.js'] },
    'network-knows-fabric-only': { file: 'network/a.ts', imports: ['../src/notary/leaf.js'] },
    'network-only-from-main-and-cli': { file: 'src/notary/b.ts', imports: ['../../network/leaf.js'] },
    'nobody-needs-main': { file: 'src/http/b.ts', imports: ['../main.js'] }
  }
  const tree: Record<string, string> = { 'tsconfig.json': '{}', 'package.json': '{"type":"module"}' }
  for (const file of ['src/main.ts', 'network/leaf.ts']) tree[file] = 'export {}\n'
  for (const folder of ['store', 'http', 'cli', 'notary']) tree[`src/${folder}/leaf.ts`] = 'export {}\n'
  tree['src/cli/good.ts'] = lines(['../store/leaf.js', '../../network/leaf.js'])
  for (const { file, imports } of Object.values(broken)) tree[file] = lines(imports)

  const cwd = t.testdir(nested(tree))
  const run = spawnSync(process.execPath, [
    resolve('node_modules/dependency-cruiser/bin/dependency-cruise.mjs'), 'src', 'network', '--output-type', 'json', '--config', resolve('.dependency-cruiser.cjs')
  ], { cwd, encoding: 'utf8' })
  const report = JSON.parse(run.stdout) as { summary: { violations: { rule: { name: string }, from: string }[] } }
  const found = report.summary.violations.map(({ rule, from }) => `${rule.name}: ${from}`)
  for (const [rule, { file }] of Object.entries(broken)) t.ok(found.includes(`${rule}: ${file}`), rule)
  t.notOk(found.some((each) => each.endsWith('good.ts')), 'what may be used is not refused')
})

interface Folder { [name: string]: string | Folder }

/** A tree for t.testdir from paths. */
function nested (files: Record<string, string>): Folder {
  const root: Folder = {}
  for (const [path, content] of Object.entries(files)) {
    const names = path.split('/')
    const last = names.pop() ?? ''
    const folder = names.reduce<Folder>((at, name) => (at[name] ??= {}) as Folder, root)
    folder[last] = content
  }
  return root
}

t.test('core has no clock, no randomness and no environment', async (t) => {
  const { default: config } = await import(join(process.cwd(), 'eslint.config.js')) as { default: Linter.Config[] }
  const rules = config.find(({ name }) => name === 'steelyard/core-is-pure')?.rules
  if (rules === undefined) return t.fail('the rules are gone')
  const linter = new Linter()
  const refuses = (code: string): boolean => linter.verify(code, [{ rules, languageOptions: { ecmaVersion: 2023, sourceType: 'module' } }]).length > 0
  for (const code of ['Date.now()', 'new Date()', 'Date()', 'Math.random()', 'await x', 'const f = async () => {}', 'Buffer.from(x)',
    'process.env', 'globalThis.crypto', 'crypto.getRandomValues(x)', 'setTimeout(f, 1)', "import('x')", 'import.meta.url', 'console.log(1)']) {
    t.ok(refuses(code), code)
  }
  for (const code of ['new Date(x).toISOString()', 'Date.parse(x)', 'Math.max(1, 2)', 'crypto_.sha256(x)']) t.notOk(refuses(code), code)
})

t.test('the closing line counts tests, names skips, and misses no failure', async (t) => {
  const said = (...lines: string[]): unknown => {
    const reader = createTapReader()
    for (const line of lines) reader.line(line)
    return reader.results()
  }
  t.strictSame(said(
    'TAP version 14', '# Subtest: one', '    ok 1 - fine', '    ok 2 - deep # SKIP because', '    1..2', 'ok 1 - one # time=1ms',
    'ok 2 - two # SKIP no browser', '# Subtest: three', '    not ok 1 - no', '      ---', '      not ok here: no', '      ...', '    1..1',
    'not ok 3 - three # time=2ms', '  ---', '  ok 9 - of a text # SKIP', '  ...', 'ok 4 - four # time=3ms {', '    ok 1 - fine', '    1..1', '}',
    'not ok 5 - five # TODO later', '1..5', '# time=7ms'
  ), { tests: 4, failed: ['three'], skipped: ['deep (because)', 'two (no browser)'] })
  t.strictSame(said('TAP version 14', '1..0 # SKIP needs binaries'), { tests: 0, failed: [], skipped: ['the whole file (needs binaries)'] })
})

t.test('a test file is run to its end, its crash or its time, and none of them is missed', async (t) => {
  const file = (name: string, text: string): string => join(t.testdir({ [name]: text }), name)
  const tap = `import t from ${JSON.stringify(import.meta.resolve('tap'))}\n`
  const passes = await runTestFile(file('passes.mjs', `${tap}console.error('a note')\nt.test('one', async (t) => { t.pass('fine') })`), 100)
  t.match(passes, { ok: true, tests: 1, failed: [], skipped: [] })
  t.ok(passes.printed.includes('a note') && !passes.printed.some((line) => line.includes('fine')))
  t.match(await runTestFile(file('fails.mjs', `${tap}t.test('one', async (t) => { t.fail('no') })`), 100), { ok: false, tests: 1, failed: ['one'] })
  t.match(await runTestFile(file('crashes.mjs', `${tap}await t.test('one', async (t) => { t.pass() })\nprocess.exit(3)`), 100), { ok: false, failed: [''] })
  t.match(await runTestFile(file('empty.mjs', 'console.log(1)'), 100), { ok: false, tests: 0, failed: [''] })
  t.match(await runTestFile(file('late.mjs', `${tap}t.test('one', async () => { await new Promise((done) => { setTimeout(done, 60_000) }) })`), 1, 1), { ok: false, failed: { length: 1 } })
})
