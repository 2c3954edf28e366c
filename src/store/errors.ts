/** What the store refuses or cannot do. */
export type StoreErrorCode =
  | 'LOCKED' // another process holds the database
  | 'SCHEMA' // written by a version that this one does not read
  | 'DAMAGED' // a value that cannot be what was written
  | 'UNREADABLE' // the database does not open or read
  | 'WRITE_FAILED' // not durable: nothing of this write may be acknowledged
  | 'CONTENT_MISSING'
  | 'CONTENT_DAMAGED' // a content file whose bytes are no longer those of its name

export class StoreError extends Error {
  readonly code: StoreErrorCode

  constructor (options: { code: StoreErrorCode, message: string, cause?: unknown }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'StoreError'
    this.code = options.code
  }
}
