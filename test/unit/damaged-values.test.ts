/** Values and keys of the database that no version writes: the tools name them, and none of them ends in an exception. */
import t, { type Test } from 'tap'
import { exportArchive } from '../../src/ops/archive/write.js'
import { rebuild } from '../../src/ops/rebuild/rebuild.js'
import type { Report } from '../../src/ops/report.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { checksumKey, summed } from '../../src/store/checksums.js'
import { numberKey, numberValue, textKey } from '../../src/store/keys.js'
import { dump, flipBit, localFsck, remove, replaceText, withDatabase } from '../support/damage.js'
import { allFinal, BY, deposit, digests, noop, world, type World } from '../support/notary-world.js'

const BATCHES = 2
const put = async (folder: string, key: Buffer, value: string | Buffer): Promise<void> => {
  await withDatabase(folder, async (db) => { await db.write([{ type: 'put', key, value: Buffer.from(value) }]) })
}

/** Two final batches, the first deposit with metadata; not open. */
async function two (t: Test): Promise<World> {
  const at = await world(t)
  await at.notary.intake.digests(BY, { digests: digests(), metadata: { case: '2026-1' } })
  for (let batch = 0; batch < BATCHES; batch++) {
    await deposit(at, 20)
    await allFinal(at)
  }
  await at.close()
  return at
}

const rebuilt = async ({ folder, ledger }: World): Promise<Report> => await withDatabase(folder, async (db) =>
  await rebuild({ db, crypto: nodeCrypto, onProgress: noop, ledger: () => Promise.resolve(ledger) }))

const exported = async ({ folder }: World, onLeftOut: (object: string) => void = noop): Promise<number> => await withDatabase(folder, async (view) => {
  let bytes = 0
  const archive = exportArchive({ view, crypto: nodeCrypto, now: new Date().toISOString(), withContent: false, onProgress: noop, onLeftOut })
  for await (const chunk of archive) bytes += chunk.length
  return bytes
})

const NUMBERS = ['0', '-1', '-3', '1.5', '1e300', '"2"', 'null', 'true', '[]']

for (const name of ['sealed', 'anchored', 'final']) {
  t.test(`watermark ${name}`, async (t) => {
    const at = await two(t)
    const whole = await dump(at.folder)
    const key = textKey('w', name)
    const before = JSON.parse(Buffer.from(whole.get(key.toString('hex')) ?? '', 'hex').toString()) as Record<string, unknown>
    const values = ['batches', 'sequence'].flatMap((member) => NUMBERS.map((number) => JSON.stringify({ ...before, [member]: 'X' }).replace('"X"', number)))
    for (const value of [...values, 'null', '7', '"sealed"', '[]', '', '{']) {
      await put(at.folder, key, value)
      const object = `watermark ${name}`
      const report = await localFsck(at.folder)
      t.ok(report.examples.some((found) => found.object === object && found.code === 'WATERMARK_DIFFERS'), `${value}: ${JSON.stringify(report.examples)}`)
      await rebuilt(at)
      t.equal((await localFsck(at.folder)).byCode.WATERMARK_DIFFERS, undefined, value)
      t.same((await dump(at.folder)).has(numberKey('h', 1).toString('hex')), true)
    }
  })
}

const PREFIXES = 'rnsmgedohftvulacbiwpkxy'
/** Before all others, among them and after them. */
const ofOtherLength = (prefix: string): Buffer[] => [
  Buffer.from(prefix), Buffer.concat([Buffer.from(prefix), Buffer.of(0)]), Buffer.concat([numberKey(prefix as 'r', 3), Buffer.of(0)]), Buffer.concat([Buffer.from(prefix), Buffer.of(255)])
]
const beyondAll = (prefix: string): Buffer[] => [numberKey(prefix as 'r', 2 ** 40)]

t.test('keys of another length, and from nowhere', async (t) => {
  const at = await two(t)
  for (const prefix of PREFIXES) {
    for (const keys of [ofOtherLength(prefix), beyondAll(prefix)]) {
      for (const key of keys) await put(at.folder, key, 'null')
      await t.resolves(localFsck(at.folder), prefix)
      await t.resolves(rebuilt(at), prefix)
      await remove(at.folder, ...keys)
    }
  }
  t.equal((await localFsck(at.folder)).differences, 0)
})

