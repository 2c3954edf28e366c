/** An audit: what a channel's blocks say of a log and its proofs, against whoever says otherwise. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { toHex, utf8 } from '../../src/core/bytes.js'
import { type Proof, proofBytes } from '../../src/core/proof.js'
import { auditText } from '../../src/cli/audit-text.js'
import { audit, type AuditReport } from '../../src/ops/audit/audit.js'
import { createBlockFile, readBlocks } from '../../src/ops/audit/block-files.js'
import { compareBundle, compareProofs } from '../../src/ops/audit/compare.js'
import { peerBlocks as fromPeer } from '../../src/ops/audit/peer-blocks.js'
import type { OpsError } from '../../src/ops/errors.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { EvidenceWorld, LOG, type Made, receiptKeyPair } from '../support/evidence-world.js'
import { peerBlocks } from '../support/forged-peer.js'
import { CHAINCODE } from '../unit/fabric-forge.js'

async function * from<T> (items: readonly T[]): AsyncGenerator<T> {
  yield * items
}

const blocksOf = (world: EvidenceWorld): Uint8Array[] => peerBlocks(world.network.genesis, world.blocks)

/** Everything that is found is said in Chinese as well, and the terminal shows one language alone. */
function inBoth (t: Test, report: AuditReport): void {
  const { examples, couldNotCheck, notes, notesZh = notes } = report
  const chinese = [...examples.flatMap(({ zh }) => [zh?.object, zh?.says]), ...couldNotCheck.flatMap(({ zh }) => [zh?.what, zh?.why]), ...notesZh]
  for (const text of chinese) t.match(text, /[\u4e00-\u9fff]/, text ?? '')
  const shown = auditText(report, 'zh').split('\n')
  for (const { object } of examples) t.notOk(shown.some((line) => line.includes(`${object} (`)), object)
  t.notMatch(auditText(report, 'en'), /[\u4e00-\u9fff]/)
}

async function run (world: EvidenceWorld, proofs: readonly Proof[] = [], blocks = blocksOf(world)): Promise<AuditReport> {
  return await audit({
    crypto: nodeCrypto,
    blocks: from(blocks),
    chaincode: CHAINCODE,
    genesis: world.network.identity.genesis,
    onProgress: () => undefined,
    compare: [
      async (audited, findings) => { await Promise.resolve(compareBundle(world.bundle(), audited, findings)) },
      async (audited, findings) => {
        await compareProofs(from(proofs.map((proof, i) => ({ name: String(i), bytes: proofBytes(proof) }))), audited, findings)
      }
    ]
  })
}

const proofsOf = (made: readonly Made[]): Proof[] => made.map(({ proof }) => proof)

t.test('a log is followed, keys and all, and every proof agrees', async (t) => {
  for (const organizations of [1, 4] as const) {
    const world = new EvidenceWorld(organizations)
    const made = [...world.anchor([{}, {}, {}]), ...world.anchor([{}])]
    const key = receiptKeyPair()
    world.register(key, 2)
    made.push(...world.anchor([{}, {}], { key }))
    const report = await run(world, proofsOf(made))
    t.match(report, { outcome: 'clean', differences: 0, couldNotCheck: [], checked: { proofs: 6, 'writes into logs': 5 } })
    const [log] = report.logs
    t.match(log, { log: LOG, size: '3' })
    t.equal(report.genesis, world.network.identity.genesis)
  }
})

t.test('what the rules of the log do not give is named, although everybody endorsed it', async (t) => {
  const changes: Array<[string, (world: EvidenceWorld) => void]> = [
    ['another entry', (world) => { world.anchor([{}], { entry: (value) => utf8(Buffer.from(value).toString().replace('"size":"1"', '"size":"2"')) }) }],
    ['an answer of its own', (world) => { world.anchor([{}], { anchorQuery: { payload: utf8('done') } }) }],
    ['a call that is no anchor', (world) => { world.anchor([{}], { anchorQuery: { args: ['write', LOG] } }) }],
    ['other headers than it was called with', (world) => { world.anchor([{}], { anchorQuery: { args: ['anchor', LOG, '[]'] } }) }],
    ['somebody who may not', (world) => { world.anchor([{}], { anchorQuery: { creator: world.network.organization(0).peer } }) }]
  ]
  for (const [name, change] of changes) {
    const world = new EvidenceWorld()
    world.anchor([{}])
    change(world)
    const report = await run(world)
    t.match(report, { outcome: 'differs', differences: 1, first: { object: 'transaction 0 of block 7', code: 'LOG_RULES_DIFFER' } }, name)
    inBoth(t, report)
  }
})

