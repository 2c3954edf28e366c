import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { createTapReader, type TapResults } from './tap-results.js'

/** Seconds between the end of a file's time, when it says itself what was still running and cleans up, and its being killed. */
const GRACE = 15

/** What came of a test file. */
export interface FileOutcome extends TapResults {
  readonly ok: boolean
  readonly seconds: number
  /** All that it printed, but for what it said was fine. */
  readonly printed: readonly string[]
}

/**
 * Runs a compiled test file in a process of its own, as `node FILE` does; it may take so many seconds. Not by `tap FILE`: that loads a hook
 * into every process that a test starts, which takes longer than most of what they do. A file that fails without a failing test, since it
 * crashed, took too long or had no tests, has one failure, without a name.
 */
export async function runTestFile (file: string, seconds: number, grace = GRACE): Promise<FileOutcome> {
  const started = performance.now()
  const child = spawn(process.execPath, ['--enable-source-maps', file], {
    env: { ...process.env, TAP_TIMEOUT: String(seconds) },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: (seconds + grace) * 1000,
    killSignal: 'SIGKILL'
  })
  const ended = new Promise<string | undefined>((resolve) => {
    child.once('error', ({ message }) => { resolve(message) })
    child.once('close', (code, signal) => { resolve(code === 0 ? undefined : `ended with ${signal ?? code}`) })
  })
  const reader = createTapReader()
  const printed: string[] = []
  createInterface({ input: child.stderr }).on('line', (line) => { printed.push(line) })
  createInterface({ input: child.stdout }).on('line', (line) => {
    reader.line(line)
    if (!/^ *ok /.test(line)) printed.push(line)
  })

  const problem = await ended
  if (problem !== undefined) printed.push(problem)
  const { tests, failed, skipped } = reader.results()
  const isEmpty = tests === 0 && skipped.length === 0
  return {
    ok: problem === undefined && failed.length === 0 && !isEmpty,
    tests,
    failed: failed.length === 0 && (problem !== undefined || isEmpty) ? [''] : failed,
    skipped,
    seconds: (performance.now() - started) / 1000,
    printed
  }
}
