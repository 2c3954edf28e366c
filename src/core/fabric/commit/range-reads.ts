/**
 * How Fabric records the results of a range query: as they are up to 50, and as a Merkle summary beyond.
 * @module
 */
import { concat } from '../../bytes.js'
import type { Sha256 } from '../../merkle.js'
import { kvrwset } from '../proto.js'
import type { StateVersion } from './state.js'

/** Reads per leaf, and children per node. */
const MAX_DEGREE = 50

/** One `KVRead`; without a version the key did not exist. */
export function kvRead (key: string, version: StateVersion | undefined): kvrwset.KVRead {
  const read = new kvrwset.KVRead()
  read.setKey(key)
  if (version !== undefined) {
    const message = new kvrwset.Version()
    message.setBlockNum(version.block)
    message.setTxNum(version.tx)
    read.setVersion(message)
  }
  return read
}

/** The results of one range query, in the order in which they were read. */
export class RangeReads {
  readonly #crypto: Sha256
  readonly #maxDegree: number
  /** Hashes by level, from 1; a level is folded into the next when it is full. */
  readonly #levels = new Map<number, Uint8Array[]>()
  #maxLevel = 1
  #pending: kvrwset.KVRead[] = []

  constructor (crypto: Sha256, maxDegree = MAX_DEGREE) {
    this.#crypto = crypto
    this.#maxDegree = maxDegree
  }

  add (read: kvrwset.KVRead): void {
    this.#pending.push(read)
    if (this.#pending.length > this.#maxDegree) this.#hashPending()
  }

  /** The results themselves, or their summary. Call once, at the end. */
  finish (): { reads: kvrwset.KVRead[] } | { summary: kvrwset.QueryReadsMerkleSummary } {
    if (this.#maxLevel === 1 && !this.#levels.has(1)) return { reads: this.#pending }
    if (this.#pending.length > 0) this.#hashPending()
    this.#complete()
    const summary = new kvrwset.QueryReadsMerkleSummary()
    summary.setMaxDegree(this.#maxDegree)
    summary.setMaxLevel(this.#maxLevel)
    summary.setMaxLevelHashesList(this.#levels.get(this.#maxLevel) ?? [])
    return { summary }
  }

  #hashPending (): void {
    const reads = new kvrwset.QueryReads()
    reads.setKvReadsList(this.#pending)
    this.#pending = []
    this.#push(1, this.#crypto.sha256(reads.serializeBinary()))
    for (let level = 1; this.#hashes(level).length > this.#maxDegree; level++) this.#fold(level)
  }

  #complete (): void {
    for (let level = 1; level < this.#maxLevel; level++) {
      const [first, ...rest] = this.#hashes(level)
      if (first === undefined) continue
      this.#levels.delete(level)
      this.#push(level + 1, rest.length === 0 ? first : this.#crypto.sha256(concat(first, ...rest)))
    }
    if (this.#hashes(this.#maxLevel).length > this.#maxDegree) this.#fold(this.#maxLevel)
  }

  #fold (level: number): void {
    const combined = this.#crypto.sha256(concat(...this.#hashes(level)))
    this.#levels.delete(level)
    this.#push(level + 1, combined)
  }

  #push (level: number, hash: Uint8Array): void {
    this.#levels.set(level, [...this.#hashes(level), hash])
    this.#maxLevel = Math.max(this.#maxLevel, level)
  }

  #hashes (level: number): Uint8Array[] {
    return this.#levels.get(level) ?? []
  }
}
