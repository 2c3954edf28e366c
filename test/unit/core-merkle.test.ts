import fc from 'fast-check'
import t from 'tap'
import { fromHex, toHex, utf8 } from '../../src/core/bytes.js'
import {
  appendLeaf, type CompactRange, consistencyPath, emptyRange, emptyRoot, inclusionPath, isCompactRange, leafHash, nodeHash, rangeFromLastPath,
  rangeRoot, rootOf, verifyConsistency, verifyInclusion
} from '../../src/core/merkle.js'
import { nodeCrypto as crypto } from '../../src/platform/node.js'

/** Leaves and values of certificate-transparency-go and transparency-dev/merkle (RFC 6962, RFC 9162). */
const INPUTS = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
const ROOTS = [
  'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855',
  '6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d',
  'fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125',
  'aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77',
  'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7',
  '4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4',
  '76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef',
  'ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c',
  '5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328'
]
const known = INPUTS.map((input) => leafHash(crypto, fromHex(input)))
const leaves = Array.from({ length: 130 }, (_, i) => leafHash(crypto, utf8(`leaf ${i}`)))
const roots = Array.from({ length: 131 }, (_, size) => rootOf(crypto, leaves.slice(0, size)))
const root = (size: number): Uint8Array => roots[size] as Uint8Array

/** RFC 9162 section 2.1.1, as it is written there. */
function definition (of: readonly Uint8Array[]): Uint8Array {
  if (of.length === 0) return emptyRoot(crypto)
  if (of.length === 1) return of[0] as Uint8Array
  let k = 1
  while (k * 2 < of.length) k *= 2
  return nodeHash(crypto, definition(of.slice(0, k)), definition(of.slice(k)))
}

t.test('known answers', (t) => {
  for (const [size, expected] of ROOTS.entries()) t.equal(toHex(rootOf(crypto, known.slice(0, size))), expected)
  const paths: [number, number, string[]][] = [
    [0, 8, [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7', '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4'
    ]],
    [5, 8, [
      'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b', 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'
    ]],
    [2, 3, ['fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125']]
  ]
  for (const [index, size, expected] of paths) t.same(inclusionPath(crypto, known.slice(0, size), index).map(toHex), expected)
  const consistency: [number, number, string[]][] = [
    [1, 1, []],
    [1, 8, [
      '96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7', '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e',
      '6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4'
    ]],
    [6, 8, [
      '0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a', 'ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0',
      'd37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7'
    ]],
    [2, 5, [
      '5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e', 'bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b'
    ]]
  ]
  for (const [first, second, expected] of consistency) t.same(consistencyPath(crypto, known.slice(0, second), first).map(toHex), expected)
  t.end()
})

t.test('every leaf of every tree up to 130, and no other place', (t) => {
  let wrong = 0
  for (let size = 1; size <= 130; size++) {
    if (toHex(definition(leaves.slice(0, size))) !== toHex(root(size))) wrong++
    const tree = leaves.slice(0, size)
    for (let index = 0; index < size; index++) {
      const path = inclusionPath(crypto, tree, index)
      const leaf = leaves[index] as Uint8Array
      if (!verifyInclusion(crypto, leaf, index, size, path, root(size))) wrong++
      if (verifyInclusion(crypto, leaf, (index + 1) % size, size, path, root(size)) && size > 1) wrong++
      if (path.length > 0 && verifyInclusion(crypto, leaf, index, size, path.slice(1), root(size))) wrong++
      if (verifyInclusion(crypto, leaf, index, size, [...path, leaf], root(size))) wrong++
    }
  }
  t.equal(wrong, 0)
  for (const [index, size] of [[-1, 1], [1, 1], [0, 0], [0.5, 2], [NaN, 2], [0, Infinity], [2 ** 53, 2 ** 53 + 2]] as const) {
    t.notOk(verifyInclusion(crypto, leaves[0] as Uint8Array, index, size, [], leaves[0] as Uint8Array))
  }
  t.notOk(verifyInclusion(crypto, new Uint8Array(31), 0, 1, [], new Uint8Array(31)))
  t.notOk(verifyInclusion(crypto, known[0] as Uint8Array, 0, 2, [new Uint8Array(33)], root(2)))
  t.end()
})

