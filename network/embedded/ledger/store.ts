/**
 * The ledger on disk: one level database. A block, its transactions' index, the state, its history and the tip are written in one
 * synced batch, so that after a crash either all of a block is there or nothing of it. Level's own lock on the folder is the
 * network's lock.
 * @module
 */
import { mkdirSync } from 'node:fs'
import { Level } from 'level'
import { concat, fromHex, fromUtf8, toHex, utf8 } from '../../../src/core/bytes.js'
import type { HistoryEntry, TransactionLocation } from '../channel.js'
import type { StateUpdate, StateVersion } from '../../../src/core/fabric/commit/state.js'
import { EmbeddedNetworkError } from '../errors.js'
import {
  blockKey, hashedNamespace, hashKey, historyKey, historyPrefix, keyOfState, privateContentBounds, privateContentKey, readUint32, readUint64,
  stateBounds, stateKey, tipKey, transactionKey, uint32, uint64
} from './keys.js'

/** A committed value and where it was written. */
export interface VersionedValue extends StateVersion {
  readonly value: Uint8Array
}

/** How far the ledger is. */
export interface Tip {
  readonly height: number
  /** Header hash of the last block. */
  readonly hash: Uint8Array
  readonly commitHash: Uint8Array
  readonly lastConfigBlock: number
}

/** One write of a valid transaction, for the key's history. */
export interface HistoryRecord extends HistoryEntry {
  readonly namespace: string
  readonly key: string
  readonly tx: number
}

/** What a block changes in the private state, and the waiting content that it uses up. */
export interface PrivateUpdates {
  readonly updates: readonly StateUpdate[]
  /** SHA-256 of each. */
  readonly contents: readonly Uint8Array[]
}

/** Everything that a block changes. */
export interface BlockCommit {
  readonly number: number
  readonly bytes: Uint8Array
  readonly tip: Tip
  readonly updates: readonly StateUpdate[]
  readonly privateUpdates: PrivateUpdates
  readonly history: readonly HistoryRecord[]
  /** First occurrences only. */
  readonly transactions: ReadonlyArray<TransactionLocation & { readonly txId: string }>
}

type Database = Level<Uint8Array, Uint8Array>
/** A token for reading the state as it was when it was taken. */
export type Snapshot = ReturnType<Database['snapshot']>

const BINARY = { keyEncoding: 'view', valueEncoding: 'view' } as const

/** Opens the database of a folder, and with it the network's lock. */
export async function openStore (folder: string): Promise<Store> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  const database: Database = new Level(folder, BINARY)
  try {
    await database.open()
  } catch (cause) {
    if (isLocked(cause)) {
      throw new EmbeddedNetworkError({ code: 'FOLDER_LOCKED', message: 'another process runs on this data folder', cause })
    }
    throw new EmbeddedNetworkError({ code: 'FOLDER_DAMAGED', message: 'the ledger cannot be opened', cause })
  }
  return new Store(database)
}

function isLocked (error: unknown): boolean {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED'
}

/** The opened database. */
export class Store {
  readonly #database: Database

  constructor (database: Database) {
    this.#database = database
  }

  /** Undefined: no block yet. */
  async tip (): Promise<Tip | undefined> {
    const bytes = await this.#get(tipKey)
    if (bytes === undefined) return undefined
    const tip = JSON.parse(fromUtf8(bytes)) as { height: number, hash: string, commitHash: string, lastConfigBlock: number }
    return { ...tip, hash: fromHex(tip.hash), commitHash: fromHex(tip.commitHash) }
  }

  async block (number: number): Promise<Uint8Array | undefined> {
    return await this.#get(blockKey(number))
  }

  async blockByHash (hash: Uint8Array): Promise<number | undefined> {
    const bytes = await this.#get(hashKey(hash))
    return bytes === undefined ? undefined : readUint64(bytes, 0)
  }

  async transaction (txId: string): Promise<TransactionLocation | undefined> {
    const bytes = await this.#get(transactionKey(txId))
    return bytes === undefined ? undefined : { block: readUint64(bytes, 0), index: readUint32(bytes, 8), code: bytes[12] ?? 0 }
  }

  /** A token; close it. */
  snapshot (): Snapshot {
    return this.#database.snapshot()
  }

  async state (namespace: string, key: string, snapshot?: Snapshot): Promise<VersionedValue | undefined> {
    const bytes = await this.#get(stateKey(namespace, key), snapshot)
    return bytes === undefined ? undefined : versionedValue(bytes)
  }

