import { EXIT } from './exit-codes.js'

export type CliErrorCode =
  | 'USAGE' // the call itself is wrong
  | 'FILE' // a file that was named cannot be read or written
  | 'KEY_MISSING' // no API key was given
  | 'UNREACHABLE' // no service answers there
  | 'SERVICE' // the service answered with a problem; `reason` has its code
  | 'PROTOCOL' // the service's answer cannot be read
  | 'CHECK' // the service's answer does not verify: it was not taken for a success
  | 'DATA' // the service's data folder cannot be used so; `reason` has the code
  | 'NETWORK' // the embedded network
  | 'TRUST' // a trust bundle or pin that cannot be used
  | 'UNEXPECTED' // a mistake of this program; STEELYARD_TRACE=1 shows where

/** An error that is printed as one line. */
export class CliError extends Error {
  readonly code: CliErrorCode
  readonly exitCode: number
  /** The service's own code, if it answered. */
  readonly reason: string | undefined

  constructor (options: { code: CliErrorCode, message: string, exitCode?: number, reason?: string, cause?: unknown }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'CliError'
    this.code = options.code
    this.exitCode = options.exitCode ?? (options.code === 'USAGE' ? EXIT.usage : EXIT.failed)
    this.reason = options.reason
  }
}
