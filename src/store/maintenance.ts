import { join } from 'node:path'
import { Level } from 'level'
import type { Database } from './database.js'
import { StoreError, writeError } from './errors.js'
import type { Prefix } from './keys.js'
import { isThere, noDatabase } from './lock.js'
import { openError } from './open-error.js'
import { unusable } from './unusable.js'
import { requireSoundLogs, withRemedy } from './write-ahead-log.js'

/**
 * The database as the operator's tools see it: raw, in the layout of keys.ts. A view owns nothing: it reads, and what it reads is one moment
 * of the database, also while the service writes.
 */
export interface View {
  /** `<data>/content`. */
  readonly content: string
  get (key: Buffer): Promise<Buffer | undefined>
  /** All entries of a prefix in order, from `from` on. */
  entries (prefix: Prefix, from?: Buffer): AsyncIterable<[Buffer, Buffer]>
  /** Every key there is, also those that no version of this program wrote. */
  keys (): AsyncIterable<Buffer>
  /** The last entry at or before `key` that has its prefix byte. */
  floor (key: Buffer): Promise<[Buffer, Buffer] | undefined>
  close (): Promise<void>
}

export type Operation = { readonly type: 'put', readonly key: Buffer, readonly value: Buffer } | { readonly type: 'del', readonly key: Buffer }

/** A view of a database that nobody else has open, and that can be changed. */
export interface Maintenance extends View {
  /** `<data>/db`. */
  readonly folder: string
  /** One atomic write, on disk when this resolves. */
  write (operations: readonly Operation[]): Promise<void>
}

const OPTIONS = { keyEncoding: 'buffer', valueEncoding: 'buffer' } as const

export interface MaintenanceOptions {
  /** Makes a database where there is none. */
  readonly create?: boolean
}

/**
 * Opens the database of a data folder for itself alone: `LOCKED` while a service has it. LevelDB writes when it opens: what it would drop for that is
 * refused as `DAMAGED` first, as at the start of a service, or the tool that looks for damage would be the one that removes its traces.
 */
export async function openMaintenance (data: string, { create = false }: MaintenanceOptions = {}): Promise<Maintenance> {
  const folder = join(data, 'db')
  if (!create) {
    try {
      if (await isThere(folder)) await requireSoundLogs(folder)
      if (!await isThere(join(folder, 'CURRENT'))) throw await noDatabase(folder)
    } catch (error) {
      throw unusable(error, data) ?? error
    }
  }
  const db: Database = new Level<Buffer, Buffer>(folder, { ...OPTIONS, createIfMissing: create })
  try {
    await db.open()
  } catch (cause) {
    throw withRemedy(openError(folder, cause), data)
  }
  return {
    ...viewOf(db, join(data, 'content'), {}),
    folder,
    write: async (operations) => {
      try {
        await db.batch([...operations], { sync: true })
      } catch (cause) {
        throw writeError(`the database in ${folder} could not write`, cause)
      }
    },
    close: () => db.close()
  }
}

/** One moment of a database that is in use. It must be closed, since it keeps what was deleted since. */
export function snapshotView (db: Database, content: string): View {
  const snapshot = db.snapshot()
  return { ...viewOf(db, content, { snapshot }), close: async () => { await snapshot.close() } }
}

type Reading = { snapshot?: ReturnType<Database['snapshot']> }

function viewOf (db: Database, content: string, reading: Reading): Omit<View, 'close'> {
  const guarded = async function * <T>(source: AsyncIterable<T>): AsyncGenerator<T, void> {
    try {
      yield * source
    } catch (cause) {
      throw damaged(db.location, cause)
    }
  }
  return {
    content,
    async get (key) {
      try {
        const found: Buffer | undefined = await db.get(key, reading)
        return found
      } catch (cause) {
        throw damaged(db.location, cause)
      }
    },
    entries: (prefix, from) => guarded(db.iterator({
      ...reading, gte: from ?? Buffer.from(prefix), lt: Buffer.of(prefix.charCodeAt(0) + 1)
    })),
    keys: () => guarded(db.keys(reading)),
    async floor (key) {
      const found = guarded<[Buffer, Buffer]>(db.iterator({ ...reading, gte: key.subarray(0, 1), lte: key, reverse: true, limit: 1 }))
      const step = await found.next()
      await found.return()
      return step.done === true ? undefined : step.value
    }
  }
}

/** What the database itself cannot read is damaged; other errors are a consumer's and pass. */
function damaged (folder: string, cause: unknown): unknown {
  if (cause instanceof StoreError || !(cause instanceof Error) || !('code' in cause)) return cause
  return unusable(cause, folder) ?? (String(cause.code).startsWith('LEVEL_')
    ? new StoreError({ code: 'DAMAGED', message: `the database in ${folder} cannot read one of its files (${cause.message})`, cause })
    : cause)
}
