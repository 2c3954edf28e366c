import { abytes, concat, equalBytes } from './bytes.js'
import type { Crypto } from './crypto.js'
import { EvidenceError } from './errors.js'

/** RFC 9162 Merkle trees over SHA-256. Sizes and indexes are safe integers from 0; hashes are 32 bytes. */
export type Sha256 = Pick<Crypto, 'sha256'>

/** Bytes of every hash in a tree. */
export const HASH_SIZE = 32
const LEAF_PREFIX = Uint8Array.of(0x00)
const NODE_PREFIX = 0x01
// What is hashed into a leaf, after the prefix. One for all that fit: this is synchronous, and making it costs about as much as hashing it.
const leafBytes = new Uint8Array(2048)

/** RFC 9162 section 2.1.1: SHA-256(0x00 || leaf). */
export function leafHash (crypto: Sha256, leaf: Uint8Array): Uint8Array {
  if (leaf.length >= leafBytes.length) return crypto.sha256(concat(LEAF_PREFIX, leaf))
  leafBytes.set(leaf, LEAF_PREFIX.length)
  return crypto.sha256(leafBytes.subarray(0, LEAF_PREFIX.length + leaf.length))
}

// What is hashed into a node. One for all of them: this is synchronous, and making it would cost more than hashing it.
const nodeBytes = new Uint8Array(1 + 2 * HASH_SIZE)

/** RFC 9162 section 2.1.1: SHA-256(0x01 || left || right). */
export function nodeHash (crypto: Sha256, left: Uint8Array, right: Uint8Array): Uint8Array {
  abytes(left, HASH_SIZE, 'left hash')
  abytes(right, HASH_SIZE, 'right hash')
  nodeBytes[0] = NODE_PREFIX
  nodeBytes.set(left, 1)
  nodeBytes.set(right, 1 + HASH_SIZE)
  return crypto.sha256(nodeBytes)
}

/** RFC 9162 section 2.1.1: the root of the empty tree, SHA-256 of nothing. */
export function emptyRoot (crypto: Sha256): Uint8Array {
  return crypto.sha256(new Uint8Array(0))
}

/** RFC 9162 section 2.1.1: the root over leaf hashes. O(n); for small trees (metadata fields, commit groups). */
export function rootOf (crypto: Sha256, leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 0) return emptyRoot(crypto)
  let range = emptyRange()
  for (const leaf of leaves) range = appendLeaf(crypto, range, leaf)
  return rangeRoot(crypto, range)
}

/** RFC 9162 section 2.1.3.1: the inclusion path of leaf `index`, from the leaf upwards. O(n). */
export function inclusionPath (crypto: Sha256, leaves: readonly Uint8Array[], index: number): Uint8Array[] {
  aindex(index, leaves.length)
  return pathFromLevels(treeLevels(crypto, leaves), index)
}

/** All levels of a tree, leaves first, the root's last: for whoever needs the paths of many leaves of one small tree. */
export function treeLevels (crypto: Sha256, leaves: readonly Uint8Array[]): (readonly Uint8Array[])[] {
  const levels: (readonly Uint8Array[])[] = [leaves]
  for (let level = leaves; level.length > 1;) {
    level = parents(crypto, level)
    levels.push(level)
  }
  return levels
}

/** The inclusion path of leaf `index` out of the levels of its tree. O(log n); the hashes may be in another form. */
export function pathFromLevels<T> (levels: readonly (readonly T[])[], index: number): T[] {
  const path: T[] = []
  let at = index
  for (const level of levels) {
    const sibling = level[at ^ 1]
    if (sibling !== undefined) path.push(sibling)
    at >>>= 1
  }
  return path
}

function parents (crypto: Sha256, level: readonly Uint8Array[]): Uint8Array[] {
  const out: Uint8Array[] = []
  for (let i = 0; i < level.length; i += 2) {
    const left = level[i] as Uint8Array
    const right = level[i + 1]
    out.push(right === undefined ? left : nodeHash(crypto, left, right)) // an odd node is promoted
  }
  return out
}