t.test('a key of another length among the records hides none of those behind it', async (t) => {
  const at = await two(t)
  const { batches } = at.notary.progress.sealed
  const whole = await dump(at.folder)
  for (const key of ofOtherLength('r')) {
    await withDatabase(at.folder, async (db) => {
      for await (const [number] of db.entries('n')) await db.write([{ type: 'del', key: number }])
    })
    await put(at.folder, key, 'stray')
    await rebuilt(at)
    await remove(at.folder, key)
    t.same([...await dump(at.folder)].filter(([each]) => each.startsWith('6e')), [...whole].filter(([each]) => each.startsWith('6e')), `${batches} batches`)
  }
})

t.test('a header that cannot be read, and a key of another length among the tiles', async (t) => {
  const at = await two(t)
  await flipBit(at.folder, numberKey('h', at.notary.progress.sealed.batches - 1), 0)
  await put(at.folder, Buffer.from('t\xff', 'latin1'), '')
  t.match(await localFsck(at.folder), { byCode: { BATCH_UNREADABLE: 1, KEY_UNKNOWN: 1 } })
})

t.test('values of another length or form', async (t) => {
  const at = await two(t)
  const whole = await dump(at.folder)
  const values = ['', 'null', '"x"', '[null]', '[{"namf":"case","value":"2026-1"}]', '{"block":"1","transaction":-1}', 'x'.repeat(33)]
  const touched = new Map<string, string>() // the last entry of each prefix
  for (const key of whole.keys()) touched.set(key.slice(0, 2), key)
  touched.set('all', [...whole.keys()].find((key) => key.startsWith('6d')) ?? '') // metadata of the first record
  for (const key of touched.values()) {
    for (const value of values) {
      await put(at.folder, Buffer.from(key, 'hex'), value)
      await t.resolves(localFsck(at.folder), `${key}: ${value}`)
    }
    await put(at.folder, Buffer.from(key, 'hex'), Buffer.from(whole.get(key) ?? '', 'hex'))
  }
  t.same(await dump(at.folder), whole)
})

t.test('an export ends with a refusal at a key of another length', async (t) => {
  const at = await two(t)
  await rebuilt(at) // writes the log's identity, which this world has none of
  for (const prefix of ['s', 'c']) {
    await put(at.folder, Buffer.from(`${prefix}1`), 'x')
    await t.rejects(exported(at), { code: 'SOURCE_DIFFERS' }, prefix)
    await remove(at.folder, Buffer.from(`${prefix}1`))
  }
})

t.test('an export ends with a refusal where half of what is kept beside a record is gone', async (t) => {
  const at = await two(t)
  await rebuilt(at)
  for (const prefix of ['s', 'm'] as const) {
    const value = Buffer.from((await dump(at.folder)).get(numberKey(prefix, 0).toString('hex')) ?? '', 'hex')
    await remove(at.folder, numberKey(prefix, 0))
    await t.rejects(exported(at), { code: 'SOURCE_DIFFERS', message: /record 0/ }, prefix)
    await put(at.folder, numberKey(prefix, 0), value)
  }
  await remove(at.folder, numberKey('s', 0), numberKey('m', 0))
  await t.resolves(exported(at), 'erased')
})

t.test('a commit group that says it has a million records', async (t) => {
  const at = await two(t)
  await replaceText(at.folder, numberKey('g', 0), /"groupSize":"\d+"/, '"groupSize":"1000000"')
  t.ok((await localFsck(at.folder)).examples.some(({ object, code }) => object === 'commit group 0' && code === 'GROUP_DIFFERS'))
  const report = await rebuilt(at)
  t.ok(report.examples.some(({ object, code }) => object === 'commit group of record 0' && code === 'GROUP_MISSING'), JSON.stringify(report.examples))
})

t.test('an index of batches that leads to what is no batch is damage to whoever asks', async (t) => {
  const at = await two(t)
  await put(at.folder, numberKey('f', 0), 'x')
  const again = await world(t, { folder: at.folder, ledger: at.ledger })
  await t.rejects(again.notary.prover.prove({ sequence: 0 }), { code: 'DAMAGED' })
})

t.test('an entry of the batch index that changed is written right, and stays', async (t) => {
  const at = await two(t)
  await rebuilt(at)
  const whole = await dump(at.folder)
  await put(at.folder, numberKey('f', 0), numberValue(77))
  await rebuilt(at)
  t.same(await dump(at.folder), whole)
})

