/** What the TAP stream of one test file said, in the terms of the closing line. */
export interface TapResults {
  /** Tests that were run, whatever came of them. */
  readonly tests: number
  /** Names of those that failed. */
  readonly failed: readonly string[]
  /** Names of what was skipped, at any depth, with the reason. */
  readonly skipped: readonly string[]
}

const POINT = /^((?: {4})*)(not )?ok \d+(?: - (.*?))?(?: # (SKIP|TODO|time=)(.*?))?(?: \{)?$/i
const WHOLE = /^1\.\.0 # SKIP(.*)$/i

/**
 * Counts tests, not assertions: the test points of the file's own level. Tests of a tap file are nested by four spaces a level, and a
 * level's own line follows those inside it, or comes before them with a brace. Whatever is skipped, at any depth, counts once and is named.
 */
export function createTapReader (): { line (text: string): void, results (): TapResults } {
  let tests = 0
  const failed: string[] = []
  const skipped: string[] = []
  return {
    line (text) {
      const whole = WHOLE.exec(text)
      if (whole !== null) skipped.push(`the whole file (${(whole[1] ?? '').trim()})`)
      const point = POINT.exec(text)
      if (point === null) return
      const [, indent = '', not, name = '', directive = '', rest = ''] = point
      if (directive.toUpperCase() === 'SKIP') {
        skipped.push(rest.trim() === '' ? name : `${name} (${rest.trim()})`)
      } else if (indent === '') { // what is deeper is an assertion or a nested test: its parent carries its outcome
        tests++
        if (not !== undefined && directive.toUpperCase() !== 'TODO') failed.push(name)
      }
    },
    results: () => ({ tests, failed, skipped })
  }
}
