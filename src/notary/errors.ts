/** What the notary refuses. The HTTP layer maps each code to a status. */
export type NotaryErrorCode =
  | 'LEDGER_BACKLOG' // the oldest unanchored deposit is older than half of what receipts promise
  | 'LEDGER_FORK' // the ledger holds another batch under one of our numbers: nothing is promised any more
  | 'LEDGER_AHEAD' // the ledger holds batches that the data folder does not: the folder is older
  | 'LEDGER_MISSING' // the embedded ledger that the log is on is not where it was
  | 'LOG_DAMAGED' // the log in the database is not what was promised: its sealing mark, its tree, or what waits to be sealed
  | 'LOG_TRUNCATED' // the database ends before deposits that were acknowledged from it
  | 'LOG_UNCONFIRMED' // the data folder was restored, repaired or copied, or lost its mark: what was promised from it may not be in it
  | 'OVERLOADED' // the queue of deposits is full
  | 'CLOSING'
  | 'CLOCK_STEPPED' // the clock is behind what was stated before: a deposit made now could only be dated wrongly
  | 'STORE_FULL' // the disk has no room left for deposits
  | 'STORE_FAILED' // the deposit could not be made durable
  | 'STORE_DAMAGED' // files of the database are gone: what is written now would be lost with the process
  | 'CONTENT_EMPTY'
  | 'DIGEST_MISMATCH' // expected digests differ from those of the content
  | 'METADATA_INVALID'
  | 'CLAIM_INVALID' // a signed claim that is not about the content, or not signed by its address
  | 'UPLOAD_UNKNOWN' // never there, another key's, expired or given up
  | 'UPLOAD_LOCKED' // another request sends to it
  | 'UPLOAD_OFFSET' // the bytes do not go on where the upload stands
  | 'UPLOAD_LENGTH' // another length than was announced
  | 'UPLOAD_TOO_LARGE' // more bytes than were announced, or than a file may have
  | 'UPLOAD_TRUNCATED' // the request ended before its body did
  | 'UPLOAD_CHECKSUM' // the bytes are not those of the checksum that came with them
  | 'UPLOAD_DEPOSITED' // it cannot be given up: it is a deposit
  | 'UPLOADS_TOO_MANY' // the key has as many open as it may have
  | 'NUMBER_UNKNOWN'
  | 'PROOF_NOT_READY'
  | 'PROOF_FOREIGN' // a proof of another log, or one that this log does not hold
  | 'FIELD_UNKNOWN' // a metadata field to disclose that the deposit does not have
  | 'CONTENT_NOT_STORED' // the deposit was made by its digests
  | 'BATCH_UNKNOWN'
  | 'TILE_UNKNOWN'
  | 'HEAD_UNKNOWN'
  | 'BUNDLE_NOT_READY' // the ledger was never reached

export class NotaryError extends Error {
  readonly code: NotaryErrorCode
  /** Seconds after which a retry makes sense. */
  readonly retryAfter: number | undefined

  constructor (options: { code: NotaryErrorCode, message: string, retryAfter?: number, cause?: unknown }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'NotaryError'
    this.code = options.code
    this.retryAfter = options.retryAfter
  }
}
