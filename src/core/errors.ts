/**
 * What core refuses. Core throws only for a caller's mistake and for bytes that a parser was asked to accept;
 * evidence that does not verify is a finding (see findings.ts), never an exception.
 */
export type EvidenceErrorCode =
  | 'ARGUMENT' // a caller passed a value outside the documented range
  | 'TOO_LARGE' // more bytes, elements or levels than the format allows
  | 'NOT_UTF8'
  | 'NOT_JSON'
  | 'NOT_CANONICAL' // the same JSON, but not its RFC 8785 bytes (re-saved, pretty-printed)
  | 'FORMAT' // JSON of the wrong shape: a missing, unknown or malformed member
  | 'UNSUPPORTED_TYPE' // a `type` that this version does not read
  | 'NUMBER_MALFORMED' // an evidence number that cannot be one
  | 'NUMBER_TYPO' // an evidence number with a located wrong character
  | 'PROTOBUF' // Fabric bytes that do not decode, or do not re-encode to themselves
  | 'CERTIFICATE' // an X.509 certificate that cannot be read or used

/** An error of core. `path` names the member of the document at fault, such as `record.content.size`. */
export class EvidenceError extends Error {
  readonly code: EvidenceErrorCode
  readonly path: string | undefined

  constructor (options: { code: EvidenceErrorCode, message: string, path?: string, cause?: unknown }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'EvidenceError'
    this.code = options.code
    this.path = options.path
  }
}

/** What a parser makes of bytes; undefined where it refuses them. */
export function unlessRefused<T> (parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof EvidenceError) return undefined
    throw error
  }
}

/** @internal Shorthand used by the strict parsers. */
export function formatError (path: string, message: string): EvidenceError {
  return new EvidenceError({ code: 'FORMAT', message: `${path}: ${message}`, path })
}
