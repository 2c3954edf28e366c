import { RangeReads } from '../../../src/core/fabric/commit/range-reads.js'
import type { StateVersion } from '../../../src/core/fabric/commit/state.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import { kvrwset, rwset } from '../proto.js'
import { CollectionSet, inByteOrder, kvWrite, versionMessage } from './collection-set.js'

/** A range query while it is read; `end` moves with the last key until the range is exhausted. */
export interface RecordedRange {
  /** What was read next; undefined: nothing is left. */
  read (key: string, version: StateVersion): void
  exhausted (): void
}

interface Range {
  readonly start: string
  end: string
  exhausted: boolean
  readonly reads: RangeReads
}

interface Namespace {
  readonly reads: Map<string, StateVersion | undefined>
  /** Undefined: deleted. */
  readonly writes: Map<string, Uint8Array | undefined>
  readonly ranges: Range[]
  readonly collections: Map<string, CollectionSet>
}

/** Collects what a simulation reads and writes, and encodes it as Fabric does: namespaces and keys in byte order. */
export class ReadWriteSet {
  readonly #namespaces = new Map<string, Namespace>()

  read (namespace: string, key: string, version: StateVersion | undefined): void {
    this.#namespace(namespace).reads.set(key, version)
  }

  write (namespace: string, key: string, value: Uint8Array | undefined): void {
    this.#namespace(namespace).writes.set(key, value)
  }

  range (namespace: string, start: string, end: string): RecordedRange {
    const range: Range = { start, end: '', exhausted: false, reads: new RangeReads(nodeCrypto) }
    this.#namespace(namespace).ranges.push(range)
    return {
      read: (key, version) => {
        range.reads.add({ ...version, key })
        range.end = key
      },
      exhausted: () => {
        range.exhausted = true
        range.end = end
      }
    }
  }

  /** Of private data of a namespace. */
  collection (namespace: string, name: string): CollectionSet {
    const { collections } = this.#namespace(namespace)
    let collection = collections.get(name)
    if (collection === undefined) {
      collection = new CollectionSet()
      collections.set(name, collection)
    }
    return collection
  }

  /** `rwset.TxReadWriteSet` bytes, and the private content that they have hashes of. Call once: it completes the range queries. */
  encode (): { readonly results: Uint8Array, readonly privateContents: readonly Uint8Array[] } {
    const privateContents: Uint8Array[] = []
    const set = new rwset.TxReadWriteSet()
    set.setDataModel(rwset.TxReadWriteSet.DataModel.KV)
    for (const [name, content] of inByteOrder(this.#namespaces)) {
      const collections = inByteOrder(content.collections).filter(([, hashes]) => !hashes.isEmpty)
      if (isEmpty(content) && collections.length === 0) continue
      const namespace = new rwset.NsReadWriteSet()
      namespace.setNamespace(name)
      namespace.setRwset(encodeNamespace(content).serializeBinary())
      for (const [collection, hashes] of collections) {
        const encoded = hashes.encode(collection)
        namespace.addCollectionHashedRwset(encoded.hashed)
        if (encoded.content !== undefined) privateContents.push(encoded.content)
      }
      set.addNsRwset(namespace)
    }
    return { results: set.serializeBinary(), privateContents }
  }

  #namespace (name: string): Namespace {
    let namespace = this.#namespaces.get(name)
    if (namespace === undefined) {
      namespace = { reads: new Map(), writes: new Map(), ranges: [], collections: new Map() }
      this.#namespaces.set(name, namespace)
    }
    return namespace
  }
}

function isEmpty ({ reads, writes, ranges }: Namespace): boolean {
  return reads.size === 0 && writes.size === 0 && ranges.length === 0
}

function encodeNamespace (content: Namespace): kvrwset.KVRWSet {
  const set = new kvrwset.KVRWSet()
  set.setReadsList(inByteOrder(content.reads).map(([key, version]) => kvRead(key, version)))
  set.setRangeQueriesInfoList(distinctRanges(content.ranges).map(encodeRange))
  set.setWritesList(inByteOrder(content.writes).map(([key, value]) => kvWrite(key, value)))
  return set
}

/** Fabric keeps the first of several range queries with the same bounds. */
function distinctRanges (ranges: readonly Range[]): Range[] {
  const known = new Set<string>()
  return ranges.filter(({ start, end, exhausted }) => {
    const id = JSON.stringify([start, end, exhausted])
    return !known.has(id) && known.add(id)
  })
}

/** One `KVRead`; without a version the key did not exist. */
function kvRead (key: string, version: StateVersion | undefined): kvrwset.KVRead {
  const read = new kvrwset.KVRead()
  read.setKey(key)
  if (version !== undefined) read.setVersion(versionMessage(version))
  return read
}

function encodeRange (range: Range): kvrwset.RangeQueryInfo {
  const info = new kvrwset.RangeQueryInfo()
  info.setStartKey(range.start)
  info.setEndKey(range.end)
  info.setItrExhausted(range.exhausted)
  const result = range.reads.finish()
  if ('summary' in result) {
    const summary = new kvrwset.QueryReadsMerkleSummary()
    summary.setMaxDegree(result.summary.maxDegree)
    summary.setMaxLevel(result.summary.maxLevel)
    summary.setMaxLevelHashesList([...result.summary.maxLevelHashes])
    info.setReadsMerkleHashes(summary)
  } else if (result.reads.length > 0) {
    const raw = new kvrwset.QueryReads()
    raw.setKvReadsList(result.reads.map(({ key, ...version }) => kvRead(key, version)))
    info.setRawReads(raw)
  }
  return info
}
