/** What one TAP stream of `tap --reporter=tap` said, in the terms of the closing line. */
export interface TapResults {
  readonly passed: number
  readonly failed: readonly string[]
  readonly skipped: readonly string[]
}

/** Called for each test file when its line arrives. */
export type FileListener = (file: { readonly name: string, readonly ok: boolean, readonly tests: number, readonly time: string }) => void

const POINT = /^( *)(not )?ok \d+(?: - (.*?))?(?: # (SKIP|TODO|time=)(.*?))?(?: \{)?$/i

/**
 * Counts tests, not assertions: the test points directly below a file. Tests of a tap file are nested by four spaces a level, and a
 * level's own line follows those inside it. A file that fails without a failing test (it crashed, timed out, or had no tests) counts
 * as one failure; whatever is skipped, at any depth, counts once and is named.
 */
export function createTapReader (onFile: FileListener): { line (text: string): void, results (): TapResults } {
  let passed = 0
  const failed: string[] = []
  const skipped: string[] = []
  let file: { tests: number, failures: string[], skips: string[] } = { tests: 0, failures: [], skips: [] }

  const closeFile = (name: string, ok: boolean, time: string): void => {
    failed.push(...file.failures.map((each) => `${name}: ${each}`))
    if (!ok && file.failures.length === 0) failed.push(name)
    skipped.push(...file.skips.map((each) => `${name}: ${each}`))
    onFile({ name, ok, tests: file.tests, time })
    file = { tests: 0, failures: [], skips: [] }
  }

  const testPoint = (depth: number, ok: boolean, name: string, directive: string, rest: string): void => {
    if (directive === 'SKIP') {
      file.skips.push(rest.trim() === '' ? name : `${name} (${rest.trim()})`)
    } else if (depth > 1) {
      // An assertion or a nested test: its parent carries its outcome.
    } else if (ok || directive === 'TODO') {
      file.tests++
      passed++
    } else {
      file.tests++
      file.failures.push(name)
    }
  }

  return {
    line (text) {
      const found = POINT.exec(text)
      if (found === null) return
      const [, indent = '', not, name = '', directive = '', rest = ''] = found
      const depth = indent.length / 4
      // A file that was skipped as a whole has no points below it: its own line is the skip.
      if (depth === 0 && directive.toUpperCase() === 'SKIP') file.skips.push(`the whole file (${rest.trim()})`)
      if (depth === 0) closeFile(name.replace(/^dist\//, ''), not === undefined, rest.trim())
      else testPoint(depth, not === undefined, name, directive.toUpperCase(), rest)
    },
    results: () => ({ passed, failed, skipped })
  }
}
