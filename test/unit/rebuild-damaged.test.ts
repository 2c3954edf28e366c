/** `rebuild-index` on a log of three final batches of which something changed on the disk: it calls nothing right that changed, and what can be had anew the service has anew. */
import t, { type Test } from 'tap'
import type { BatchEntry } from '../../src/core/ledger-values.js'
import { rebuild } from '../../src/ops/rebuild/rebuild.js'
import type { Report } from '../../src/ops/report.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { checksumKey } from '../../src/store/checksums.js'
import { numberKey, textKey } from '../../src/store/keys.js'
import { dump, flipBit, localFsck, remove, replaceText, withDatabase } from '../support/damage.js'
import { allFinal, deposit, finalBatches, noop, type World } from '../support/notary-world.js'

const BATCHES = 3
const LOG_TILE = numberKey('l', 0, 0)
const h = (number: number): Buffer => numberKey('h', number)

const rebuilt = async ({ folder, ledger }: World, withLedger: boolean): Promise<Report> => await withDatabase(folder, async (db) => (
  await rebuild({ db, crypto: nodeCrypto, onProgress: noop, ledger: withLedger ? () => Promise.resolve(ledger) : undefined })
))
const otherTime = async (folder: string, number: number): Promise<void> => { await replaceText(folder, h(number), /"sealedAt":"20/, '"sealedAt":"30') }
/** What the log has of its batches, without what the service and the tools say of the folder. */
const batchesOf = async (folder: string): Promise<Map<string, string>> => new Map([...await dump(folder)].filter(([key]) => /^(68|66|74|76|75|6c|77)/.test(key))) // h f t v u l w

t.test('a header that changed is taken from the ledger', async (t) => {
  for (const number of [0, 1, 2]) {
    const at = await finalBatches(t, BATCHES)
    const before = await batchesOf(at.folder)
    await otherTime(at.folder, number)
    t.equal((await rebuilt(at, true)).outcome, 'clean')
    t.same(await batchesOf(at.folder), before, `batch ${number}`)
  }
})

t.test('where nobody has the header any more, the changed one is named, and nothing is written over what speaks against it', async (t) => {
  for (const number of [0, 1, 2]) {
    const at = await finalBatches(t, BATCHES)
    await otherTime(at.folder, number)
    const before = await batchesOf(at.folder)
    t.match((await rebuilt(at, false)).first, { object: `batch ${number}`, code: 'BATCH_DIFFERS' })
    t.same(await batchesOf(at.folder), before, `batch ${number}`)
    t.equal((await rebuilt(at, true)).outcome, 'clean', 'the ledger mends it')
  }
})

t.test('a header for which something speaks is not given up', async (t) => {
  const damages: ReadonlyArray<readonly [string, (folder: string) => Promise<void>]> = [
    ['the leaf of a batch in the middle', (folder) => flipBit(folder, LOG_TILE, 40)],
    ['the leaf of the last batch', (folder) => flipBit(folder, LOG_TILE, 70)],
    ['the log\'s tile gone', (folder) => remove(folder, LOG_TILE)],
    ['the time of the mark', (folder) => replaceText(folder, textKey('w', 'sealed'), /"sealedAt":"20/, '"sealedAt":"30')]
  ]
  for (const [what, damage] of damages) {
    const at = await finalBatches(t, BATCHES)
    const before = await batchesOf(at.folder)
    await damage(at.folder)
    await rebuilt(at, false)
    t.same(await batchesOf(at.folder), before, what)
  }
})

t.test('without marks and tiles the headers are enough, as after an import', async (t) => {
  const at = await finalBatches(t, BATCHES)
  const before = await batchesOf(at.folder)
  await remove(at.folder, ...[...before.keys()].filter((key) => !key.startsWith('68')).map((key) => Buffer.from(key, 'hex')))
  await rebuilt(at, false)
  const after = await batchesOf(at.folder)
  for (const name of ['anchored', 'final']) before.delete(textKey('w', name).toString('hex')) // nothing here says how far the ledger is
  for (const name of ['anchored', 'final']) after.delete(textKey('w', name).toString('hex'))
  t.same(after, before)
})

t.test('a header that the ledger has otherwise, and that fits no record here, is not called right', async (t) => {
  const at = await finalBatches(t, BATCHES)
  const before = await batchesOf(at.folder)
  const find = at.ledger.findBatch.bind(at.ledger)
  at.ledger.findBatch = async (number) => {
    const entry = await find(number) as BatchEntry
    return { ...entry, header: { ...entry.header, root: '00'.repeat(32) } }
  }
  t.match((await rebuilt(at, true)).first, { object: 'batch 0', code: 'BATCH_DIFFERS' })
  t.same(await batchesOf(at.folder), before)
})

t.test('a header under the key of a batch that never was is removed and named', async (t) => {
  const at = await finalBatches(t, BATCHES)
  const before = await batchesOf(at.folder)
  await withDatabase(at.folder, async (db) => {
    await db.write([{ type: 'put', key: h(3), value: await db.get(h(1)) as Buffer }, { type: 'del', key: h(1) }])
  })
  t.match(await rebuilt(at, true), { outcome: 'clean', checked: { 'stray headers removed': 1 }, notes: [/under the key of batch 3 .* batch 1/] })
  t.same(await batchesOf(at.folder), before)
  const again = await at.restart()
  await deposit(again, 1)
  await allFinal(again)
})

t.test('a header of a batch that was lost is none of those', async (t) => {
  const at = await finalBatches(t, BATCHES)
  await withDatabase(at.folder, async (db) => {
    const next = (await db.get(h(2)) as Buffer).toString().replace('"number":"2"', '"number":"4"')
    await db.write([{ type: 'put', key: h(5), value: Buffer.from(next) }])
  })
  t.match((await rebuilt(at, true)).first, { object: 'batch 3', code: 'BATCH_MISSING' })
  t.ok((await dump(at.folder)).has(h(5).toString('hex')))
})

const c = numberKey('c', 1)
const a = numberKey('a', 1)
const block = async (folder: string): Promise<Buffer> => await withDatabase(folder, async (db) => {
  const { block } = JSON.parse((await db.get(a) as Buffer).toString()) as { block: string }
  return numberKey('b', Number(block))
})
const ATTESTATIONS: ReadonlyArray<readonly [string, (folder: string) => Promise<void>]> = [
  ['the read-back gone', (folder) => remove(folder, c)],
  ['the read-back and its checksum gone', (folder) => remove(folder, c, checksumKey(c))],
  ['its place gone', (folder) => remove(folder, a)],
  ['its place is nothing', (folder) => replaceText(folder, a, /^.*$/, 'null')],
  ['the read-back not of its checksum', (folder) => replaceText(folder, c, /"signature":"A/, '"signature":"B')],
  ['the read-back unreadable', (folder) => flipBit(folder, c, 0)],
  ['its block gone', async (folder) => { await remove(folder, await block(folder)) }],
  ['its block not of its checksum', async (folder) => { await replaceText(folder, await block(folder), /"signatures":"AA"/, '"signatures":"AQ"') }],
  ['an identity that is not what it was', (folder) => withDatabase(folder, async (db) => {
    for await (const [key] of db.entries('i')) await db.write([{ type: 'put', key, value: Buffer.from('AAAA') }])
  })]
]

for (const [what, damage] of ATTESTATIONS) {
  t.test(`what the ledger said of a final batch, ${what}`, async (t) => {
    const at = await finalBatches(t, BATCHES)
    await damage(at.folder)
    const before = await dump(at.folder)
    ok(t, await rebuilt(at, false), { outcome: 'differs' })
    const kept = (key: string): string | undefined => /^(61|62|63|77)/.test(key) ? before.get(key) : undefined // a b c w
    t.same([...await dump(at.folder)].filter(([key]) => kept(key) !== undefined).length, [...before.keys()].filter((key) => kept(key) !== undefined).length, 'without the ledger nothing is removed')

    ok(t, await rebuilt(at, true), { outcome: 'clean', notes: [/what the ledger said of (batch 1|3 batches, the first of them batch 0,) cannot be used/] })
    t.match(JSON.parse(Buffer.from((await dump(at.folder)).get(textKey('w', 'final').toString('hex')) ?? '', 'hex').toString()), what.includes('identity') ? { batches: 0, sequence: 0 } : { batches: 1, sequence: 20 })
    t.equal((await rebuilt(at, true)).notes.length, 0, 'once')
    const again = await at.restart()
    await allFinal(again)
    for (const sequence of [0, 25, 45]) await again.notary.prover.prove({ sequence })
    await again.close()
    t.same((await localFsck(at.folder)).examples, [])
  })
}

function ok (t: Test, report: Report, expected: object): void {
  t.match(report, expected, JSON.stringify([report.examples, report.notes]))
}

t.test('a ledger that has not the batch attests nothing of it: the mark stays', async (t) => {
  const at = await finalBatches(t, BATCHES)
  await remove(at.folder, c)
  const before = await batchesOf(at.folder)
  const find = at.ledger.findBatch.bind(at.ledger)
  at.ledger.findBatch = async (number) => number === '1' ? undefined : await find(number)
  t.match((await rebuilt(at, true)).byCode, { ATTESTATION_MISSING: 1 })
  t.same(await batchesOf(at.folder), before)
})
