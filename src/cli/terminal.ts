import { CliError } from './errors.js'

/** Where a command writes. Results go to stdout, everything else (progress, hints, errors) to stderr. */
export interface Terminal {
  out (text: string): void
  note (text: string): void
  /** A result in the form that was asked for. */
  result (text: string, json: unknown): void
  /** A bar for something of `total` bytes; nothing unless a person watches and it is worth it. */
  progress (label: string, total: number): Progress
}

export interface Progress {
  update (done: number): void
  end (): void
}

/** Below this many bytes nobody needs to see progress. */
const WORTH_SHOWING = 64 * 1024 * 1024
const WIDTH = 24
const SILENT: Progress = { update: () => undefined, end: () => undefined }

export function createTerminal (json: boolean): Terminal {
  return {
    out: (text) => { process.stdout.write(`${text}\n`) },
    note: (text) => { process.stderr.write(`${text}\n`) },
    result: (text, value) => { process.stdout.write(json ? `${JSON.stringify(value, null, 2)}\n` : `${text}\n`) },
    progress: (label, total) => process.stderr.isTTY && total >= WORTH_SHOWING ? bar(label, total) : SILENT
  }
}

function bar (label: string, total: number): Progress {
  let shown = -1
  return {
    update (done) {
      const percent = Math.floor((100 * done) / total)
      if (percent === shown) return
      shown = percent
      const filled = Math.round((WIDTH * percent) / 100)
      process.stderr.write(`\r${label} [${'#'.repeat(filled)}${'.'.repeat(WIDTH - filled)}] ${percent} %`)
    },
    end: () => { process.stderr.write('\r\u001b[K') }
  }
}

/** Prints an error as one line (or as JSON) and says with what to exit. Only what is not expected has a trace, on request. */
export function reportError (error: unknown, json: boolean): number {
  const message = (error instanceof Error ? error.message : String(error)).trimEnd()
  const known = error instanceof CliError ? error : new CliError({ code: 'UNEXPECTED', message, reason: codeOf(error) })
  const { code, reason, exitCode } = known
  if (json) process.stdout.write(`${JSON.stringify({ error: { code, ...(reason !== undefined && { reason }), message } })}\n`)
  process.stderr.write(`steelyard: ${message}\n`)
  if (known !== error && process.env.STEELYARD_TRACE !== undefined) process.stderr.write(`${error instanceof Error ? error.stack : ''}\n`)
  return exitCode
}

function codeOf (error: unknown): string {
  return error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : 'UNEXPECTED'
}
