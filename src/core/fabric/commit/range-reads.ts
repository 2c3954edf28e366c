/**
 * How Fabric records the results of a range query: as they are up to 50, and as a Merkle summary beyond.
 * @module
 */
import { concat, utf8 } from '../../bytes.js'
import type { Sha256 } from '../../merkle.js'
import { encodeField, encodeMessage, encodeNumber } from '../wire.js'
import type { StateVersion } from './state.js'

/** Reads per leaf, and children per node. */
const MAX_DEGREE = 50

/** One result: a key and where it was written. */
export type RangeRead = StateVersion & { readonly key: string }

/** `QueryReadsMerkleSummary`. */
export interface RangeSummary {
  readonly maxDegree: number
  readonly maxLevel: number
  readonly maxLevelHashes: readonly Uint8Array[]
}

/** `QueryReads` bytes. */
function encodeReads (reads: readonly RangeRead[]): Uint8Array {
  return concat(...reads.map(({ key, block, tx }) =>
    encodeMessage(1, concat(encodeField(1, utf8(key)), encodeMessage(2, concat(encodeNumber(1, block), encodeNumber(2, tx)))))))
}

/** The results of one range query, in the order in which they were read. */
export class RangeReads {
  readonly #crypto: Sha256
  readonly #maxDegree: number
  /** Hashes by level, from 1; a level is folded into the next when it is full. */
  readonly #levels = new Map<number, Uint8Array[]>()
  #maxLevel = 1
  #pending: RangeRead[] = []

  constructor (crypto: Sha256, maxDegree = MAX_DEGREE) {
    this.#crypto = crypto
    this.#maxDegree = maxDegree
  }

  add (read: RangeRead): void {
    this.#pending.push(read)
    if (this.#pending.length > this.#maxDegree) this.#hashPending()
  }

  /** The results themselves, or their summary. Call once, at the end. */
  finish (): { reads: readonly RangeRead[] } | { summary: RangeSummary } {
    if (this.#maxLevel === 1 && !this.#levels.has(1)) return { reads: this.#pending }
    if (this.#pending.length > 0) this.#hashPending()
    this.#complete()
    return { summary: { maxDegree: this.#maxDegree, maxLevel: this.#maxLevel, maxLevelHashes: this.#hashes(this.#maxLevel) } }
  }

  #hashPending (): void {
    this.#push(1, this.#crypto.sha256(encodeReads(this.#pending)))
    this.#pending = []
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
