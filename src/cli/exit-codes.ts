/** Exit codes: those of a verification are PROOF.md section 6, the one of a wrong call is sysexits' EX_USAGE. */
export const EXIT = { ok: 0, failed: 1, couldNotCheck: 2, usage: 64 } as const

/**
 * What a command says by each exit code; one that it never ends with is absent. 64 is a wrong call, of every command. Whatever fails
 * says how in one line on stderr.
 */
interface ExitMeanings { readonly 0: string, readonly 1: string, readonly 2?: string }

const NOT_CHECKED = 'something, or all of it, could not be checked'

/** The one table of exit codes: help and documents are written from it. Commands by their full names; all others are `OTHERS`. */
const EXIT_TABLE: Readonly<Record<string, ExitMeanings>> = {
  verify: { 0: 'consistent', 1: 'something differs, or it failed', 2: NOT_CHECKED },
  audit: { 0: 'everything agrees', 1: 'something differs (the first is named), or it failed', 2: NOT_CHECKED },
  fsck: { 0: 'clean', 1: 'something differs (the first object is named), or it failed', 2: NOT_CHECKED },
  reconcile: { 0: 'log and ledger are equal', 1: 'they differ (the first batch is named), or it failed', 2: NOT_CHECKED },
  'rebuild-index': {
    0: 'all that follows from the rest is written', 1: 'something is lost for good or differs (the first object is named), or it failed', 2: NOT_CHECKED
  },
  export: { 0: 'written', 1: 'what is stored does not verify, or it failed', 2: 'the data folder cannot be used: no database, damaged, in use, not permitted' },
  import: { 0: 'verified, and kept unless --check', 1: 'the archive does not verify, or it failed', 2: 'the data folder is not empty, or its database cannot be written' },
  doctor: { 0: 'no problem', 1: 'a problem or it failed' },
  'network status': { 0: 'a network runs', 1: 'none runs, or it failed' },
  serve: { 0: 'stopped by a signal', 1: 'it could not start or not go on, or was not stopped in time' }
}
const OTHERS: ExitMeanings = { 0: 'done', 1: 'it failed' }
const WRONG_CALL = 'wrong usage'
/** As a shell shows an end by a signal: 128 and its number. */
export const SIGNALLED = 'ended by Ctrl-C 130, by SIGTERM 143, of every command but `serve`, which then stops in order'

/** The exit codes of a command, as its help ends. */
export function exitHelp (command: string): string {
  return `\nExit codes: ${[...meanings(EXIT_TABLE[command] ?? OTHERS), `${EXIT.usage} ${WRONG_CALL}`].join('; ')}.`
}

/** All of them, as the program's own help ends. */
export function allExitHelp (): string {
  const lines = [...Object.entries(EXIT_TABLE), ['all others', OTHERS] as const].map(([name, row]) => `  ${name.padEnd(15)} ${meanings(row).join('; ')}`)
  return `\nExit codes (${EXIT.usage} is always ${WRONG_CALL}; ${SIGNALLED}; whatever fails says how in one line):\n${lines.join('\n')}`
}

/** The rows of the table in docs/operations.md. */
export function exitRows (): string[] {
  const row = (name: string, { 0: ok, 1: failed, 2: unchecked = '' }: ExitMeanings): string => `| ${name} | ${ok} | ${failed} | ${unchecked} |`
  return [...Object.entries(EXIT_TABLE).map(([name, said]) => row(`\`${name}\``, said)), row('all others', OTHERS)]
}

function meanings ({ 0: ok, 1: failed, 2: unchecked }: ExitMeanings): string[] {
  return [`${EXIT.ok} ${ok}`, `${EXIT.failed} ${failed}`, ...(unchecked === undefined ? [] : [`${EXIT.couldNotCheck} ${unchecked}`])]
}
