import { StoreError } from './errors.js'
import { unusable } from './unusable.js'

/** What keeps LevelDB from opening or repairing the database in a folder. */
export function openError (folder: string, cause: unknown): StoreError {
  const inner = cause instanceof Error && cause.cause instanceof Error ? cause.cause : cause
  const why = inner instanceof Error ? inner : undefined
  if (why !== undefined && 'code' in why && why.code === 'LEVEL_LOCKED') {
    return locked(folder, cause)
  }
  return unusable(inner, folder) ??
    new StoreError({ code: 'UNREADABLE', message: `the database in ${folder} does not open${why === undefined ? '' : ` (${why.message})`}`, cause })
}

export function locked (folder: string, cause?: unknown): StoreError {
  return new StoreError({ code: 'LOCKED', message: `another process uses the database in ${folder}`, cause })
}
