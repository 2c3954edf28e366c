/** Counters of organizations that were lost or changed on the disk: no organization-sequence is given twice. */
import t, { type Test } from 'tap'
import { rebuild } from '../../src/ops/rebuild/rebuild.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { checksumKey } from '../../src/store/checksums.js'
import { numberKey, numberValue, textKey } from '../../src/store/keys.js'
import { dump, localFsck, remove, replaceText, withDatabase } from '../support/damage.js'
import { BY, deposit, digests, finalBatches, noop, world, type World } from '../support/notary-world.js'

const OTHER = { ...BY, id: '1122334455667788', organization: '0123456789abcdef' }
const DEPOSITS = 23
const own = (organization: string): Buffer => textKey('o', organization)
const set = async (folder: string, organization: string, value: Buffer): Promise<void> => {
  await withDatabase(folder, async (db) => { await db.write([{ type: 'put', key: own(organization), value }]) })
}

/** 20 deposits of one organization and 3 of another; not open. */
async function twoOrganizations (t: Test): Promise<World> {
  const { folder, ledger } = await finalBatches(t, 1)
  const at = await world(t, { folder, ledger })
  for (let i = 0; i < 3; i++) await at.notary.intake.digests(OTHER, { digests: digests() })
  await at.close()
  return at
}

const rebuilt = async ({ folder, ledger }: World): Promise<void> => {
  await withDatabase(folder, async (db) => await rebuild({ db, crypto: nodeCrypto, onProgress: noop, ledger: () => Promise.resolve(ledger) }))
}

/** What the next deposits of both organizations are numbered. */
async function nextNumbers (at: World): Promise<string[]> {
  const receipts = [await deposit(at, 1), [await at.notary.intake.digests(OTHER, { digests: digests() })]].flat()
  return receipts.map(({ receipt }) => /"organization":"\w+","sequence":"(\d+)"/.exec(receipt.join(''))?.[1] ?? '')
}

const FEWER: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  lost: (folder) => remove(folder, own(BY.organization)),
  'all lost': (folder) => remove(folder, own(BY.organization), own(OTHER.organization)),
  lowered: (folder) => set(folder, OTHER.organization, numberValue(1)),
  'of another length': (folder) => set(folder, OTHER.organization, Buffer.from('3')),
  'raised, and its checksum says so': (folder) => set(folder, OTHER.organization, numberValue(4)),
  'one raised and one lowered': async (folder) => {
    await set(folder, OTHER.organization, numberValue(4))
    await set(folder, BY.organization, numberValue(19))
  },
  'under the name of another': async (folder) => {
    await remove(folder, own(BY.organization))
    await set(folder, '0000000000000000', numberValue(20))
  }
}
for (const [what, damage] of Object.entries(FEWER)) {
  t.test(`${what}: counted by the records, and stored at once`, async (t) => {
    const { folder, ledger } = await twoOrganizations(t)
    const whole = await dump(folder)
    await damage(folder)
    t.ok((await localFsck(folder)).differences > 0)
    const at = await world(t, { folder, ledger })
    await at.close()
    for (const organization of [BY.organization, OTHER.organization]) {
      const key = own(organization).toString('hex')
      t.equal((await dump(folder)).get(key), whole.get(key))
    }
    t.same(await nextNumbers(await world(t, { folder, ledger })), ['20', '3'])
  })
}

t.test('a counter of nobody goes', async (t) => {
  const { folder, ledger } = await twoOrganizations(t)
  await remove(folder, own(BY.organization))
  await set(folder, 'nobody', numberValue(2))
  const at = await world(t, { folder, ledger })
  t.same(await nextNumbers(at), ['20', '3'])
  await at.close()
  t.notOk((await dump(folder)).has(own('nobody').toString('hex')))
})

