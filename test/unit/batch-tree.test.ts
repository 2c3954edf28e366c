import fc from 'fast-check'
import t from 'tap'
import { toHex } from '../../src/core/bytes.js'
import { consistencyPath, emptyRange, appendLeaf, inclusionPath, rangeRoot, rootOf, treeLevels } from '../../src/core/merkle.js'
import { recordBytes, parseRecord } from '../../src/core/record.js'
import { batchPath, buildBatchTree, TILE } from '../../src/notary/batch-tree.js'
import { createBoundedMemory } from '../../src/notary/bounded-memory.js'
import { createLogTree } from '../../src/notary/log-tree.js'
import { recordText } from '../../src/notary/record-text.js'
import { hashesOf, pathByNodes, upperNodes, upperNodesOf } from '../../src/notary/tree-nodes.js'
import { createUnsealed } from '../../src/notary/unsealed.js'
import { nodeCrypto } from '../../src/platform/node.js'

const leavesOf = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => nodeCrypto.sha256(Buffer.from(`leaf ${i % 300}`)))

t.test('the tree of merkletreejs, built by tiles, is the tree of RFC 9162', async (t) => {
  for (const size of [1, 2, 3, 5, 130, 255, 256, 257, 511, 512, 513, 700, 1025, 8192]) {
    const leaves = leavesOf(size) // equal leaves among them
    const { root, tiles, nodes: kept, tileRoots } = await buildBatchTree(nodeCrypto, Buffer.concat(leaves))
    const upper = treeLevels(nodeCrypto, hashesOf(tileRoots))
    t.equal(toHex(root), toHex(rootOf(nodeCrypto, leaves)), `root of ${size}`)
    for (const index of new Set([0, 1, size >> 1, size - 2, size - 1].filter((i) => i >= 0 && i < size))) {
      const tile = tiles[Math.floor(index / TILE)] as Buffer
      const nodes = kept[Math.floor(index / TILE)] as Buffer
      t.same(batchPath(nodeCrypto, { index, size, root, tile, nodes, upper }).map(toHex), inclusionPath(nodeCrypto, leaves, index).map(toHex))
    }
  }
  await t.rejects(buildBatchTree(nodeCrypto, Buffer.alloc(0)), { code: 'ARGUMENT' })
})

t.test('a tile that was altered leads nowhere', async (t) => {
  const { root, tiles, nodes: kept, tileRoots } = await buildBatchTree(nodeCrypto, Buffer.concat(leavesOf(600)))
  const upper = treeLevels(nodeCrypto, hashesOf(tileRoots))
  const [tile, nodes] = [Buffer.from(tiles[1] as Buffer), Buffer.from(kept[1] as Buffer)]
  const path = (index: number): unknown => batchPath(nodeCrypto, { index, size: 600, root, tile, nodes, upper })
  t.equal((path(256) as unknown[]).length, 10)
  tile[40] = (tile[40] as number) ^ 1
  t.throws(() => path(256), { code: 'ARGUMENT' })
  t.throws(() => path(599), { code: 'ARGUMENT' }, 'another tile')
  tile[40] = (tile[40] as number) ^ 1
  nodes[32] = (nodes[32] as number) ^ 1
  t.throws(() => path(256), { code: 'ARGUMENT' }, 'an altered inner node')
  t.throws(() => batchPath(nodeCrypto, { index: 256, size: 600, root, tile, nodes: nodes.subarray(32), upper }), { code: 'ARGUMENT' }, 'too few of them')
})

t.test('a path by stored nodes is that of RFC 9162, for every leaf of every tree up to a tile', (t) => {
  for (let size = 1; size <= TILE; size += size < 40 ? 1 : 27) {
    const leaves = leavesOf(size)
    const levels = treeLevels(nodeCrypto, leaves)
    const [all, nodes] = [Buffer.concat(leaves), upperNodes(levels)]
    t.same(upperNodesOf(nodeCrypto, all), nodes)
    const differing = leaves.findIndex((_, i) =>
      pathByNodes(nodeCrypto, all, nodes, i).map(toHex).join() !== inclusionPath(nodeCrypto, leaves, i).map(toHex).join())
    t.equal(differing, -1, `of ${size} leaves`)
    t.throws(() => pathByNodes(nodeCrypto, all, nodes, size), { code: 'ARGUMENT' }, 'no leaf')
  }
  t.end()
})