/** RFC 9162 section 2.1.4.1: the consistency path from `first` to all `leaves`; empty for 0 and for equal sizes. O(n). */
export function consistencyPath (crypto: Sha256, leaves: readonly Uint8Array[], first: number): Uint8Array[] {
  asize(first)
  if (first > leaves.length) throw new EvidenceError({ code: 'ARGUMENT', message: 'first size exceeds the tree' })
  if (first === 0 || first === leaves.length) return []
  return subProof(crypto, leaves, first, true)
}

// SUBPROOF of RFC 9162 section 2.1.4.1.
function subProof (crypto: Sha256, leaves: readonly Uint8Array[], m: number, whole: boolean): Uint8Array[] {
  if (m === leaves.length) return whole ? [] : [rootOf(crypto, leaves)]
  const k = largestPowerBelow(leaves.length)
  return m <= k
    ? [...subProof(crypto, leaves.slice(0, k), m, whole), rootOf(crypto, leaves.slice(k))]
    : [...subProof(crypto, leaves.slice(k), m - k, false), rootOf(crypto, leaves.slice(0, k))]
}

function largestPowerBelow (n: number): number {
  let k = 1
  while (k * 2 < n) k *= 2
  return k
}

/**
 * RFC 9162 section 2.1.3.2: the root that a leaf hash at `index` in a tree of `size` has by `path`, or undefined when the
 * path has the wrong length for them. `index` and `size` are attacker-controlled: nothing is assumed of them.
 */
export function rootFromInclusion (
  crypto: Sha256, leaf: Uint8Array, index: number, size: number, path: readonly Uint8Array[]
): Uint8Array | undefined {
  if (!isTreeIndex(index, size) || leaf.length !== HASH_SIZE) return undefined // step 1
  let at: Position = { fn: index, sn: size - 1 } // step 2
  let r = leaf // step 3
  for (const p of path) { // step 4
    if (at.sn === 0 || p.length !== HASH_SIZE) return undefined // 4.1
    const isRight = isRightOrLast(at)
    r = isRight ? nodeHash(crypto, p, r) : nodeHash(crypto, r, p) // 4.2, 4.3
    at = parentOf(isRight ? promoted(at) : at) // 4.4
  }
  return at.sn === 0 ? r : undefined // step 5
}

/** The running indexes of RFC 9162 section 2.1.3.2 and 2.1.4.2: of the node, and of the last node on its level. */
interface Position { readonly fn: number, readonly sn: number }

function isRightOrLast ({ fn, sn }: Position): boolean {
  return fn % 2 === 1 || fn === sn
}

/** Up past the levels on which the node is the odd one, which has no sibling. */
function promoted (from: Position): Position {
  let at = from
  while (at.fn % 2 === 0 && at.fn !== 0) at = parentOf(at)
  return at
}

function parentOf ({ fn, sn }: Position): Position {
  return { fn: Math.floor(fn / 2), sn: Math.floor(sn / 2) }
}

/** RFC 9162 section 2.1.3.2: whether `path` proves `leaf` at `index` under `root` of `size`. */
export function verifyInclusion (
  crypto: Sha256, leaf: Uint8Array, index: number, size: number, path: readonly Uint8Array[], root: Uint8Array
): boolean {
  const computed = rootFromInclusion(crypto, leaf, index, size, path)
  return computed !== undefined && equalBytes(computed, root)
}

/** A tree's size and root, which are only ever authenticated together. */
export interface TreeHead {
  readonly size: number
  readonly root: Uint8Array
}

/** RFC 9162 section 2.1.4.2: whether `path` proves that `second` extends `first`. */
export function verifyConsistency (crypto: Sha256, first: TreeHead, second: TreeHead, path: readonly Uint8Array[]): boolean {
  if (!isSize(first.size) || !isSize(second.size) || first.size > second.size) return false
  if (first.size === 0) return path.length === 0 && equalBytes(first.root, emptyRoot(crypto))
  if (first.size === second.size) return path.length === 0 && equalBytes(first.root, second.root)
  const roots = rootsFromConsistency(crypto, first, second.size, path)
  return roots !== undefined && equalBytes(roots.fr, first.root) && equalBytes(roots.sr, second.root) // step 7
}

