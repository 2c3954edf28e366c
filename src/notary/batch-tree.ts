import { hash } from 'node:crypto'
import { channel } from 'node:diagnostics_channel'
import { MerkleTree } from 'merkletreejs'
import { equalBytes } from '../core/bytes.js'
import type { Crypto } from '../core/crypto.js'
import { EvidenceError } from '../core/errors.js'
import { HASH_SIZE, pathFromLevels, treeLevels, verifyInclusion } from '../core/merkle.js'
import { hashesOf, pathByNodes, upperNodes } from './tree-nodes.js'
import { ownTurn } from './turns.js'

/** Leaf hashes in one tile. A power of two, so that the tree over the tiles' roots is the upper part of the whole tree. */
export const TILE = 256
const NODE_PREFIX = Buffer.of(0x01)
/**
 * How long a tree is built before the event loop turns. Much less, and under load, when a turn takes long, trees would be built more slowly
 * than deposits arrive.
 */
const TURN_MS = 2
/** Told how long a tree was built between two turns of the event loop, in milliseconds. Nobody listens but `npm run bench`. */
const turns = channel('steelyard:tree-turn')

/**
 * The tree of a batch, RFC 9162, by merkletreejs: only its constructor and `getRoot` are used, since most of the rest of it is unfit for
 * evidence (DESIGN.md section 3); paths are by core. It is built a tile at a time, which takes less than a millisecond, with a
 * turn of the event loop now and then.
 */
export interface BatchTree {
  readonly root: Uint8Array
  readonly tiles: readonly Buffer[]
  /** Of each tile, what is kept of its tree beside the leaves. */
  readonly nodes: readonly Buffer[]
  /** Roots of the tiles, concatenated. */
  readonly tileRoots: Buffer
}

/** Builds a batch's tree over 1 or more leaf hashes, concatenated. Every root is computed by core as well; a difference is an error. */
export async function buildBatchTree (crypto: Crypto, leaves: Buffer): Promise<BatchTree> {
  const tiles: Buffer[] = []
  const nodes: Buffer[] = []
  const roots: Uint8Array[] = []
  let turned = performance.now()
  for (let at = 0; at < leaves.length; at += TILE * HASH_SIZE) {
    if (performance.now() - turned > TURN_MS) {
      turns.publish(performance.now() - turned)
      await ownTurn()
      turned = performance.now()
    }
    const tile = leaves.subarray(at, at + TILE * HASH_SIZE)
    const levels = checkedLevels(crypto, hashesOf(tile))
    tiles.push(tile)
    nodes.push(upperNodes(levels))
    roots.push(rootIn(levels))
  }
  const tree = { root: rootIn(checkedLevels(crypto, roots)), tiles, nodes, tileRoots: Buffer.concat(roots) }
  turns.publish(performance.now() - turned)
  return tree
}

type Levels = ReturnType<typeof treeLevels>

function checkedLevels (crypto: Crypto, leaves: readonly Uint8Array[]): Levels {
  if (leaves.length === 0) throw new EvidenceError({ code: 'ARGUMENT', message: 'an empty batch has no tree' })
  const levels = treeLevels(crypto, leaves)
  if (!equalBytes(treeOf(leaves).getRoot(), rootIn(levels))) throw inconsistent('two computations of a root differ')
  return levels
}

function rootIn (levels: Levels): Uint8Array {
  return levels.at(-1)?.[0] as Uint8Array
}

/**
 * The inclusion path of leaf `index` of a batch, from the stored tile, what is kept of its tree, and the tree over the tiles' roots; at most 7
 * hashes whatever the size. It is verified against the root by core before it is returned.
 */
export function batchPath (crypto: Crypto, input: BatchPathInput): Uint8Array[] {
  const { index, size, root, tile, nodes, upper } = input
  const inTile = index % TILE
  const leaf = tile.subarray(inTile * HASH_SIZE, (inTile + 1) * HASH_SIZE)
  if (leaf.length !== HASH_SIZE) throw inconsistent('the tile ends before the leaf')
  const path = [...pathByNodes(crypto, tile, nodes, inTile), ...pathFromLevels(upper, Math.floor(index / TILE))]
  if (!verifyInclusion(crypto, leaf, index, size, path, root)) throw inconsistent('a stored tile does not lead to its root')
  return path
}

export interface BatchPathInput {
  readonly index: number
  readonly size: number
  readonly root: Uint8Array
  /** The tile that holds `index`. */
  readonly tile: Uint8Array
  /** `upperNodes` of that tile. */
  readonly nodes: Uint8Array
  /** Levels of the tree over the tiles' roots. */
  readonly upper: ReturnType<typeof treeLevels>
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
