import { access } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Level } from 'level'
import { StoreError } from './errors.js'
import { putAside } from './kept-database.js'
import { openError } from './open-error.js'
import { unusable } from './unusable.js'

/** Whether a process has the database of a data folder open, or may have it: this one is not let in to see. */
export async function isInUse (data: string): Promise<boolean> {
  return ['LOCKED', 'FOLDER_UNUSABLE'].includes(await lockState(join(data, 'db')))
}

/** Whether another process has the database in a folder open. */
export async function isLocked (folder: string): Promise<boolean> {
  return await lockState(folder) === 'LOCKED'
}

async function lockState (folder: string): Promise<string> {
  const error = await requireUnlocked(folder).catch((cause: unknown) => cause)
  return error instanceof StoreError ? error.code : ''
}

/**
 * LevelDB repairs without asking for the lock, also under a running service. Its way to open only what does not exist does, and gives up before
 * it reads or changes anything.
 */
export async function requireUnlocked (folder: string): Promise<void> {
  if (!await isThere(folder)) throw await noDatabase(folder)
  const probe = new Level(folder, { createIfMissing: false, errorIfExists: true })
  const cause = await probe.open().then(async () => { await probe.close() }, (error: unknown) => error)
  const error = openError(folder, cause)
  if (error.code !== 'UNREADABLE') throw error
}

/** Fails where this user cannot see that. */
export async function isThere (path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw unusable(cause, dirname(path)) ?? cause
  }
}

/** Names what a repair that was killed has put aside, as it is found by `--repair`. */
export async function noDatabase (folder: string): Promise<StoreError> {
  const kept = await putAside(folder)
  const aside = kept === undefined ? '' : `: a repair was stopped, which had put it aside as ${kept}; \`steelyard rebuild-index --repair --data ${dirname(folder)}\` takes that up again`
  return new StoreError({ code: 'UNREADABLE', message: `there is no database in ${folder}${aside}` })
}
