import { hash } from 'node:crypto'
import { MerkleTree } from 'merkletreejs'
import { equalBytes } from '../core/bytes.js'
import type { Crypto } from '../core/crypto.js'
import { EvidenceError } from '../core/errors.js'
import { HASH_SIZE, inclusionPath, treeLevels, verifyInclusion } from '../core/merkle.js'
import { ownTurn } from './turns.js'

/** Leaf hashes in one tile. A power of two, so that the tree over the tiles' roots is the upper part of the whole tree. */
export const TILE = 256
const NODE_PREFIX = Buffer.of(0x01)
/**
 * How long a tree is built before the event loop turns. Much less, and under load, when a turn takes long, trees would be built more slowly
 * than deposits arrive.
 */
const TURN_MS = 2

/**
 * The tree of a batch, RFC 9162, by merkletreejs: only its constructor and `getRoot` are used, since most of the rest of it is unfit for
 * evidence (DESIGN.md section 3); paths are by core. It is built a tile at a time, which takes less than a millisecond, with a
 * turn of the event loop now and then.
 */
export interface BatchTree {
  readonly root: Uint8Array
  readonly tiles: readonly Buffer[]
  /** Roots of the tiles, concatenated. */
  readonly tileRoots: Buffer
}

/** Builds a batch's tree over 1 or more leaf hashes, concatenated. Every root is computed by core as well; a difference is an error. */
export async function buildBatchTree (crypto: Crypto, leaves: Buffer): Promise<BatchTree> {
  const tiles: Buffer[] = []
  const roots: Buffer[] = []
  let turned = performance.now()
  for (let at = 0; at < leaves.length; at += TILE * HASH_SIZE) {
    if (performance.now() - turned > TURN_MS) {
      await ownTurn()
      turned = performance.now()
    }
    const tile = leaves.subarray(at, at + TILE * HASH_SIZE)
    tiles.push(tile)
    roots.push(checkedRoot(crypto, hashesOf(tile)))
  }
  return { root: checkedRoot(crypto, roots), tiles, tileRoots: Buffer.concat(roots) }
}

function checkedRoot (crypto: Crypto, leaves: readonly Uint8Array[]): Buffer {
  if (leaves.length === 0) throw new EvidenceError({ code: 'ARGUMENT', message: 'an empty batch has no tree' })
  const root = treeOf(leaves).getRoot()
  if (!equalBytes(root, treeLevels(crypto, leaves).at(-1)?.[0] as Uint8Array)) throw inconsistent('two computations of a root differ')
  return root
}

/**
 * The inclusion path of leaf `index` of a batch, from the stored tile and tile roots; at most 511 hashes whatever the size. It is
 * verified against the root by core before it is returned.
 */
export function batchPath (crypto: Crypto, input: BatchPathInput): Uint8Array[] {
  const { index, size, root, tile, tileRoots } = input
  const leaves = hashesOf(tile)
  const inTile = index % TILE
  const leaf = leaves[inTile]
  if (leaf === undefined) throw inconsistent('the tile ends before the leaf')
  const roots = hashesOf(tileRoots)
  const tileIndex = Math.floor(index / TILE)
  if (tileIndex >= roots.length) throw inconsistent('the tile roots end before the tile')
  const path = [...inclusionPath(crypto, leaves, inTile), ...inclusionPath(crypto, roots, tileIndex)]
  if (!verifyInclusion(crypto, leaf, index, size, path, root)) throw inconsistent('a stored tile does not lead to its root')
  return path
}

export interface BatchPathInput {
  readonly index: number
  readonly size: number
  readonly root: Uint8Array
  /** The tile that holds `index`. */
  readonly tile: Uint8Array
  readonly tileRoots: Uint8Array
}

/** Concatenated hashes, one by one. */
export function hashesOf (bytes: Uint8Array): Buffer[] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length / HASH_SIZE }, (_, i) => all.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE))
}

function treeOf (leaves: readonly Uint8Array[]): MerkleTree {
  return new MerkleTree([...leaves], sha256, { concatenator: (pair) => Buffer.concat([NODE_PREFIX, ...pair]) })
}

function sha256 (data: unknown): Buffer {
  return Buffer.from(hash('sha256', data as Buffer, 'hex'), 'hex')
}

function inconsistent (message: string): EvidenceError {
  return new EvidenceError({ code: 'ARGUMENT', message })
}
