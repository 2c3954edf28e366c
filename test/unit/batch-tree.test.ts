import fc from 'fast-check'
import t from 'tap'
import { toHex } from '../../src/core/bytes.js'
import { consistencyPath, emptyRange, appendLeaf, inclusionPath, rangeRoot, rootOf } from '../../src/core/merkle.js'
import { recordBytes, parseRecord } from '../../src/core/record.js'
import { batchPath, buildBatchTree, TILE } from '../../src/notary/batch-tree.js'
import { createLogTree } from '../../src/notary/log-tree.js'
import { recordText } from '../../src/notary/record-text.js'
import { createUnsealed } from '../../src/notary/unsealed.js'
import { nodeCrypto } from '../../src/platform/node.js'

const leavesOf = (count: number): Uint8Array[] => Array.from({ length: count }, (_, i) => nodeCrypto.sha256(Buffer.from(`leaf ${i % 300}`)))

t.test('the tree of merkletreejs, built by tiles, is the tree of RFC 9162', async (t) => {
  for (const size of [1, 2, 3, 5, 130, 255, 256, 257, 511, 512, 513, 700, 1025, 8192]) {
    const leaves = leavesOf(size) // equal leaves among them
    const { root, tiles, tileRoots } = await buildBatchTree(nodeCrypto, Buffer.concat(leaves))
    t.equal(toHex(root), toHex(rootOf(nodeCrypto, leaves)), `root of ${size}`)
    for (const index of new Set([0, 1, size >> 1, size - 2, size - 1].filter((i) => i >= 0 && i < size))) {
      const tile = tiles[Math.floor(index / TILE)] as Buffer
      t.same(batchPath(nodeCrypto, { index, size, root, tile, tileRoots }).map(toHex), inclusionPath(nodeCrypto, leaves, index).map(toHex))
    }
  }
  await t.rejects(buildBatchTree(nodeCrypto, Buffer.alloc(0)), { code: 'ARGUMENT' })
})

t.test('a tile that was altered leads nowhere', async (t) => {
  const { root, tiles, tileRoots } = await buildBatchTree(nodeCrypto, Buffer.concat(leavesOf(600)))
  const tile = Buffer.from(tiles[1] as Buffer)
  tile[40] = (tile[40] as number) ^ 1
  t.throws(() => batchPath(nodeCrypto, { index: 256, size: 600, root, tile, tileRoots }), { code: 'ARGUMENT' })
  t.throws(() => batchPath(nodeCrypto, { index: 599, size: 600, root, tile: tiles[0] as Buffer, tileRoots }), { code: 'ARGUMENT' })
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
