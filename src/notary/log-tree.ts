import { concat } from '../core/bytes.js'
import type { Crypto } from '../core/crypto.js'
import { type CompactRange, HASH_SIZE, rangeRoot, rootOf } from '../core/merkle.js'
import type { LogTileWrite } from '../store/batches.js'
import { StoreError } from '../store/errors.js'
import { TILE } from './batch-tree.js'
import { hashesOf } from './tree-nodes.js'

/**
 * The tree of the log out of stored tiles: tile (level, i) holds the roots of the subtrees of 256^level leaves number 256 i and following. So
 * any node is at most one tile away, and every path costs O(log n) reads.
 */
export interface LogTree {
  /** The compact range of the first `size` batches; its root is the head. */
  range (size: number): Promise<CompactRange>
  head (size: number): Promise<Uint8Array>
  /** Inclusion path of a batch in the log of `size` batches, RFC 9162 section 2.1.3.1. */
  inclusion (index: number, size: number): Promise<Uint8Array[]>
  /** Consistency path between two sizes, RFC 9162 section 2.1.4.1. */
  consistency (first: number, second: number): Promise<Uint8Array[]>
  /** The tiles that change when the batch with this leaf is appended to a log of `size` batches. */
  append (size: number, leaf: Uint8Array): Promise<LogTileWrite[]>
}

type ReadTile = (level: number, index: number) => Promise<Buffer | undefined>
const TILE_BITS = 8

export function createLogTree (crypto: Crypto, read: ReadTile): LogTree {
  const tileHashes = async (level: number, index: number, least: number): Promise<Buffer[]> => {
    const hashes = hashesOf(await read(level, index) ?? new Uint8Array(0))
    if (hashes.length < least) throw new StoreError({ code: 'DAMAGED', message: `log tile ${level}/${index} is incomplete` })
    return hashes
  }
  /** Root of the perfect subtree of 2^height leaves that starts at leaf `index` * 2^height. */
  const node = async (height: number, index: number): Promise<Uint8Array> => {
    const level = Math.floor(height / TILE_BITS)
    const width = 2 ** (height % TILE_BITS)
    const start = index * width
    const hashes = await tileHashes(level, Math.floor(start / TILE), start % TILE + width)
    return rootOf(crypto, hashes.slice(start % TILE, start % TILE + width))
  }
  /** The perfect subtrees that the leaves `from` to `to` decompose into; `from` must be aligned for that. */
  const cover = (from: number, to: number): Promise<Uint8Array[]> => {
    const parts: Promise<Uint8Array>[] = []
    for (let at = from; at < to;) {
      const height = Math.floor(Math.log2(to - at))
      parts.push(node(height, at / 2 ** height))
      at += 2 ** height
    }
    return Promise.all(parts)
  }
  const rootBetween = async (from: number, to: number): Promise<Uint8Array> =>
    rangeRoot(crypto, { size: to - from, hashes: await cover(from, to) })

  // SUBPROOF of RFC 9162 section 2.1.4.1, over the leaves `from` to `to`.
  const subProof = async (from: number, to: number, m: number, whole: boolean): Promise<Uint8Array[]> => {
    if (m === to - from) return whole ? [] : [await rootBetween(from, to)]
    const k = splitOf(to - from)
    return m <= k
      ? [...await subProof(from, from + k, m, whole), await rootBetween(from + k, to)]
      : [...await subProof(from + k, to, m - k, false), await rootBetween(from, from + k)]
  }

  // PATH of RFC 9162 section 2.1.3.1, of leaf `m` among the leaves `from` to `to`.
  const path = async (from: number, to: number, m: number): Promise<Uint8Array[]> => {
    if (to - from <= 1) return []
    const k = splitOf(to - from)
    return m < k
      ? [...await path(from, from + k, m), await rootBetween(from + k, to)]
      : [...await path(from + k, to, m - k), await rootBetween(from, from + k)]
  }

  return {
    range: async (size) => ({ size, hashes: await cover(0, size) }),
    head: async (size) => rangeRoot(crypto, { size, hashes: await cover(0, size) }),
    inclusion: async (index, size) => await path(0, size, index),
    consistency: async (first, second) => first === 0 || first === second ? [] : await subProof(0, second, first, true),

    async append (size, leaf) {
      const writes: LogTileWrite[] = []
      let index = size
      let hash = leaf
      for (let level = 0; ; level++) {
        const tile = Math.floor(index / TILE)
        const before = (await tileHashes(level, tile, index % TILE)).slice(0, index % TILE)
        writes.push({ level, index: tile, hashes: Buffer.from(concat(...before, hash)) })
        if (index % TILE !== TILE - 1) return writes
        hash = rootOf(crypto, [...before, hash]) // the tile is full: its root is a leaf one level up
        index = tile
      }
    }
  }
}

/** The largest power of two below `n`, for n > 1: where RFC 9162 splits a tree. */
function splitOf (n: number): number {
  return 2 ** Math.ceil(Math.log2(n) - 1)
}

/** Bytes of a full tile. */
export const TILE_BYTES = TILE * HASH_SIZE
