/** What the store refuses or cannot do. */
export type StoreErrorCode =
  | 'LOCKED' // another process holds the database
  | 'SCHEMA' // written by a version that this one does not read
  | 'DAMAGED' // a value that cannot be what was written
  | 'UNREADABLE' // the database does not open or read
  | 'FOLDER_UNUSABLE' // the system refuses it to this user, its disk is read-only, or something else is in its place; nothing is damaged
  | 'WRITE_FAILED' // not durable: nothing of this write may be acknowledged
  | 'STORE_FULL' // likewise, because there is no room on the disk
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

/** Whether an error says that a disk or quota is full. LevelDB has no codes for it, only the system's words. */
export function isFull (error: unknown): boolean {
  if (!(error instanceof Error)) return false
  const { code } = error as NodeJS.ErrnoException
  return code === 'ENOSPC' || code === 'EDQUOT' || /no space left on device|disk quota exceeded/i.test(error.message)
}

/** What a write that failed ends in. */
export function writeError (message: string, cause: unknown): StoreError {
  return isFull(cause)
    ? new StoreError({ code: 'STORE_FULL', message: `${message}: the disk is full`, cause })
    : new StoreError({ code: 'WRITE_FAILED', message, cause })
}

/** Whether an error says that something in the store is not what was written. */
export function isDamage (error: unknown): error is StoreError {
  return error instanceof StoreError && error.code === 'DAMAGED'
}

/** What was read, or undefined where it is damaged, for who can do without; every other error passes. */
export async function unlessDamaged<T> (reading: Promise<T>): Promise<T | undefined> {
  try {
    return await reading
  } catch (error) {
    if (isDamage(error)) return undefined
    throw error
  }
}
