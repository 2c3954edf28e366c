import { hash, timingSafeEqual } from 'node:crypto'
import { hex, list, object, oneOf, text } from '../core/strict.js'
import { checksumKey, readSummed, summed } from './checksums.js'
import { type Database, read, stored, write } from './database.js'
import { StoreError, unlessDamaged } from './errors.js'
import type { StoreLog } from './log.js'
import { textKey } from './keys.js'

export const SCOPES = ['deposit', 'read', 'admin'] as const
/** `deposit`: make deposits; `read`: records and proofs of the key's own organization; `admin`: the service itself. */
export type Scope = typeof SCOPES[number]

export interface ApiKey {
  readonly id: string
  readonly organization: string
  readonly label: string
  readonly scopes: readonly Scope[]
}

interface StoredKey extends ApiKey { readonly hash: string }

export const storedKey = object({ id: hex(8), organization: hex(8), label: text(128), scopes: list(oneOf(...SCOPES), SCOPES.length), hash: hex(32) })

/**
 * API keys `sk_<id>.<secret>`. Only the SHA-256 of the secret is kept: 32 random bytes need no slow hash. All keys are in memory, so that
 * a request reads nothing; this object is their only writer.
 */
export interface ApiKeys {
  /** The key of a bearer token, or undefined. */
  authenticate (token: string): ApiKey | undefined
  /** A new token; it counts for nothing until it is registered. */
  newToken (): string
  /** Registers a key under a token of `newToken`, which is kept nowhere. */
  register (token: string, input: Omit<ApiKey, 'id'>): Promise<ApiKey>
  /** Entries that there are, damaged ones among them. */
  readonly size: number
}

const TOKEN = /^sk_([0-9a-f]{16})\.([\w-]{43})$/

/** An entry that is not what was written is left out: it opens nothing, and the others do. */
export async function openApiKeys (db: Database, random: (size: number) => Buffer, log: StoreLog): Promise<ApiKeys> {
  const keys = new Map<string, { key: ApiKey, hash: Buffer }>()
  const remember = ({ hash, ...key }: StoredKey): void => {
    keys.set(key.id, { key, hash: Buffer.from(hash, 'hex') })
  }
  let damaged = 0
  for (const id of await idsIn(db)) {
    const found = await unlessDamaged(readKey(db, id))
    if (found !== undefined) remember(found)
    else {
      damaged++
      log.error({ key: id }, 'an API key in the database is not what was written: it opens nothing (steelyard fsck)')
    }
  }

  return {
    authenticate (token) {
      const parts = TOKEN.exec(token)
      const found = keys.get(parts?.[1] ?? '')
      return found !== undefined && timingSafeEqual(hashOf(parts?.[2] ?? ''), found.hash) ? found.key : undefined
    },
    newToken: () => `sk_${random(8).toString('hex')}.${random(32).toString('base64url')}`,
    async register (token, input) {
      const [, id, secret] = TOKEN.exec(token) ?? []
      if (id === undefined || secret === undefined) throw new StoreError({ code: 'DAMAGED', message: 'not the token of an API key' })
      const value: StoredKey = { ...input, id, hash: hashOf(secret).toString('hex') }
      await write(db, summed(textKey('k', id), JSON.stringify(value)))
      remember(value)
      return { ...input, id }
    },
    get size () { return keys.size + damaged }
  }
}

/** Also of those that are gone, and have left their checksum. */
async function idsIn (db: Database): Promise<Set<string>> {
  const [from, to] = [Buffer.from('k'), Buffer.from('l')]
  const keys = await db.keys({ gte: from, lt: to }).all()
  const sums = await db.keys({ gte: checksumKey(from), lt: checksumKey(to) }).all()
  return new Set([...keys, ...sums.map((key) => key.subarray(checksumKey(from).length - from.length))].map((key) => key.toString('latin1', 1)))
}

/** Undefined where another stands under the id, or none. One of an earlier version gets its checksum. */
async function readKey (db: Database, id: string): Promise<StoredKey | undefined> {
  const key = textKey('k', id)
  const value = await readSummed(db, key, 'an API key')
  const found = value === undefined ? undefined : stored(value, 'an API key', storedKey)
  if (value === undefined || found?.id !== id) return undefined
  if (await read(db, checksumKey(key)) === undefined) await write(db, summed(key, value))
  return found
}

function hashOf (secret: string): Buffer {
  return Buffer.from(hash('sha256', secret, 'hex'), 'hex')
}