t.test('an inclusion path does not bind the size of the tree', (t) => {
  // Why size and root are only ever authenticated together: index 2 of 7 verifies as of 5, 6 and 8 too.
  const path = inclusionPath(crypto, leaves.slice(0, 7), 2)
  const fits = (size: number): boolean => verifyInclusion(crypto, leaves[2] as Uint8Array, 2, size, path, root(7))
  t.same([4, 5, 6, 7, 8, 9].filter(fits), [5, 6, 7, 8])
  t.end()
})

t.test('consistency of all pairs up to 64', (t) => {
  let wrong = 0
  for (let second = 0; second <= 64; second++) {
    for (let first = 0; first <= second; first++) {
      const path = consistencyPath(crypto, leaves.slice(0, second), first)
      const head = (size: number): { size: number, root: Uint8Array } => ({ size, root: root(size) })
      if (!verifyConsistency(crypto, head(first), head(second), path)) wrong++
      if (verifyConsistency(crypto, head(first), head(second), [...path, root(1)])) wrong++
      if (path.length > 0 && verifyConsistency(crypto, head(first), head(second), path.slice(1))) wrong++
      if (first !== second && first > 0 && verifyConsistency(crypto, { size: first, root: root(first + 1) }, head(second), path)) wrong++
      if (first !== second && verifyConsistency(crypto, head(second), head(first), path)) wrong++
    }
  }
  t.equal(wrong, 0)
  t.end()
})

t.test('forgeries', (t) => {
  const flip = (bytes: Uint8Array, bit: number): Uint8Array => bytes.map((byte, i) => i === bit >> 3 ? byte ^ (1 << (bit & 7)) : byte)
  fc.assert(fc.property(fc.integer({ min: 2, max: 130 }), fc.nat(), fc.nat(), fc.integer({ min: 0, max: 255 }), (size, at, which, bit) => {
    const index = at % size
    const path = inclusionPath(crypto, leaves.slice(0, size), index)
    const broken = path.map((hash, i) => i === which % path.length ? flip(hash, bit) : hash)
    t.notOk(verifyInclusion(crypto, leaves[index] as Uint8Array, index, size, broken, root(size)))
    const first = 1 + at % (size - 1)
    const steps = consistencyPath(crypto, leaves.slice(0, size), first)
    const bent = steps.map((hash, i) => i === which % steps.length ? flip(hash, bit) : hash)
    t.notOk(verifyConsistency(crypto, { size: first, root: root(first) }, { size, root: root(size) }, bent))
  }), { numRuns: 300 })
  t.end()
})

t.test('compact ranges', (t) => {
  let range: CompactRange = emptyRange()
  for (let size = 0; size < 130; size++) {
    t.ok(isCompactRange(range))
    if (toHex(rangeRoot(crypto, range)) !== toHex(root(size))) t.fail(`size ${size}`)
    const next = appendLeaf(crypto, range, leaves[size] as Uint8Array)
    const path = inclusionPath(crypto, leaves.slice(0, size + 1), size)
    t.same(rangeFromLastPath(size, path), range) // the root before an append follows from the path after it
    range = next
  }
  t.notOk(isCompactRange({ size: 3, hashes: [root(1)] }))
  t.notOk(isCompactRange({ size: 1, hashes: [new Uint8Array(31)] }))
  t.notOk(isCompactRange({ size: -1, hashes: [] }))
  t.throws(() => appendLeaf(crypto, range, new Uint8Array(31)), { code: 'ARGUMENT' })
  t.throws(() => inclusionPath(crypto, leaves, 130), { code: 'ARGUMENT' })
  t.throws(() => consistencyPath(crypto, leaves, 131), { code: 'ARGUMENT' })
  t.end()
})
