import type { Crypto } from '../core/crypto.js'
import { EvidenceError } from '../core/errors.js'
import { HASH_SIZE, inclusionPath, treeLevels } from '../core/merkle.js'

/** Levels of a tree over stored leaves that are computed when they are needed: a path takes 7 hashes, and the kept levels 8 bytes a leaf. */
const COMPUTED = 3
const UNIT = 2 ** COMPUTED

/** Concatenated hashes, one by one. */
export function hashesOf (bytes: Uint8Array): Buffer[] {
  const all = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)
  return Array.from({ length: bytes.length / HASH_SIZE }, (_, i) => all.subarray(i * HASH_SIZE, (i + 1) * HASH_SIZE))
}

/**
 * What is kept of a tree (RFC 9162) beside its leaves, out of its levels: the roots of each 8 leaves and what is above them, level by
 * level, without the root of it all. Empty for 8 leaves and fewer.
 */
export function upperNodes (levels: readonly (readonly Uint8Array[])[]): Buffer {
  return Buffer.concat(levels.slice(COMPUTED, -1).flat())
}

/** The same out of the leaves, concatenated. O(n). */
export function upperNodesOf (crypto: Crypto, leaves: Uint8Array): Buffer {
  return upperNodes(treeLevels(crypto, hashesOf(leaves)))
}

/**
 * The inclusion path of leaf `index` out of the leaves and `upperNodes` of their tree, in 7 hashes at most. Nothing is assumed of what was
 * stored: whoever uses the path holds it to a root.
 */
export function pathByNodes (crypto: Crypto, leaves: Uint8Array, nodes: Uint8Array, index: number): Uint8Array[] {
  const inUnit = index % UNIT
  const start = (index - inUnit) * HASH_SIZE
  const path: Uint8Array[] = inclusionPath(crypto, hashesOf(leaves.subarray(start, start + UNIT * HASH_SIZE)), inUnit)
  let width = Math.ceil(leaves.length / HASH_SIZE / UNIT)
  let level = 0
  for (let at = Math.floor(index / UNIT); width > 1; at >>>= 1) {
    const sibling = at ^ 1
    if (sibling < width) path.push(nodes.subarray((level + sibling) * HASH_SIZE, (level + sibling + 1) * HASH_SIZE))
    level += width
    width = Math.ceil(width / 2)
  }
  if (nodes.length !== level * HASH_SIZE) throw new EvidenceError({ code: 'ARGUMENT', message: 'stored nodes are not those of so many leaves' })
  return path
}