t.test('records that are missing at the end are named, and no counter goes down', async (t) => {
  const at = await two(t)
  await rebuilt(at)
  const whole = await dump(at.folder)
  const gone = [39, 40].map((sequence) => numberKey('r', sequence))
  await remove(at.folder, ...gone)
  const report = await rebuilt(at)
  t.same(report.examples.filter(({ code }) => code === 'RECORD_MISSING').map(({ object }) => object), ['record 39', 'record 40'])
  t.same([...await dump(at.folder)], [...whole].filter(([key]) => !gone.some((each) => each.toString('hex') === key)))
})

t.test('a trust bundle that changed is written over no block', async (t) => {
  const at = await two(t)
  await rebuilt(at)
  const block = async (): Promise<string | undefined> => (await dump(at.folder)).get(numberKey('b', 0).toString('hex'))
  const whole = await block()
  await replaceText(at.folder, textKey('x', 'bundle-file'), /("genesis":\{"data":\["[^"]{4})[^"]{4}/, '$1AAAA')
  t.ok((await localFsck(at.folder)).examples.some(({ object }) => object === 'block 0 of the trust bundle'))
  const report = await rebuilt(at)
  t.ok(report.examples.some(({ object }) => object === 'trust bundle'), JSON.stringify(report.examples))
  t.equal(await block(), whole)
})

t.test('what the ledger said of a batch is looked at, also where the mark of that is lost', async (t) => {
  const at = await two(t)
  await remove(at.folder, textKey('w', 'final'))
  for (const key of (await dump(at.folder)).keys()) if (key.startsWith('69')) await remove(at.folder, Buffer.from(key, 'hex'))
  const { byCode } = await localFsck(at.folder)
  t.equal((byCode.ATTESTATION_DIFFERS ?? 0) + (byCode.ATTESTATION_MISSING ?? 0), at.notary.progress.final.batches, JSON.stringify(byCode))
})

t.test('without a trust bundle nobody says that the receipts are signed', async (t) => {
  const at = await two(t)
  await remove(at.folder, textKey('x', 'bundle-file'), textKey('w', 'final'))
  t.match((await localFsck(at.folder)).couldNotCheck.map(({ what }) => what), ['receipt signatures'])
})

t.test('checksums of what can be told otherwise are made right', async (t) => {
  const at = await two(t)
  await rebuilt(at)
  const whole = await dump(at.folder)
  for (const key of [numberKey('b', 0), textKey('x', 'log')]) {
    await flipBit(at.folder, checksumKey(key))
    t.ok((await localFsck(at.folder)).differences > 0, key.toString('latin1'))
    await rebuilt(at)
    t.same(await dump(at.folder), whole)
  }
})

t.test('an upload that cannot go on is named and goes, an API key that is gone stays named', async (t) => {
  const at = await two(t)
  await put(at.folder, textKey('p', 'ab'), '{"id":"xx"}')
  await put(at.folder, checksumKey(textKey('k', '0011223344556677')), 'x'.repeat(32))
  const named = async (): Promise<string[]> => (await rebuilt(at)).examples.map(({ object }) => object)
  t.same(await named(), ['API key 0011223344556677', 'upload ab'])
  t.same(await named(), ['API key 0011223344556677'])
})

t.test('an archive has no API key that changed', async (t) => {
  const at = await two(t)
  await rebuilt(at)
  const keys = at.notary.store.keys
  t.equal(keys.size, 0)
  const value = { id: '0011223344556677', organization: '8899aabbccddeeff', label: 'a', scopes: ['read'], hash: 'ab'.repeat(32) }
  for (const { key, value: text } of summed(textKey('k', value.id), JSON.stringify(value))) await put(at.folder, key, text)
  const leftOut = async (): Promise<string[]> => {
    const out: string[] = []
    await exported(at, (object) => { out.push(object) })
    return out
  }
  t.same(await leftOut(), [])
  await replaceText(at.folder, textKey('k', value.id), /"read"/, '"admin"')
  t.same(await leftOut(), [`API key ${value.id}`])
})

t.test('a lost identity is not taken from a group that its own record contradicts', async (t) => {
  const at = await two(t)
  await rebuilt(at)
  const log = textKey('x', 'log')
  await remove(at.folder, log, checksumKey(log))
  await replaceText(at.folder, numberKey('g', 0), /"log":"test/, '"log":"text')
  await rebuilt(at)
  t.match(Buffer.from((await dump(at.folder)).get(log.toString('hex')) ?? '', 'hex').toString(), '"origin":"test.')
})
