import { decimal, type Infer, integer, list, matching, object, text } from '../core/strict.js'
import { checksumKey, readSummed, summed } from './checksums.js'
import { type Database, lastAtOrBefore, put, read, readAll, stored, write } from './database.js'
import { type Doubt, type Doubtful, doubtOf, settled } from './doubt.js'
import { textKey } from './keys.js'

const MOST_MS = Number.MAX_SAFE_INTEGER
/** As it is stored. */
export const logIdentity = object({
  origin: matching(/^[a-z0-9.-]{1,63}\/[0-9a-f]{16}$/, '<name>/<16 hex>'), skewMs: integer(1, MOST_MS), deadlineMs: integer(1, MOST_MS), createdAt: text(64)
})

/** What the service fixed at its first start. Written once, by main. */
export type LogIdentity = Infer<typeof logIdentity>

const MOST_CHANGES = 1_000_000
/** As it is stored. */
export const bundleState = object({
  scanned: decimal, configs: list(decimal, MOST_CHANGES), definitions: list(object({ block: decimal, transaction: decimal }), MOST_CHANGES)
})

/** Which blocks make the trust bundle's history; owned by the bundle's scanner. `scanned` is the first block not looked at. */
export type BundleState = Infer<typeof bundleState>

export const NOT_SCANNED: BundleState = { scanned: '0', configs: [], definitions: [] }

const LOG = textKey('x', 'log')
const BUNDLE = textKey('x', 'bundle')

/** Single values of the service. */
export interface Meta {
  /** Of the database's files. */
  readonly folder: string
  log (): Promise<LogIdentity | undefined>
  createLog (value: LogIdentity): Promise<void>
  /** Gives the identity of the log a checksum, where an earlier version wrote none; to be called when it was found right. */
  protectLog (): Promise<void>
  bundle (): Promise<BundleState>
  saveBundle (value: BundleState): Promise<void>
  /** The last trust bundle, its exact bytes. */
  bundleFile (): Promise<Uint8Array | undefined>
  saveBundleFile (bytes: Uint8Array): Promise<void>
  isOnLedger (): Promise<boolean>
  /** Why this folder may be older than what was promised from it. */
  doubt (): Promise<Doubt | undefined>
  /** The log goes on where the folder is now. */
  settle (): Promise<void>
}

/** Whether the log was on its ledger: there is its trust bundle, which is made of that as soon as it is reached. */
export async function isOnLedger (db: { get (key: Buffer): Promise<Buffer | undefined> }): Promise<boolean> {
  return await db.get(textKey('x', 'bundle-file')) !== undefined
}

export function createMeta (db: Database): Meta {
  const doubtful: Doubtful = { folder: db.location, get: (key) => read(db, key), floor: (key) => lastAtOrBefore(db, key) }
  return {
    folder: db.location,
    async log () {
      const found = await readSummed(db, LOG, 'the identity of the log')
      return found === undefined ? undefined : stored(found, 'the identity of the log', logIdentity)
    },
    createLog: (value) => write(db, summed(LOG, JSON.stringify(value))),
    async protectLog () {
      const [value, sum] = await readAll(db, [LOG, checksumKey(LOG)])
      if (value !== undefined && sum === undefined) await write(db, summed(LOG, value))
    },
    async bundle () {
      const found = await readSummed(db, BUNDLE, 'the state of the trust bundle')
      return found === undefined ? NOT_SCANNED : stored(found, 'the state of the trust bundle', bundleState)
    },
    saveBundle: (value) => write(db, summed(BUNDLE, JSON.stringify(value))),
    bundleFile: () => read(db, textKey('x', 'bundle-file')),
    saveBundleFile: (bytes) => write(db, [put(textKey('x', 'bundle-file'), Buffer.from(bytes))]),
    isOnLedger: () => isOnLedger(doubtful),
    doubt: () => doubtOf(doubtful),
    async settle () {
      const puts = await settled(doubtful)
      if (puts.length > 0) await write(db, puts)
    }
  }
}
