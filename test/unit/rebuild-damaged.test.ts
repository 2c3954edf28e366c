/** `rebuild-index` on a log of three final batches of which something changed on the disk: it calls nothing right that changed, and what can be had anew the service has anew. */
import t, { type Test } from 'tap'
import type { BatchEntry } from '../../src/core/ledger-values.js'
import { rebuild } from '../../src/ops/rebuild/rebuild.js'
import type { Report } from '../../src/ops/report.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { numberKey, textKey } from '../../src/store/keys.js'
import { dump, flipBit, remove, replaceText, withDatabase } from '../support/damage.js'
import { allFinal, deposit, noop, world, type World } from '../support/notary-world.js'

const BATCHES = 3
const LOG_TILE = numberKey('l', 0, 0)
const h = (number: number): Buffer => numberKey('h', number)

/** A log of three final batches, not open. */
async function three (t: Test): Promise<World> {
  const at = await world(t)
  for (let batch = 0; batch < BATCHES; batch++) {
    await deposit(at, 20)
    await allFinal(at)
  }
  await at.close()
  return at
}

const rebuilt = async ({ folder, ledger }: World, withLedger: boolean): Promise<Report> => await withDatabase(folder, async (db) => (
  await rebuild({ db, crypto: nodeCrypto, onProgress: noop, ledger: withLedger ? () => Promise.resolve(ledger) : undefined })
))
const otherTime = async (folder: string, number: number): Promise<void> => { await replaceText(folder, h(number), /"sealedAt":"20/, '"sealedAt":"30') }
/** What the log has of its batches, without what the service and the tools say of the folder. */
const batchesOf = async (folder: string): Promise<Map<string, string>> => new Map([...await dump(folder)].filter(([key]) => /^(68|66|74|76|75|6c|77)/.test(key))) // h f t v u l w

t.test('a header that changed is taken from the ledger', async (t) => {
  for (const number of [0, 1, 2]) {
    const at = await three(t)
    const before = await batchesOf(at.folder)
    await otherTime(at.folder, number)
    t.equal((await rebuilt(at, true)).outcome, 'clean')
    t.same(await batchesOf(at.folder), before, `batch ${number}`)
  }
})

t.test('where nobody has the header any more, the changed one is named, and nothing is written over what speaks against it', async (t) => {
  for (const number of [0, 1, 2]) {
    const at = await three(t)
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
    const at = await three(t)
    const before = await batchesOf(at.folder)
    await damage(at.folder)
    await rebuilt(at, false)
    t.same(await batchesOf(at.folder), before, what)
  }
})

t.test('without marks and tiles the headers are enough, as after an import', async (t) => {
  const at = await three(t)
  const before = await batchesOf(at.folder)
  await remove(at.folder, ...[...before.keys()].filter((key) => !key.startsWith('68')).map((key) => Buffer.from(key, 'hex')))
  await rebuilt(at, false)
  const after = await batchesOf(at.folder)
  for (const name of ['anchored', 'final']) before.delete(textKey('w', name).toString('hex')) // nothing here says how far the ledger is
  for (const name of ['anchored', 'final']) after.delete(textKey('w', name).toString('hex'))
  t.same(after, before)
})

t.test('a header that the ledger has otherwise, and that fits no record here, is not called right', async (t) => {
  const at = await three(t)
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
  const at = await three(t)
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
  const at = await three(t)
  await withDatabase(at.folder, async (db) => {
    const next = (await db.get(h(2)) as Buffer).toString().replace('"number":"2"', '"number":"4"')
    await db.write([{ type: 'put', key: h(5), value: Buffer.from(next) }])
  })
  t.match((await rebuilt(at, true)).first, { object: 'batch 3', code: 'BATCH_MISSING' })
  t.ok((await dump(at.folder)).has(h(5).toString('hex')))
})