t.test('a proof that is not of these blocks is named, and why', async (t) => {
  const world = new EvidenceWorld()
  const [first, second] = proofsOf([...world.anchor([{}, {}]), ...world.anchor([{}])].filter((_, i) => i !== 1)) as [Proof, Proof]
  const block = second.attestations?.[0]
  const cases: Array<[string, Proof, RegExp]> = [
    ['another header', { ...first, header: { ...first.header, sealedAt: '2026-11-23T10:02:06.001Z' } }, /another header/],
    ['a batch that is not there', { ...second, header: { ...second.header, number: '7' } }, /no batch 7/],
    ['another batch\'s block', { ...first, attestations: [block, ...(first.attestations ?? []).slice(1)] as Proof['attestations'] & object }, /not in 0 of 7/],
    ['another record', { ...first, record: { ...first.record, receivedAt: '2026-11-23T10:02:00.000Z' } }, /record 0 is not in the batch/],
    ['another path', { ...second, logPath: ['00'.repeat(32)] }, /log path/],
    ['another key', { ...first, receipt: { ...first.receipt, statement: { ...first.receipt.statement, keyId: '00'.repeat(32) } } }, /receipt key/]
  ]
  for (const [name, proof, says] of cases) {
    const report = await run(world, [proof])
    t.match(report, { outcome: 'differs', differences: 1, first: { object: 'proof 0', code: 'PROOF_DIFFERS' } }, name)
    t.match(report.first?.says, says, name)
    inBoth(t, report)
  }
  const short = await run(world, [second], blocksOf(world).slice(0, -1))
  t.match(short, { outcome: 'could-not-check', differences: 0, couldNotCheck: [{ what: 'proof 0' }] }, 'a proof of a later block than those that were read')
  const sealed = { ...second, header: { ...second.header, number: '7' } }
  delete (sealed as { attestations?: unknown }).attestations
  delete (sealed as { identities?: unknown }).identities
  t.match(await run(world, [sealed]), { outcome: 'could-not-check', differences: 0 }, 'a batch that may be anchored later')
  const { attestations, identities, ...early } = first
  t.match(await run(world, [early]), { outcome: 'clean', notes: [/without its block and its read-back/] }, 'a proof from before its batch was anchored')
  const damaged = await audit({
    crypto: nodeCrypto,
    blocks: from(blocksOf(world)),
    chaincode: CHAINCODE,
    genesis: world.network.identity.genesis,
    onProgress: () => undefined,
    compare: [async (audited, findings) => { await compareProofs(from([{ name: 'x', bytes: utf8('{}') }]), audited, findings) }]
  })
  t.match(damaged, { outcome: 'could-not-check', couldNotCheck: [{ what: 'proof x' }] })
  for (const report of [short, await run(world, [early]), damaged]) inBoth(t, report)
})

t.test('a batch whose anchor a peer hides is still there, and the peer is named', async (t) => {
  const world = new EvidenceWorld()
  const made = world.anchor([{}])
  const lying = peerBlocks(world.network.genesis, world.blocks, { filter: (filter, number) => number === 6 ? Uint8Array.of(11) : filter })
  const report = await run(world, proofsOf(made), lying)
  t.match(report, { outcome: 'differs', first: { object: 'transaction 0 of block 6', code: 'VALIDATION_DIFFERS' } })
  t.match(report.logs, [{ size: '1' }], 'the blocks alone count')
  t.equal(report.byCode.PROOF_DIFFERS, undefined)
})

t.test('a bundle of another history, another channel, a gap', async (t) => {
  const world = new EvidenceWorld()
  world.anchor([{}])
  const other = new EvidenceWorld()
  const blocks = blocksOf(world)
  const bundled = async (bundle: ReturnType<EvidenceWorld['bundle']>): Promise<AuditReport> => await audit({
    crypto: nodeCrypto,
    blocks: from(blocks),
    chaincode: CHAINCODE,
    onProgress: () => undefined,
    compare: [async (audited, findings) => { await Promise.resolve(compareBundle(bundle, audited, findings)) }]
  })
  t.match(await bundled(other.bundle()), { outcome: 'differs', first: { code: 'BUNDLE_DIFFERS' } })
  t.match(await bundled(world.bundle()), { outcome: 'could-not-check', couldNotCheck: [{ what: 'which channel this is' }] }, 'no hash to start from')
  t.match(await run(world, [], blocksOf(other)), { outcome: 'differs', first: { object: 'block 0', code: 'GENESIS_DIFFERS' } })
  const gap = await run(world, [], blocks.filter((_, i) => i !== 3))
  t.match(gap, { outcome: 'could-not-check', height: 3 })
  t.ok(gap.couldNotCheck.some(({ what }) => what.startsWith('block 3')))
  for (const report of [gap, await bundled(other.bundle()), await bundled(world.bundle()), await run(world, [], blocksOf(other))]) inBoth(t, report)
})

t.test('blocks are kept and read again, in one file or one each', async (t) => {
  const blocks = blocksOf(new EvidenceWorld())
  const dir = t.testdir()
  const file = join(dir, 'channel.blocks')
  const writer = await createBlockFile(file)
  for (const block of blocks) await writer.write(block)
  await writer.finish()
  t.same(await all(readBlocks(file)), blocks.map(toHex))
  const folder = join(dir, 'blocks')
  mkdirSync(folder)
  for (const [i, block] of blocks.entries()) writeFileSync(join(folder, `evidence_${i}.block`), block)
  writeFileSync(join(folder, 'README.md'), 'not a block')
  t.same(await all(readBlocks(folder)), blocks.map(toHex))
  const bytes = Buffer.concat([Uint8Array.of(5), utf8('hello'), Uint8Array.of(9), utf8('cut')])
  await refuses(t, bytes, dir)
  await refuses(t, Buffer.alloc(10, 0xff), dir)
  t.same(await all(fromPeer({ peerBlock: async (number) => await Promise.resolve(blocks[Number(number)]) }, blocks.length)), blocks.map(toHex))
})

async function all (blocks: AsyncIterable<Uint8Array>): Promise<string[]> {
  const out: string[] = []
  for await (const block of blocks) out.push(toHex(block))
  return out
}

async function refuses (t: Test, bytes: Uint8Array, dir: string): Promise<void> {
  const path = join(dir, 'damaged.blocks')
  writeFileSync(path, bytes)
  await t.rejects(all(readBlocks(path)), { code: 'BLOCKS_UNREADABLE' } satisfies Partial<OpsError>)
}