/** The two roots that a consistency path leads to, or undefined when it has the wrong length. */
function rootsFromConsistency (
  crypto: Sha256, first: TreeHead, secondSize: number, path: readonly Uint8Array[]
): { fr: Uint8Array, sr: Uint8Array } | undefined {
  if (path.length === 0 || path.some((p) => p.length !== HASH_SIZE)) return undefined // step 1
  const [start, ...rest] = isPowerOfTwo(first.size) ? [first.root, ...path] : path // step 2
  let at: Position = { fn: first.size - 1, sn: secondSize - 1 } // step 3
  while (at.fn % 2 === 1) at = parentOf(at) // step 4
  let fr = start as Uint8Array // step 5
  let sr = fr
  for (const c of rest) { // step 6
    if (at.sn === 0) return undefined // 6.1
    if (isRightOrLast(at)) { // 6.2
      fr = nodeHash(crypto, c, fr)
      sr = nodeHash(crypto, c, sr)
      at = promoted(at)
    } else {
      sr = nodeHash(crypto, sr, c) // 6.3
    }
    at = parentOf(at) // 6.4
  }
  return at.sn === 0 ? { fr, sr } : undefined
}

/**
 * A compact range [0, size): the roots of the perfect subtrees that `size` decomposes into, largest first. O(log size)
 * hashes from which the root follows and to which leaves can be appended; it is what the ledger keeps of the log.
 */
export interface CompactRange {
  readonly size: number
  readonly hashes: readonly Uint8Array[]
}

export function emptyRange (): CompactRange {
  return { size: 0, hashes: [] }
}

/** Whether the number of hashes fits the size (one per set bit) and each is a hash. */
export function isCompactRange (range: CompactRange): boolean {
  return isSize(range.size) && range.hashes.length === setBits(range.size) && range.hashes.every((h) => h.length === HASH_SIZE)
}

export function appendLeaf (crypto: Sha256, range: CompactRange, leaf: Uint8Array): CompactRange {
  abytes(leaf, HASH_SIZE, 'leaf hash')
  const hashes = [...range.hashes]
  let node = leaf
  for (let n = range.size; n % 2 === 1; n = Math.floor(n / 2)) {
    node = nodeHash(crypto, hashes.pop() as Uint8Array, node)
  }
  hashes.push(node)
  return { size: range.size + 1, hashes }
}

export function rangeRoot (crypto: Sha256, range: CompactRange): Uint8Array {
  if (range.size === 0) return emptyRoot(crypto)
  return range.hashes.reduceRight((right, left) => nodeHash(crypto, left, right))
}

/**
 * The range of size `index` that the inclusion path of the last leaf (`index`, in a tree of `index` + 1) consists of. So the
 * root before an append follows from the path after it.
 */
export function rangeFromLastPath (index: number, path: readonly Uint8Array[]): CompactRange {
  return { size: index, hashes: [...path].reverse() }
}

function setBits (n: number): number {
  let count = 0
  for (let rest = n; rest > 0; rest = Math.floor(rest / 2)) count += rest % 2
  return count
}

function isPowerOfTwo (n: number): boolean {
  return setBits(n) === 1
}

function isSize (n: number): boolean {
  return Number.isSafeInteger(n) && n >= 0
}

function isTreeIndex (index: number, size: number): boolean {
  return isSize(index) && isSize(size) && index < size
}

function asize (n: number): void {
  if (!isSize(n)) throw new EvidenceError({ code: 'ARGUMENT', message: 'size must be a safe integer from 0' })
}

function aindex (index: number, size: number): void {
  if (!isTreeIndex(index, size)) throw new EvidenceError({ code: 'ARGUMENT', message: `index ${index} is outside a tree of ${size}` })
}
