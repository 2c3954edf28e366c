import { readdir, stat, statfs } from 'node:fs/promises'
import { join } from 'node:path'
import type { Level } from 'level'
import { StoreError } from './errors.js'

type Database = Level<Buffer, Buffer>

/**
 * What becomes of a database in which a write failed. LevelDB goes on after it, and must not: a record that was cut off in the middle of its
 * log stays there, and when the log is read at the next start everything behind it in that block is dropped, synced or not (seen on a
 * disk that was full for a moment: 3 of 3 writes that had succeeded afterwards were gone). Other failures stay with it until it is opened again.
 * So no write goes to such a database until it was closed and opened, which reads the log and begins a new one.
 */
const distrusted = new WeakMap<Database, { reopening: Promise<void> | undefined }>()

/** Room that opening takes besides what the logs hold: tables of them, a manifest, a new log. */
const SPARE = 1024 * 1024

export function isTrusted (db: Database): boolean {
  return !distrusted.has(db)
}

export function distrust (db: Database): void {
  if (!distrusted.has(db)) distrusted.set(db, { reopening: undefined })
}

/** Opens a distrusted database again, unless somebody is at it. Rejects with `STORE_FULL` while there is no room to do it; it can be read then. */
export async function reopened (db: Database): Promise<void> {
  const state = distrusted.get(db)
  if (state === undefined) return
  state.reopening ??= reopen(db).finally(() => { state.reopening = undefined })
  await state.reopening
}

/** Resolves when the database can be read: at once, unless it is being opened again. */
export async function trusted (db: Database): Promise<void> {
  await distrusted.get(db)?.reopening?.catch(() => undefined) // the reader gets an error of its own
}

async function reopen (db: Database): Promise<void> {
  if (db.status === 'open') {
    await requireRoom(db.location) // closed and not opened again, it could not even be read
    await db.close()
  }
  try {
    await db.open()
  } catch (cause) {
    throw new StoreError({ code: 'UNREADABLE', message: 'the database does not open again after a write that failed', cause })
  }
  distrusted.delete(db)
}

async function requireRoom (folder: string): Promise<void> {
  const logs = (await readdir(folder)).filter((name) => name.endsWith('.log'))
  const sizes = await Promise.all(logs.map(async (name) => (await stat(join(folder, name))).size))
  const needed = sizes.reduce((sum, size) => sum + 2 * size, SPARE)
  const { bavail, bsize } = await statfs(folder)
  if (bavail * bsize < needed) {
    throw new StoreError({ code: 'STORE_FULL', message: `the disk is full: the database needs ${needed} bytes of room to go on` })
  }
}
