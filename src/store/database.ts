import { dirname } from 'node:path'
import { Level } from 'level'
import type { Parser } from '../core/strict.js'
import { StoreError, writeError } from './errors.js'
import { putAside } from './kept-database.js'
import { textKey } from './keys.js'
import { noDatabase } from './lock.js'
import { openError } from './open-error.js'
import { distrust, isTrusted, reopened, trusted } from './reopening.js'
import { makeFolder, unusable } from './unusable.js'
import { requireSoundLogs, withRemedy } from './write-ahead-log.js'

export type Database = Level<Buffer, Buffer>
export interface Put { readonly type: 'put', readonly key: Buffer, readonly value: Buffer }

const SCHEMA = 'steelyard-store/1'
const MIB = 1024 ** 2
const OPTIONS = {
  keyEncoding: 'buffer',
  valueEncoding: 'buffer',
  cacheSize: 32 * MIB,
  writeBufferSize: 16 * MIB,
  maxFileSize: 8 * MIB // LevelDB keeps 1,000 tables open, and a read from any other opens it first: 8 GB, or 2 * 10^7 deposits
} as const

/**
 * Opens the one database of a service and checks its schema. One process at a time holds it: a second one gets `LOCKED`.
 */
export async function openDatabase (folder: string): Promise<Database> {
  if (await putAside(folder) !== undefined) throw await noDatabase(folder) // a new one would be of another log
  await makeFolder(folder)
  await requireSoundLogs(folder)
  const db: Database = new Level<Buffer, Buffer>(folder, OPTIONS)
  try {
    await db.open()
  } catch (cause) {
    throw withRemedy(openError(folder, cause), dirname(folder))
  }
  try {
    await checkSchema(db)
  } catch (error) {
    await db.close()
    throw error
  }
  return db
}

async function checkSchema (db: Database): Promise<void> {
  const key = textKey('x', 'schema')
  const found = await db.get(key) as Buffer | undefined
  if (found === undefined) {
    await write(db, [{ type: 'put', key, value: Buffer.from(SCHEMA) }])
  } else if (found.toString() !== SCHEMA) {
    throw new StoreError({ code: 'SCHEMA', message: `the database has schema ${found.toString()}, this version reads ${SCHEMA}` })
  }
}

/**
 * One atomic write, on disk when this resolves. One that fails may be there all the same, after the database was opened again: whoever
 * repeats it must not mind.
 */
export async function write (db: Database, puts: readonly Put[], dels: readonly Buffer[] = []): Promise<void> {
  if (!isTrusted(db)) await reopened(db)
  try {
    const batch = db.batch() // put by put: an array of operations costs level four times as much processor time
    for (const key of dels) batch.del(key)
    for (const { key, value } of puts) batch.put(key, value)
    await batch.write({ sync: true })
  } catch (cause) {
    distrust(db)
    throw writeError('the database could not write', cause)
  }
  // It may stand behind one that failed and is cut off there.
  if (!isTrusted(db)) throw new StoreError({ code: 'WRITE_FAILED', message: 'another write failed at the same time' })
}

function readError ({ location }: Database, cause: unknown): StoreError {
  return unusable(cause, location) ?? new StoreError({ code: 'UNREADABLE', message: `the database in ${location} could not read`, cause })
}

/** The value of a key, or undefined. */
export async function read (db: Database, key: Buffer): Promise<Buffer | undefined> {
  try {
    await trusted(db)
    return await db.get(key)
  } catch (cause) {
    throw readError(db, cause)
  }
}

/** The values of several keys at once: one trip to the database's threads. */
export async function readAll (db: Database, keys: Buffer[]): Promise<(Buffer | undefined)[]> {
  try {
    await trusted(db)
    return await db.getMany(keys)
  } catch (cause) {
    throw readError(db, cause)
  }
}

export function put (key: Buffer, value: Buffer | string): Put {
  return { type: 'put', key, value: typeof value === 'string' ? Buffer.from(value) : value }
}

/** The last entry at or before `key` that has its prefix byte. */
export async function lastAtOrBefore (db: Database, key: Buffer): Promise<[Buffer, Buffer] | undefined> {
  await trusted(db)
  const found = db.iterator({ gte: key.subarray(0, 1), lte: key, reverse: true, limit: 1 })
  try {
    return await found.next()
  } catch (cause) {
    throw readError(db, cause)
  } finally {
    found.close().catch(() => undefined) // a trip to the database's threads that nobody need wait for; closing the database does
  }
}

/** JSON that this store wrote itself, read by a strict parser where its form matters; anything else is `DAMAGED`. */
export function stored<T = unknown> (bytes: Uint8Array, what: string, parser?: Parser<T>): T {
  try {
    const value = JSON.parse(Buffer.from(bytes).toString()) as T
    return parser === undefined ? value : parser(value, what)
  } catch (cause) {
    throw new StoreError({ code: 'DAMAGED', message: `${what} in the database is not readable`, cause })
  }
}