t.test('what was asked for last is remembered, within the bound', (t) => {
  const memory = createBoundedMemory<string>(100)
  memory.set(1, 'one', 40)
  memory.set(2, 'two', 40)
  t.equal(memory.get(1), 'one')
  memory.set(3, 'three', 40)
  t.same([1, 2, 3].map((n) => memory.get(n)), ['one', undefined, 'three'])
  memory.set(1, 'uno', 60)
  t.same([1, 3].map((n) => memory.get(n)), ['uno', 'three'], 'a new value takes the place of the old one, and of its bytes')
  memory.set(4, 'four', 101)
  t.equal(memory.get(4), undefined, 'larger than all there is')
  t.end()
})

t.test('unsealed leaves keep their order, wherever batches end', (t) => {
  const step = fc.oneof(fc.record({ add: fc.integer({ min: 1, max: 9 }) }), fc.record({ seal: fc.integer({ min: 1, max: 12 }) }))
  fc.assert(fc.property(fc.array(step, { maxLength: 40 }), (steps) => {
    const unsealed = createUnsealed()
    const model: Buffer[] = []
    let next = 0
    for (const each of steps) {
      if ('add' in each) {
        const hashes = Array.from({ length: each.add }, () => Buffer.alloc(32, next++))
        unsealed.add({ hashes: Buffer.concat(hashes), first: next, latest: next })
        model.push(...hashes)
      } else {
        const { hashes, latest } = unsealed.peek(each.seal)
        const sealed = model.splice(0, each.seal)
        t.same(hashes, Buffer.concat(sealed))
        t.ok(latest >= (sealed.at(-1)?.[0] ?? 0))
        unsealed.drop(sealed.length)
      }
      t.equal(unsealed.count, model.length)
      t.equal(unsealed.first === undefined, model.length === 0)
    }
  }))
  t.end()
})

t.test('the log\'s tree out of tiles', async (t) => {
  const tiles = new Map<string, Buffer>()
  const tree = createLogTree(nodeCrypto, async (level, index) => await Promise.resolve(tiles.get(`${level}/${index}`)))
  const leaves = leavesOf(700)
  let range = emptyRange()
  for (const [size, leaf] of leaves.entries()) {
    for (const { level, index, hashes } of await tree.append(size, leaf)) tiles.set(`${level}/${index}`, hashes)
    range = appendLeaf(nodeCrypto, range, leaf)
  }
  t.same([...tiles.keys()].sort(), ['0/0', '0/1', '0/2', '1/0'])
  t.equal(toHex(await tree.head(700)), toHex(rangeRoot(nodeCrypto, range)))
  await fc.assert(fc.asyncProperty(fc.integer({ min: 0, max: 700 }), fc.integer({ min: 0, max: 700 }), async (a, b) => {
    const [first, second] = a < b ? [a, b] : [b, a]
    const part = leaves.slice(0, second)
    t.equal(toHex(await tree.head(second)), toHex(rootOf(nodeCrypto, part)))
    t.same((await tree.consistency(first, second)).map(toHex), consistencyPath(nodeCrypto, part, first).map(toHex))
    if (first < second) t.same((await tree.inclusion(first, second)).map(toHex), inclusionPath(nodeCrypto, part, first).map(toHex))
    if (second > 0) { // the range before the last leaf is its path, upside down
      t.same([...(await tree.range(second - 1)).hashes].reverse().map(toHex), inclusionPath(nodeCrypto, part, second - 1).map(toHex))
    }
  }), { numRuns: 150 })
})

t.test('the text of a record is its JCS', (t) => {
  const hex = (bytes: number): fc.Arbitrary<string> => fc.uint8Array({ minLength: bytes, maxLength: bytes }).map(toHex)
  const optional = <T>(value: fc.Arbitrary<T>): fc.Arbitrary<T | undefined> => fc.option(value, { nil: undefined })
  const count = fc.integer({ min: 0, max: Number.MAX_SAFE_INTEGER })
  fc.assert(fc.property(hex(32), optional(hex(32)), optional(count), optional(fc.record({ size: count.map(String), root: hex(32) })), count, fc.boolean(), hex(8),
    (sha256, sm3, size, metadata, sequence, isFile, id) => {
      const text = recordText({
        number: '0123456789ABCDEFGHJK',
        organization: id,
        keyId: id,
        receivedAt: 0,
        digests: sm3 === undefined ? { sha256 } : { sha256, sm3 },
        size,
        digestedBy: isFile ? 'notary' : 'submitter',
        metadata,
        salt: 'AAAAAAAAAAAAAAAAAAAAAA'
      }, 'a.example/0011223344556677', sequence, 5, '2026-11-24T01:00:00.000Z')
      const bytes = Buffer.from(text)
      t.same(Buffer.from(recordBytes(parseRecord(bytes))).toString(), text)
    }))
  t.end()
})