  /** Keys from `start` to before `end` ('' = no bound) in byte order. */
  async * range (
    namespace: string, start: string, end: string, snapshot?: Snapshot
  ): AsyncGenerator<{ key: string, value: VersionedValue }> {
    const bounds = stateBounds(namespace, start, end)
    for await (const [key, bytes] of this.#database.iterator(snapshot === undefined ? bounds : { ...bounds, snapshot })) {
      yield { key: keyOfState(namespace, key), value: versionedValue(bytes) }
    }
  }

  /** Modifications of a key, newest first. */
  async * history (namespace: string, key: string, snapshot: Snapshot): AsyncGenerator<HistoryEntry> {
    const gte = historyPrefix(namespace, key)
    const lt = concat(gte, new Uint8Array(13).fill(0xff))
    for await (const bytes of this.#database.values({ gte, lt, reverse: true, snapshot })) yield historyEntry(bytes)
  }

  /** Keeps private content that was endorsed at this height until a block names its hash. */
  async keepPrivateContent (hash: Uint8Array, content: Uint8Array, height: number): Promise<void> {
    await this.#database.put(privateContentKey(hash), concat(uint64(height), content))
  }

  async privateContent (hash: Uint8Array): Promise<Uint8Array | undefined> {
    return (await this.#get(privateContentKey(hash)))?.subarray(8)
  }

  /** Forgets private content that was endorsed below this height: its transaction will not come any more. */
  async dropPrivateContents (below: number): Promise<void> {
    for await (const [key, bytes] of this.#database.iterator(privateContentBounds)) {
      if (readUint64(bytes, 0) < below) await this.#database.del(key)
    }
  }

  /** Makes a block durable; when it resolves, the block survives a power cut. */
  async commit (commit: BlockCommit): Promise<void> {
    const batch = this.#database.batch()
    batch.put(blockKey(commit.number), commit.bytes)
    batch.put(hashKey(commit.tip.hash), uint64(commit.number))
    batch.put(tipKey, tipBytes(commit.tip))
    for (const update of [...commit.updates, ...commit.privateUpdates.updates]) {
      const { namespace, collection } = update
      const key = stateKey(collection === undefined ? namespace : hashedNamespace(namespace, collection), update.key)
      if (update.value === undefined) batch.del(key)
      else batch.put(key, concat(uint64(update.block), uint32(update.tx), update.value))
    }
    for (const hash of commit.privateUpdates.contents) batch.del(privateContentKey(hash))
    for (const record of commit.history) {
      batch.put(historyKey(record.namespace, record.key, commit.number, record.tx), historyBytes(record))
    }
    for (const { txId, block, index, code } of commit.transactions) {
      batch.put(transactionKey(txId), concat(uint64(block), uint32(index), Uint8Array.of(code)))
    }
    await batch.write({ sync: true })
  }

  async close (): Promise<void> {
    await this.#database.close()
  }

  /** Level's types say that a key is always found. */
  async #get (key: Uint8Array, snapshot?: Snapshot): Promise<Uint8Array | undefined> {
    return await (snapshot === undefined ? this.#database.get(key) : this.#database.get(key, { snapshot }))
  }
}

function versionedValue (bytes: Uint8Array): VersionedValue {
  return { block: readUint64(bytes, 0), tx: readUint32(bytes, 8), value: bytes.subarray(12) }
}

function tipBytes (tip: Tip): Uint8Array {
  return utf8(JSON.stringify({ ...tip, hash: toHex(tip.hash), commitHash: toHex(tip.commitHash) }))
}

function historyBytes ({ timestamp, isDelete, txId, value }: HistoryEntry): Uint8Array {
  const id = utf8(txId)
  const fixed = concat(uint64(Number(timestamp.seconds)), uint32(timestamp.nanos), Uint8Array.of(isDelete ? 1 : 0), uint32(id.length))
  return concat(fixed, id, value)
}

function historyEntry (bytes: Uint8Array): HistoryEntry {
  const idEnd = 17 + readUint32(bytes, 13)
  return {
    timestamp: { seconds: BigInt(readUint64(bytes, 0)), nanos: readUint32(bytes, 8) },
    isDelete: bytes[12] === 1,
    txId: fromUtf8(bytes.subarray(17, idEnd)),
    value: bytes.subarray(idEnd)
  }
}
