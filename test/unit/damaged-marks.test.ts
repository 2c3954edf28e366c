/** Marks, headers and log tiles that changed on the disk: the log is not sealed over itself, nor is a head signed that was none. */
import t, { type Test } from 'tap'
import { parseProof } from '../../src/core/proof.js'
import { holdToHeaders } from '../../src/notary/held-log-tree.js'
import { createLogTree } from '../../src/notary/log-tree.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { numberKey, textKey } from '../../src/store/keys.js'
import { dump, flipBit, localFsck, remove, replaceText } from '../support/damage.js'
import { allFinal, deposit, finalBatches, world, type World } from '../support/notary-world.js'
import { until } from '../support/service.js'

const BATCHES = 3
const SEALED = textKey('w', 'sealed')

const SEALED_CHANGES: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  'sealed: lost': (folder) => remove(folder, SEALED),
  'sealed: a batch lower': (folder) => replaceText(folder, SEALED, /"batches":3/, '"batches":2'),
  'sealed: a batch higher': (folder) => replaceText(folder, SEALED, /"batches":3/, '"batches":7'),
  'sealed: negative': (folder) => replaceText(folder, SEALED, /"batches":3/, '"batches":-3'),
  'sealed: fewer records': (folder) => replaceText(folder, SEALED, /"sequence":60/, '"sequence":40'),
  'sealed: more records': (folder) => replaceText(folder, SEALED, /"sequence":60/, '"sequence":70'),
  'sealed: another time': (folder) => replaceText(folder, SEALED, /"sealedAt":"2/, '"sealedAt":"3'),
  'sealed: no mark': (folder) => replaceText(folder, SEALED, /"batches"/, '"catches"'),
  'sealed: no JSON': (folder) => replaceText(folder, SEALED, /{/, 'x'),
  'the last header lost': (folder) => remove(folder, numberKey('h', BATCHES - 1))
}

for (const [what, damage] of Object.entries(SEALED_CHANGES)) {
  for (const isUp of [false, true]) {
    t.test(`${what}, the ledger ${isUp ? 'up' : 'away'}: nothing is taken, and nothing written over`, async (t) => {
      const { folder, ledger } = await finalBatches(t, BATCHES)
      await damage(folder)
      t.ok((await localFsck(folder)).byCode.WATERMARK_DIFFERS, 'fsck says so as well')
      const before = await dump(folder)
      ledger.isUp = isUp
      const at = await world(t, { folder, ledger })
      if (isUp) await until(async () => await Promise.resolve(at.notary.link.isUp))
      await t.rejects(deposit(at, 1), { code: 'LOG_DAMAGED' })
      t.match(await at.notary.prover.prove({ sequence: 0 }).then(parseProof), { record: { sequence: '0' } }, 'proofs are handed out')
      await at.close() // which seals what it may
      ledger.isUp = true
      const after = await dump(folder)
      const isBatches = ([key]: [string, string]): boolean => /^(68|66|74|76|75|6c)/.test(key) || key === SEALED.toString('hex') // h f t v u l
      t.same([...after].filter(isBatches), [...before].filter(isBatches))
    })
  }
}

t.test('whoever closes does not wait for what is not sealed', async (t) => {
  const { folder, ledger } = await finalBatches(t, BATCHES)
  await remove(folder, SEALED, numberKey('h', BATCHES - 1))
  const at = await world(t, { folder, ledger })
  await until(async () => await Promise.resolve(at.notary.link.isUp))
  t.ok(at.notary.progress.sealed.sequence < at.notary.progress.received)
  const DAY_MS = 86_400_000
  await at.notary.close(DAY_MS)
  await at.close()
})

const LOWER_CHANGES: Readonly<Record<string, (folder: string) => Promise<void>>> = Object.fromEntries(['anchored', 'final'].flatMap((name) => {
  const key = textKey('w', name)
  return [
    [`${name}: lost`, (folder: string) => remove(folder, key)],
    [`${name}: higher`, (folder: string) => replaceText(folder, key, /"batches":3/, '"batches":7')],
    [`${name}: other records`, (folder: string) => replaceText(folder, key, /"sequence":60/, '"sequence":61')],
    [`${name}: no mark`, (folder: string) => replaceText(folder, key, /"batches"/, '"catches"')]
  ] as const
}))

for (const [what, damage] of Object.entries(LOWER_CHANGES)) {
  t.test(`${what}: the stage begins lower, and writes it right`, async (t) => {
    const { folder, ledger } = await finalBatches(t, BATCHES)
    await damage(folder)
    const at = await world(t, { folder, ledger })
    await deposit(at, 1)
    await allFinal(at)
    t.same(at.notary.progress.final, { batches: BATCHES + 1, sequence: 61 })
    await at.close()
    t.equal((await localFsck(folder)).byCode.WATERMARK_DIFFERS, undefined)
  })
}

/** Final batches and one that is only sealed, in a log that is not open; its ledger is away. */
async function oneSealed (t: Test): Promise<World> {
  const { folder, ledger } = await finalBatches(t, BATCHES)
  ledger.isUp = false
  const at = await world(t, { folder, ledger })
  await deposit(at, 20)
  await until(async () => await Promise.resolve(at.notary.progress.sealed.batches === BATCHES + 1))
  await at.close()
  return at
}

t.test('a watermark of finality that is too high: no batch is left out', async (t) => {
  const { folder, ledger } = await oneSealed(t)
  await replaceText(folder, textKey('w', 'final'), /"batches":3,"sequence":60/, '"batches":4,"sequence":80')
  ledger.isUp = true
  const at = await world(t, { folder, ledger })
  await allFinal(at)
  t.ok(await ledger.findBatch(String(BATCHES)))
})

t.test('the header before a watermark lost: the one after it says that it stands right', async (t) => {
  const { folder, ledger } = await oneSealed(t)
  await remove(folder, numberKey('h', BATCHES - 1))
  const at = await world(t, { folder, ledger })
  t.same(at.notary.progress.final, { batches: BATCHES, sequence: 60 })
})

t.test('the last header lost: what is final stays so, and no smaller head is signed', async (t) => {
  const { folder, ledger } = await finalBatches(t, BATCHES)
  await remove(folder, numberKey('h', BATCHES - 1))
  const at = await world(t, { folder, ledger })
  t.same(at.notary.progress.final, { batches: BATCHES, sequence: 60 })
  await t.rejects(at.notary.reader.head(), { code: 'DAMAGED' })
})

t.test('a batch is never written over another', async (t) => {
  const { folder, ledger } = await finalBatches(t, BATCHES)
  const at = await world(t, { folder, ledger })
  const nothing = Buffer.alloc(0)
  await t.rejects(at.store.batches.seal({
    number: 1, first: 60, header: nothing, tiles: [], nodes: [], tileRoots: nothing, logTiles: [], mark: { batches: 2, sequence: 60 }
  }), { code: 'DAMAGED', message: /batch 1 is sealed already/ })
})

t.test('a log tile that changed: no head is signed or told over it, and nothing is sealed on it', async (t) => {
  const { folder, ledger } = await finalBatches(t, BATCHES)
  await flipBit(folder, numberKey('l', 0, 0), 3)
  ledger.isUp = false
  const at = await world(t, { folder, ledger })
  await t.rejects(at.notary.reader.head(), { code: 'DAMAGED' })
  await t.rejects(at.notary.reader.consistency(1, BATCHES), { code: 'DAMAGED' })
  await deposit(at, 1)
  ledger.isUp = true
  await until(async () => await deposit(at, 1).then(() => false, ({ code }) => code === 'LOG_DAMAGED')) // as soon as the heads are compared
  await at.close()
  t.equal((await localFsck(folder)).byCode.BATCH_DIFFERS, undefined, 'no batch stands on a head that was none')
})

t.test('a head is held to the header of its last batch', async (t) => {
  const { folder, ledger } = await finalBatches(t, BATCHES)
  const at = await world(t, { folder, ledger })
  const { batches } = at.store
  const tree = createLogTree(nodeCrypto, (level, index) => batches.logTile(level, index))
  t.same(await holdToHeaders(nodeCrypto, tree, batches).head(BATCHES), await tree.head(BATCHES))
  for (const size of [1, 2, 3]) {
    const header = await batches.header(size - 1) ?? Buffer.alloc(0)
    const changed = Buffer.from(header.toString().replace(/"sealedAt":"2/, '"sealedAt":"3'))
    const other = holdToHeaders(nodeCrypto, tree, { header: async (number) => number === size - 1 ? changed : await batches.header(number) })
    await t.rejects(other.head(size), { code: 'DAMAGED' }, `${size}`)
  }
})
