import { stat } from 'node:fs/promises'
import { type Database, put, read, write } from './database.js'
import { textKey } from './keys.js'
import type { Maintenance, View } from './maintenance.js'

/**
 * Why a data folder may be older than the last promise that was made from it. `restored`: a tool made it of an archive or of a damaged database,
 * and noted that; what was acknowledged afterwards, or was lost, is not in it, and no machine can know that there was nothing. A person ends this
 * doubt (`steelyard reconcile --go-on`). `copied`: it lies elsewhere than where a service last had it, so that it is as old as whenever it was
 * copied; that ends when the ledger agrees.
 *
 * A service that could not know would give numbers that other deposits already have.
 */
export type Doubt = 'restored' | 'copied'

const RESTORED = textKey('x', 'restored')
const PLACE = textKey('x', 'place')

/** Inode and birth of the folder: a copy has others, a folder that was moved on its disk has the same. */
async function placeOf (folder: string): Promise<string> {
  const { ino, birthtimeNs } = await stat(folder, { bigint: true })
  return `${ino}/${birthtimeNs}`
}

export async function doubtOf (db: Database): Promise<Doubt | undefined> {
  if (await read(db, RESTORED) !== undefined) return 'restored'
  const known = await read(db, PLACE)
  return known === undefined || known.toString() === await placeOf(db.location) ? undefined : 'copied'
}

/** Notes that the log goes on where the folder is now. */
export async function settle (db: Database): Promise<void> {
  const place = await placeOf(db.location)
  if ((await read(db, PLACE))?.toString() !== place) await write(db, [put(PLACE, place)])
}

/** For the tools: the folder was made of something that may be older than it, or less. */
export async function noteRestored (db: Maintenance, at: string): Promise<void> {
  await db.write([put(RESTORED, JSON.stringify({ at }))])
}

export async function isRestored (view: View): Promise<boolean> {
  return await view.get(RESTORED) !== undefined
}

/** A person says that nothing is missing. */
export async function confirmRestored (db: Maintenance): Promise<void> {
  await db.write([{ type: 'del', key: RESTORED }])
}
