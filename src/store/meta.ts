import { type Database, lastAtOrBefore, put, read, stored, write } from './database.js'
import { type Doubt, type Doubtful, doubtOf, settled } from './doubt.js'
import { textKey } from './keys.js'

/** What the service fixed at its first start. Written once, by main. */
export interface LogIdentity {
  /** `<name>/<16 hex>`. */
  readonly origin: string
  readonly skewMs: number
  readonly deadlineMs: number
  readonly createdAt: string
}

/** Which blocks make the trust bundle's history; owned by the bundle's scanner. `scanned` is the first block not looked at. */
export interface BundleState {
  readonly scanned: string
  readonly configs: readonly string[]
  readonly definitions: readonly { readonly block: string, readonly transaction: string }[]
}

/** Single values of the service. */
export interface Meta {
  /** Of the database's files. */
  readonly folder: string
  log (): Promise<LogIdentity | undefined>
  createLog (value: LogIdentity): Promise<void>
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
  const get = async <T>(name: string): Promise<T | undefined> => {
    const found = await read(db, textKey('x', name))
    return found === undefined ? undefined : stored(found, name) as T
  }
  const set = (name: string, value: unknown): Promise<void> => write(db, [put(textKey('x', name), JSON.stringify(value))])
  const doubtful: Doubtful = { folder: db.location, get: (key) => read(db, key), floor: (key) => lastAtOrBefore(db, key) }
  return {
    folder: db.location,
    log: () => get('log'),
    createLog: (value) => set('log', value),
    bundle: async () => await get<BundleState>('bundle') ?? { scanned: '0', configs: [], definitions: [] },
    saveBundle: (value) => set('bundle', value),
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