const UNKNOWN: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  'changed, and a record that has another organization now': async (folder) => {
    await set(folder, BY.organization, numberValue(3))
    await replaceText(folder, numberKey('r', 19), new RegExp(`"organization":"${BY.organization}"`), '"organization":"ffffffffffffffff"')
    await replaceText(folder, numberKey('r', 5), new RegExp(`"organization":"${BY.organization}"`), '"organization":"ffffffffffffffff"')
  },
  'raised, which may be a lost record': async (folder) => {
    await set(folder, OTHER.organization, numberValue(4))
    await remove(folder, checksumKey(own(OTHER.organization))) // as earlier versions wrote it
  },
  'lost with a record': (folder) => remove(folder, own(OTHER.organization), numberKey('r', DEPOSITS - 1)),
  'lost, and a record of a final batch as well': (folder) => remove(folder, own(OTHER.organization), numberKey('r', 19))
}
for (const [what, damage] of Object.entries(UNKNOWN)) {
  t.test(`${what}: no deposit is taken, and nothing written`, async (t) => {
    const { folder, ledger } = await twoOrganizations(t)
    await damage(folder)
    const counters = async (): Promise<unknown> => [...await dump(folder)].filter(([key]) => key.startsWith('6f'))
    const before = await counters()
    const at = await world(t, { folder, ledger })
    await t.rejects(deposit(at, 1), { code: 'LOG_DAMAGED' })
    await at.close()
    t.same(await counters(), before)
  })
}

t.test('numbers that an earlier version gave twice keep nobody from depositing', async (t) => {
  const { folder, ledger } = await twoOrganizations(t)
  await withDatabase(folder, async (db) => {
    for await (const [key] of db.entries('y')) if (key.toString('latin1', 1, 2) === 'o') await db.write([{ type: 'del', key }])
    await db.write([{ type: 'put', key: own(BY.organization), value: numberValue(12) }]) // so that it counts fewer than there are
  })
  const doubled = async (): Promise<void> => {
    await withDatabase(folder, async (db) => {
      for (let sequence = 12; sequence < 20; sequence++) {
        const key = numberKey('r', sequence)
        const text = String(await db.get(key)).replace(/("organization":"8899aabbccddeeff","sequence":")\d+/, `$1${sequence - 12}`)
        await db.write([{ type: 'put', key, value: Buffer.from(text) }])
      }
    })
  }
  await doubled()
  const at = await world(t, { folder, ledger })
  t.same(await nextNumbers(at), ['20', '3'])
})

t.test('rebuild-index writes them by the records, and removes those of nobody', async (t) => {
  const at = await twoOrganizations(t)
  await rebuilt(at) // writes the log's identity, which this world has none of
  const whole = await dump(at.folder)
  await set(at.folder, OTHER.organization, numberValue(4))
  await remove(at.folder, own(BY.organization))
  await set(at.folder, 'nobody', numberValue(2))
  const { examples } = await localFsck(at.folder)
  t.same(examples.map(({ object }) => object).sort(), [BY.organization, OTHER.organization, 'nobody'].map((id) => `organization ${id}`).sort())
  await rebuilt(at)
  t.same(await dump(at.folder), whole)
  t.equal((await localFsck(at.folder)).differences, 0)
})

t.test('rebuild-index lowers none where the last record of an organization is missing', async (t) => {
  const at = await twoOrganizations(t)
  await remove(at.folder, numberKey('r', 19)) // of a final batch
  await rebuilt(at)
  t.same((await dump(at.folder)).get(own(BY.organization).toString('hex')), numberValue(20).toString('hex'))
  t.same(await nextNumbers(await world(t, { folder: at.folder, ledger: at.ledger })), ['20', '3'])
})

t.test('rebuild-index removes none of an organization of which no record is left', async (t) => {
  const at = await twoOrganizations(t)
  await remove(at.folder, ...[20, 21, 22].map((sequence) => numberKey('r', sequence)))
  await rebuilt(at)
  t.same((await dump(at.folder)).get(own(OTHER.organization).toString('hex')), numberValue(3).toString('hex'))
})
