/** `steelyard reconcile` and `rebuild-index` on a real service's data folder: what differs from the ledger is named, and what can be made again is. */
import t from 'tap'
import { fsck } from '../../src/ops/fsck/fsck.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { checksumKey } from '../../src/store/checksums.js'
import { numberKey, textKey } from '../../src/store/keys.js'
import { dump, flipBit, localFsck, remove, replaceText, withDatabase } from '../support/damage.js'
import { operatedFolder } from '../support/operated-folder.js'

const quiet = (): void => undefined
const { data, numbers, profile, copy, steelyard, landmarks, ledger, reconciled, rebuilt } = await operatedFolder(t)

/** Another last header than the ledger has, with everything local made to fit it: what speaks against it, one has to remove by hand. */
async function forge (folder: string, last: number): Promise<void> {
  await replaceText(folder, numberKey('h', last), /"sealedAt":"20(..)/, '"sealedAt":"19$1')
  await remove(folder, numberKey('c', last), numberKey('a', last), textKey('w', 'final'), textKey('w', 'sealed'), numberKey('l', 0, 0))
  await rebuilt(folder, false)
}

t.test('a log that fits itself and not the ledger', async (t) => {
  const { last } = await landmarks()
  const folder = await copy()
  await forge(folder, last)
  t.equal((await localFsck(folder)).outcome, 'clean', 'nothing local shows it')
  const { code, json } = await steelyard('fsck', '--data', folder, '--ledger', profile, '--json')
  t.equal(code, 1)
  const named = { object: `batch ${last}`, code: 'LEDGER_DIFFERS' }
  t.match(json, { differences: 1, first: named })
  t.match(await reconciled(folder), { differences: 1, first: named })
  // Halving finds the first of several.
  const early = await copy()
  await withDatabase(early, async (db) => {
    for (let number = last - 1; number <= last; number++) {
      const header = (await db.get(numberKey('h', number)) as Buffer).toString()
      await db.write([{ type: 'put', key: numberKey('h', number), value: Buffer.from(header.replace(/"sealedAt":"20/, '"sealedAt":"19')) }])
    }
  })
  const halved = await withDatabase(early, async (view) => await fsck({
    view, crypto: nodeCrypto, now: new Date().toISOString(), ledger: () => Promise.resolve(ledger()), withContent: false, onProgress: quiet
  }))
  t.ok(halved.examples.some(({ code, object }) => code === 'LEDGER_DIFFERS' && object === `batch ${last - 1}`))
})

t.test('a folder that is older than the ledger, and one that is newer', async (t) => {
  const { last } = await landmarks()
  const older = await copy()
  const first = await withDatabase(older, async (db) => Number((JSON.parse((await db.get(numberKey('h', last)) as Buffer).toString()) as { first: string }).first))
  await remove(older, numberKey('h', last), numberKey('f', first))
  await withDatabase(older, async (db) => {
    for (const name of ['sealed', 'anchored', 'final']) {
      await db.write([{ type: 'put', key: textKey('w', name), value: Buffer.from(JSON.stringify({ batches: last, sequence: first })) }])
    }
  })
  t.match((await reconciled(older)).first, { object: `batch ${last}`, code: 'LOCAL_MISSING' })

  const newer = await copy()
  await withDatabase(newer, async (db) => {
    const header = JSON.parse((await db.get(numberKey('h', last)) as Buffer).toString()) as Record<string, string>
    await db.write([
      { type: 'put', key: numberKey('h', last + 1), value: Buffer.from(JSON.stringify({ ...header, number: String(last + 1) })) },
      { type: 'put', key: textKey('w', 'anchored'), value: Buffer.from(JSON.stringify({ batches: last + 2, sequence: numbers.length })) }
    ])
  })
  t.match((await reconciled(newer)).first, { object: `batch ${last + 1}`, code: 'LEDGER_MISSING' })
})

t.test('everything that follows from the rest is written again as it was', async (t) => {
  const before = await dump(data)
  const untouched = await copy()
  const idle = await rebuilt(untouched, false)
  t.equal(idle.outcome, 'clean')
  t.notOk(Object.keys(idle.checked).some((what) => /written|removed/.test(what)), 'nothing to do, nothing done')
  t.same(await dump(untouched), before)

  const derived = 'noedftvulw'
  const folder = await copy()
  await withDatabase(folder, async (db) => {
    for await (const key of db.keys()) if (derived.includes(String.fromCharCode(key[0] as number))) await db.write([{ type: 'del', key }])
    await db.write([{ type: 'del', key: textKey('x', 'log') }, { type: 'del', key: textKey('x', 'schema') }])
  })
  const empty = await dump(folder)
  t.ok(((await rebuilt(folder, true, true)).checked['tiles written'] ?? 0) > 0)
  t.same(await dump(folder), empty, 'a dry run writes nothing')
  const { code, stdout } = await steelyard('rebuild-index', '--data', folder, '--ledger', profile)
  t.equal(code, 0, stdout)
  const after = await dump(folder)
  const identity = textKey('x', 'log').toString('hex')
  t.match(JSON.parse(Buffer.from(after.get(identity) ?? '', 'hex').toString()), { origin: idle.log })
  for (const each of [after, before]) { // when it was created is known to the first record only
    each.delete(identity)
    each.delete(checksumKey(textKey('x', 'log')).toString('hex'))
  }
  t.same(after, before)
  t.equal((await localFsck(folder)).outcome, 'clean')
})

t.test('headers come back from the read-backs or from the ledger; what is lost for good is named', async (t) => {
  const { last, wide } = await landmarks()
  const before = await dump(data)
  const folder = await copy()
  await remove(folder, numberKey('h', wide))
  await rebuilt(folder, false)
  t.same(await dump(folder), before, 'from the read-back')
  for (const number of [wide, last]) await replaceText(folder, numberKey('h', number), /"sealedAt":"20/, '"sealedAt":"30')
  t.equal((await rebuilt(folder, false)).outcome, 'clean')
  t.same(await dump(folder), before, 'also where one changed and still fits the records')
  await flipBit(folder, numberKey('b', 0))
  await rebuilt(folder, false)
  t.same(await dump(folder), before, 'a block from the trust bundle')
  const sum = checksumKey(numberKey('c', last))
  await flipBit(folder, sum)
  const wrong = await dump(folder)
  t.match((await rebuilt(folder, false)).first, { code: 'CHECKSUM_DIFFERS', object: `read-back of batch ${last}` })
  t.same(await dump(folder), wrong, 'a checksum is not made or removed so that it fits')
  t.match((await localFsck(folder)).first, { code: 'CHECKSUM_DIFFERS', object: `read-back of batch ${last}` })

  const both = await copy()
  await remove(both, numberKey('h', last), numberKey('c', last), numberKey('a', last), textKey('w', 'final'), textKey('w', 'sealed'), textKey('w', 'anchored'))
  t.equal((await rebuilt(both, true)).outcome, 'clean')
  const header = numberKey('h', last).toString('hex')
  t.equal((await dump(both)).get(header), before.get(header), 'from the ledger')

  const neither = await copy()
  await remove(neither, numberKey('h', last), numberKey('c', last))
  const alone = await rebuilt(neither, false)
  t.match(alone.first, { object: `batch ${last}`, code: 'BATCH_MISSING' })
  const sealed = textKey('w', 'sealed').toString('hex')
  t.equal((await dump(neither)).get(sealed), before.get(sealed), 'and no watermark moved')

  const lost = await copy()
  await flipBit(lost, numberKey('r', 3), 0)
  const named = await rebuilt(lost, false)
  t.match(named.first, { object: 'record 3', code: 'RECORD_UNREADABLE' })
  t.equal((await localFsck(lost)).differences, 1, 'and nothing else was made worse')
})
