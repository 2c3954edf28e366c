import { compareBytes, toHex, utf8 } from '../bytes.js'
import { decodeExact } from './message.js'
import * as messages from './messages.js'
import { FabricRefusal } from './refusal.js'

/** Where a value was written: block and transaction index. */
export interface Version {
  readonly block: bigint
  readonly tx: bigint
}

export interface Read {
  readonly key: string
  /** Absent: the key did not exist, which is another statement than version (0, 0). */
  readonly version?: Version
}

export interface Write {
  readonly key: string
  readonly isDelete: boolean
  readonly value: Uint8Array
}

/** What a transaction or a query read and wrote in one namespace. */
export interface NsRwset {
  readonly namespace: string
  readonly reads: readonly Read[]
  readonly writes: readonly Write[]
  readonly rangeQueries: readonly messages.RangeQueryInfo[]
  readonly metadataWrites: number
  readonly collections: readonly CollectionRwset[]
}

/** What was read and written in a private collection, as everybody sees it: by the hashes of keys and values. */
export interface CollectionRwset {
  readonly name: string
  /** Keys are the hexadecimal of their hash. */
  readonly reads: readonly Read[]
  readonly writes: readonly Write[]
  readonly metadataWrites: number
  /** SHA-256 of the keys and values that were written, as its members have them; empty where nothing was. */
  readonly contentHash: Uint8Array
}

/** SHA-256 of no bytes: the hash of a value that deletes its key, since an empty value does (FAB-18386). */
const HASH_OF_NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'
/** TxReadWriteSet.DataModel */
const KEY_VALUE = 0

/**
 * Parses a TxReadWriteSet. Namespaces, and keys within one, must rise in byte order, as Fabric writes them: a second write of a key
 * could otherwise replace the one that was shown.
 */
export function parseReadWriteSets (results: Uint8Array): NsRwset[] {
  const set = decodeExact(messages.txReadWriteSet, results)
  if (set.dataModel !== KEY_VALUE) throw new FabricRefusal('READ_WRITE_SET', 'not a key-value read/write set')
  const sets = set.nsRwset.map(readNamespace)
  requireRising(sets.map(({ namespace }) => namespace), 'namespaces')
  return sets
}

function readNamespace (set: messages.NsReadWriteSet): NsRwset {
  const kv = decodeExact(messages.kvRwset, set.rwset)
  const reads = kv.reads.map(readRead)
  requireRising(reads.map(({ key }) => key), 'keys read')
  requireRising(kv.writes.map(({ key }) => key), 'keys written')
  return {
    namespace: set.namespace,
    reads,
    writes: kv.writes,
    rangeQueries: kv.rangeQueriesInfo,
    metadataWrites: kv.metadataWrites.length,
    collections: set.collectionHashedRwset.map(readCollection)
  }
}

function readCollection ({ collectionName, hashedRwset, pvtRwsetHash }: messages.CollectionHashedReadWriteSet): CollectionRwset {
  const hashed = decodeExact(messages.hashedRwset, hashedRwset)
  return {
    name: collectionName,
    reads: hashed.hashedReads.map(({ keyHash, version }) => readVersion(toHex(keyHash), version)),
    writes: hashed.hashedWrites.map(({ keyHash, isDelete, valueHash: value }) => (
      { key: toHex(keyHash), isDelete: isDelete || toHex(value) === HASH_OF_NOTHING, value }
    )),
    metadataWrites: hashed.metadataWrites.length,
    contentHash: pvtRwsetHash
  }
}

function readRead ({ key, version }: messages.KvRead): Read {
  return readVersion(key, version)
}

function readVersion (key: string, version: messages.KvRead['version']): Read {
  return version === undefined ? { key } : { key, version: { block: BigInt(version.blockNum), tx: BigInt(version.txNum) } }
}

function requireRising (names: readonly string[], what: string): void {
  const bytes = names.map(utf8)
  const rising = bytes.every((name, i) => i === 0 || compareBytes(bytes[i - 1] as Uint8Array, name) < 0)
  if (!rising) throw new FabricRefusal('READ_WRITE_SET', `${what} are not distinct and in order`)
}

/** Whether two versions are the same place. */
export function equalVersions (a: Version | undefined, b: Version): boolean {
  return a !== undefined && a.block === b.block && a.tx === b.tx
}

/** Whether a transaction stands before another one. */
export function isBefore (a: Version, b: Version): boolean {
  return a.block < b.block || (a.block === b.block && a.tx < b.tx)
}
