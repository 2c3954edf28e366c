import { open, stat, unlink } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { syncFolder } from './content.js'
import { put, type Put } from './database.js'
import { beginHighWater, readHighWater } from './high-water.js'
import { numberKey, readNumber, textKey } from './keys.js'

/**
 * Why a data folder may be older than the last promise that was made from it. `restored`: a tool made it of an archive or of a damaged database,
 * and noted that; what was acknowledged afterwards, or was lost, is not in it, and no machine can know that there was nothing. `copied`: it lies
 * elsewhere than where a service last had it, so that it is as old as whenever it was copied. A person ends these doubts (`steelyard reconcile
 * --go-on`): a ledger that agrees does not know what was acknowledged and not anchored. `unmarked`: it has records, and the mark of what was
 * acknowledged from it (high-water.ts) is lost, so that its end may be as well; that ends when its ledger agrees, or by a person.
 *
 * A service that could not know would give numbers that other deposits already have.
 */
export type Doubt = 'restored' | 'copied' | 'unmarked'

/** A database that is open, and the folder of its files. */
export interface Doubtful {
  readonly folder: string
  get (key: Buffer): Promise<Buffer | undefined>
  /** The last entry at or before `key` that has its prefix byte. */
  floor (key: Buffer): Promise<[Buffer, Buffer] | undefined>
}

/** One that a tool can change: each write is on disk when it resolves. */
export interface Confirmable extends Doubtful {
  write (operations: ReadonlyArray<Put | { readonly type: 'del', readonly key: Buffer }>): Promise<void>
}

const RESTORED = textKey('x', 'restored')
const PLACE = textKey('x', 'place')
/** Among the database's files, where LevelDB minds no other names: the same note while the database cannot take it. */
const NOTE = 'RESTORED'

/** Inode and birth of the folder: a copy has others, a folder that was moved on its disk has the same. */
async function placeOf (folder: string): Promise<string> {
  const { ino, birthtimeNs } = await stat(folder, { bigint: true })
  return `${ino}/${birthtimeNs}`
}

export async function doubtOf (db: Doubtful): Promise<Doubt | undefined> {
  if (await db.get(RESTORED) !== undefined || await isNoted(db.folder)) return 'restored'
  const known = await db.get(PLACE)
  if (known !== undefined && known.toString() !== await placeOf(db.folder)) return 'copied'
  return await isUnmarked(db) ? 'unmarked' : undefined
}

/** What has to be written so that the log goes on where the folder is now. */
export async function settled (db: Doubtful): Promise<Put[]> {
  const place = await placeOf(db.folder)
  return (await db.get(PLACE))?.toString() === place ? [] : [put(PLACE, place)]
}

/** Before a database is repaired: what a repair that is killed leaves is in doubt as well. On disk when this resolves. */
export async function noteRepair (folder: string): Promise<void> {
  const file = await open(join(folder, NOTE), 'w', 0o600)
  await file.close()
  await syncFolder(folder)
}

/** For the tools: the folder was made of something that may be older than it, or less. */
export async function noteRestored (db: Confirmable): Promise<void> {
  await db.write([put(RESTORED, 'true')])
  await forgetNote(db.folder)
}

/** A person says that nothing is missing. */
export async function confirm (db: Confirmable): Promise<void> {
  await db.write([{ type: 'del', key: RESTORED }, ...await settled(db)])
  await forgetNote(db.folder)
  if (await isUnmarked(db)) beginHighWater(dirname(db.folder), await recordsIn(db))
}

async function isUnmarked (db: Doubtful): Promise<boolean> {
  return (await readHighWater(dirname(db.folder))).acknowledged === undefined && await recordsIn(db) > 0
}

async function recordsIn (db: Doubtful): Promise<number> {
  const last = await db.floor(numberKey('r', Number.MAX_SAFE_INTEGER))
  return last === undefined ? 0 : readNumber(last[0], 1) + 1
}

async function isNoted (folder: string): Promise<boolean> {
  return await stat(join(folder, NOTE)).then(() => true, () => false)
}

async function forgetNote (folder: string): Promise<void> {
  if (!await isNoted(folder)) return
  await unlink(join(folder, NOTE))
  await syncFolder(folder)
}
