import { compareBytes, utf8 } from '../../../src/core/bytes.js'
import type { StateVersion } from '../../../src/core/fabric/commit/state.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import { kvrwset, rwset } from '../proto.js'

/** What a collection's part of a simulation is encoded to. */
export interface EncodedCollection {
  /** Of keys and values only their hashes: what goes into the transaction. */
  readonly hashed: rwset.CollectionHashedReadWriteSet
  /** `kvrwset.KVRWSet` bytes, the keys and values that `hashed` has the hash of; absent when nothing was written. */
  readonly content?: Uint8Array
}

/** Collects what a simulation reads and writes in one collection of private data. Hashes stand in the order of the keys, as in Fabric. */
export class CollectionSet {
  readonly #reads = new Map<string, StateVersion | undefined>()
  readonly #writes = new Map<string, Uint8Array>()

  read (key: string, version: StateVersion | undefined): void {
    this.#reads.set(key, version)
  }

  write (key: string, value: Uint8Array): void {
    this.#writes.set(key, value)
  }

  /** Nobody read or wrote: the transaction says nothing of it. */
  get isEmpty (): boolean {
    return this.#reads.size === 0 && this.#writes.size === 0
  }

  encode (name: string): EncodedCollection {
    const set = new kvrwset.HashedRWSet()
    set.setHashedReadsList(inByteOrder(this.#reads).map(([key, version]) => readHash(key, version)))
    set.setHashedWritesList(inByteOrder(this.#writes).map(([key, value]) => writeHash(key, value)))
    const hashed = new rwset.CollectionHashedReadWriteSet()
    hashed.setCollectionName(name)
    hashed.setHashedRwset(set.serializeBinary())
    if (this.#writes.size === 0) return { hashed }
    const content = this.#content()
    hashed.setPvtRwsetHash(nodeCrypto.sha256(content))
    return { hashed, content }
  }

  #content (): Uint8Array {
    const set = new kvrwset.KVRWSet()
    set.setWritesList(inByteOrder(this.#writes).map(([key, value]) => kvWrite(key, value)))
    return set.serializeBinary()
  }
}

/** One `KVWrite`; undefined deletes. */
export function kvWrite (key: string, value: Uint8Array | undefined): kvrwset.KVWrite {
  const write = new kvrwset.KVWrite()
  write.setKey(key)
  // Fabric marks a write of nothing as a deletion (FAB-18386), and every reader takes it as one.
  if (value === undefined || value.length === 0) write.setIsDelete(true)
  else write.setValue(value)
  return write
}

export function versionMessage ({ block, tx }: StateVersion): kvrwset.Version {
  const message = new kvrwset.Version()
  message.setBlockNum(block)
  message.setTxNum(tx)
  return message
}

function readHash (key: string, version: StateVersion | undefined): kvrwset.KVReadHash {
  const read = new kvrwset.KVReadHash()
  read.setKeyHash(nodeCrypto.sha256(utf8(key)))
  if (version !== undefined) read.setVersion(versionMessage(version))
  return read
}

function writeHash (key: string, value: Uint8Array): kvrwset.KVWriteHash {
  const write = new kvrwset.KVWriteHash()
  write.setKeyHash(nodeCrypto.sha256(utf8(key)))
  if (value.length === 0) write.setIsDelete(true)
  else write.setValueHash(nodeCrypto.sha256(value))
  return write
}

/** Entries in the byte order of their keys. */
export function inByteOrder<T> (map: ReadonlyMap<string, T>): Array<[string, T]> {
  const entries = [...map].map(([key, value]) => ({ key, value, bytes: utf8(key) }))
  return entries.sort((a, b) => compareBytes(a.bytes, b.bytes)).map(({ key, value }) => [key, value])
}
