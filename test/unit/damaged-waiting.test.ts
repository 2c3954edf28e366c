/** What waits to be sealed or anchored, and changed on the disk meanwhile: it goes on as it was promised, or not at all. */
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { toHex } from '../../src/core/bytes.js'
import { leafHash } from '../../src/core/merkle.js'
import { parseProof } from '../../src/core/proof.js'
import { recordBytes } from '../../src/core/record.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { StoreError } from '../../src/store/errors.js'
import { numberKey, numberValue, textKey } from '../../src/store/keys.js'
import { openStore } from '../../src/store/store.js'
import { flipBit, remove, replaceText, withDatabase } from '../support/damage.js'
import { GROUP } from '../../src/notary/committer.js'
import { allFinal, BY, deposit, noop, silent, stage, world, type World } from '../support/notary-world.js'
import { until } from '../support/service.js'

const HOUR = 3_600_000
const DEPOSITS = 5

/** Deposits in one commit group that are in no batch, in a log that is not open; and their leaves. */
async function unsealed (t: Test): Promise<World & { readonly leaves: readonly string[] }> {
  const at = await world(t, { sealAgeMs: HOUR })
  const made = await deposit(at, DEPOSITS)
  const receipts = await Promise.all(made.map(async (_, sequence) => await at.notary.prover.receipt(sequence)))
  await at.close()
  return { ...at, leaves: receipts.map(({ record }) => toHex(leafHash(nodeCrypto, recordBytes(record)))) }
}

const RECORD = numberKey('r', 2)
const garble = (key: Buffer) => async (folder: string): Promise<void> => {
  await withDatabase(folder, (db) => db.write([{ type: 'put', key, value: Buffer.from('{"') }]))
}
const RECORD_CHANGES: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  changed: (folder) => replaceText(folder, RECORD, /"sha256":"....../, '"sha256":"aaaaaa'),
  garbled: garble(RECORD),
  gone: (folder) => remove(folder, RECORD)
}

for (const [what, damage] of Object.entries(RECORD_CHANGES)) {
  t.test(`a record that is ${what}: what was promised is sealed, and only that one is not shown`, async (t) => {
    const { folder, ledger, leaves } = await unsealed(t)
    await damage(folder)
    const at = await world(t, { folder, ledger })
    await allFinal(at)
    const tile = await at.notary.reader.tile(0, 0)
    t.same(Array.from({ length: DEPOSITS }, (_, i) => tile.toString('hex', 32 * i, 32 * (i + 1))), leaves)
    await t.rejects(at.notary.prover.prove({ sequence: 2 }), { code: 'DAMAGED' })
    for (const sequence of [0, 1, 3, 4]) t.equal(parseProof(await at.notary.prover.prove({ sequence })).record.sequence, String(sequence))
    t.equal((await deposit(at, 1))[0]?.sequence, DEPOSITS)
  })
}

t.test('a group of one, whose root is its leaf: what nobody signed is not sealed', async (t) => {
  const before = await world(t, { sealAgeMs: HOUR })
  await deposit(before, 1)
  await before.close()
  await replaceText(before.folder, numberKey('g', 0), /"groupRoot":"....../, '"groupRoot":"aaaaaa')
  const at = await world(t, { folder: before.folder, ledger: before.ledger })
  await until(async () => await Promise.resolve(at.notary.link.isUp))
  await t.rejects(deposit(at, 1), { code: 'LOG_DAMAGED' })
  t.equal(at.notary.progress.sealed.batches, 0)
})

t.test('where nothing can be sealed any more, nobody waits for it, and no more is promised', async (t) => {
  const before = await world(t, { sealSize: 2 })
  await deposit(before, 2)
  await allFinal(before)
  before.ledger.isUp = false
  await deposit(before, 2)
  await until(async () => await Promise.resolve(before.notary.progress.sealed.batches === 2))
  await before.close()
  await replaceText(before.folder, numberKey('h', 1), /"root":"....../, '"root":"aaaaaa')
  const at = await world(t, { folder: before.folder, ledger: before.ledger, sealSize: 2 })
  const answers: string[] = []
  for (let i = 0; i < 20; i++) answers.push(await deposit(at, 1).then(() => 'made', ({ code }: { code: string }) => code))
  t.equal(answers.at(-1), 'LOG_DAMAGED')
  t.ok(answers.lastIndexOf('made') < answers.indexOf('LOG_DAMAGED'), answers.join(' '))
})

/** A log that is not open, whose last header changed, and whose ledger is away: nothing can be sealed behind it. */
async function unsealable (t: Test): Promise<World> {
  const at = await world(t, { sealSize: 2 })
  await deposit(at, 2)
  await allFinal(at)
  await at.close()
  await replaceText(at.folder, numberKey('h', 0), /"root":"....../, '"root":"aaaaaa')
  at.ledger.isUp = false
  return at
}

t.test('whoever waits for room when sealing turns out to be impossible is answered', async (t) => {
  const { folder, ledger } = await unsealable(t)
  const at = await world(t, { folder, ledger, sealSize: 2 })
  await deposit(at, 20) // more than may wait to be sealed
  await t.rejects(deposit(at, 1), { code: 'LOG_DAMAGED' })
  await at.close()
  const { store } = await world(t, { folder, ledger, sealSize: 2 })
  t.equal(await store.deposits.nextSequence(), 22)
})

t.test('a group that was built ahead is not written once nothing may be promised', async (t) => {
  const { folder, ledger } = await unsealable(t)
  const at = await world(t, { folder, ledger, sealSize: 2, queueLimit: 2000 })
  const GROUPS = 4
  const answers = await Promise.all(Array.from({ length: GROUPS * GROUP }, () => deposit(at, 1).then(() => 'made', ({ code }: { code: string }) => code)))
  t.equal(answers.filter((answer) => answer === 'made').length, GROUP, 'the first one is on its way already')
  t.equal(answers.filter((answer) => answer === 'LOG_DAMAGED').length, (GROUPS - 1) * GROUP)
  t.equal(await at.store.deposits.nextSequence(), 2 + GROUP)
})

t.test('an alarm refuses those as well who wait already', async (t) => {
  const before = await world(t)
  await deposit(before, 3)
  await allFinal(before)
  const { folder, ledger } = before
  await before.close()
  ledger.isUp = false
  const at = await world(t, { ledger, folder: join(folder, 'older') })
  let keep = noop
  const kept = new Promise<void>((resolve) => { keep = resolve })
  const content = { digests: { sha256: 'aa'.repeat(32), sm3: 'bb'.repeat(32) }, size: 5, keep: () => kept, discard: () => Promise.resolve() }
  const waiting = at.notary.intake.file(BY, content, {}, {})
  ledger.isUp = true
  await until(async () => await deposit(at, 1).then(() => false, ({ code }) => code === 'LEDGER_AHEAD'))
  keep()
  await t.rejects(waiting, { code: 'LEDGER_AHEAD' })
  await at.notary.close(24 * HOUR) // which waits for nothing: the log has ended here
})

const GROUP_CHANGES: Readonly<Record<string, (folder: string) => Promise<void>>> = {
  'a record and the leaves': async (folder) => {
    await flipBit(folder, RECORD)
    await flipBit(folder, numberKey('e', 0))
  },
  'the root that was signed': (folder) => replaceText(folder, numberKey('g', 0), /"groupRoot":"....../, '"groupRoot":"aaaaaa'),
  'the form of the root': (folder) => replaceText(folder, numberKey('g', 0), /"groupRoot":"./, '"groupRoot":"X'),
  'the group': (folder) => remove(folder, numberKey('g', 0)),
  'the words of the group': garble(numberKey('g', 0)),
  'the last record, whose number another deposit would get,': async (folder) => {
    await remove(folder, numberKey('r', DEPOSITS - 1))
    await rm(join(folder, 'high-water'))
  }
}

for (const [what, damage] of Object.entries(GROUP_CHANGES)) {
  t.test(`${what} changed or gone: nothing is sealed, and nothing taken`, async (t) => {
    const { folder, ledger } = await unsealed(t)
    await damage(folder)
    const at = await world(t, { folder, ledger })
    await until(async () => await Promise.resolve(at.notary.link.isUp))
    await t.rejects(deposit(at, 1), { code: 'LOG_DAMAGED' })
    t.equal(at.notary.progress.sealed.batches, 0)
    t.equal(ledger.anchors, 0)
  })
}

t.test('the first record that waits garbled: the service starts, and keeps what was promised', async (t) => {
  const { folder, ledger, leaves } = await unsealed(t)
  await garble(numberKey('r', 0))(folder)
  const at = await world(t, { folder, ledger })
  await allFinal(at)
  t.equal((await at.notary.reader.tile(0, 0)).toString('hex', 0, 32), leaves[0])
})

t.test('records that were sealed are gone at the end, and the mark with them: none of their numbers is given again', async (t) => {
  const before = await world(t)
  await deposit(before, DEPOSITS)
  await allFinal(before)
  const proof = parseProof(await before.notary.prover.prove({ sequence: DEPOSITS - 1 }))
  await before.close()
  await remove(before.folder, numberKey('r', DEPOSITS - 1))
  await rm(join(before.folder, 'high-water'))
  const at = await world(t, { folder: before.folder, ledger: before.ledger })
  await until(async () => await Promise.resolve(at.notary.link.isUp))
  await t.rejects(deposit(at, 1), { code: 'LOG_DAMAGED' })
  await t.rejects(at.notary.prover.upgrade(proof), { code: 'DAMAGED' }, 'nor is the log said never to have had it')
  t.equal(parseProof(await at.notary.prover.prove({ sequence: 0 })).record.sequence, '0')
})

t.test('a batch whose write failed and is there all the same is written again as it was', async (t) => {
  const folder = t.testdir({})
  const store = await openStore(folder, noop, { log: silent })
  const { batches } = store
  const written: string[] = []
  const at = await world(t, {
    folder,
    store: {
      ...store,
      batches: {
        ...batches,
        async seal (batch) {
          await batches.seal(batch)
          written.push(Buffer.from(batch.header).toString())
          if (written.length === 1) throw new StoreError({ code: 'WRITE_FAILED', message: 'the disk said so' })
        }
      }
    }
  })
  await deposit(at, 2)
  await until(async () => await Promise.resolve(written.length === 1))
  await deposit(at, 1)
  await allFinal(at)
  t.equal(written[1], written[0])
  t.equal(at.notary.progress.final.sequence, 3)
})

t.test('a header that is damaged makes no mark wrong: what is final stays so, and the log goes on', async (t) => {
  const before = await world(t)
  for (let i = 0; i < 3; i++) {
    await deposit(before, 2)
    await allFinal(before)
  }
  await before.close()
  await replaceText(before.folder, textKey('w', 'final'), /"batches":3,"sequence":6/, '"batches":2,"sequence":4')
  await garble(numberKey('h', 1))(before.folder)
  const at = await world(t, { folder: before.folder, ledger: before.ledger })
  await deposit(at, 1)
  await allFinal(at)
  t.equal(at.notary.progress.final.sequence, 7)
  await t.rejects(at.notary.reader.batch(1), { code: 'DAMAGED' })
})

t.test('a service closes although nothing can be sealed and deposits wait for that', async (t) => {
  const folder = t.testdir({})
  const store = await openStore(folder, noop, { log: silent })
  const seal = (): Promise<void> => Promise.reject(new StoreError({ code: 'WRITE_FAILED', message: 'the disk said so' }))
  const at = await world(t, { folder, store: { ...store, batches: { ...store.batches, seal } }, sealSize: 2 })
  const first = deposit(at, 40)
  await until(async () => await Promise.resolve(at.notary.progress.received === 40))
  const waiting = deposit(at, 2)
  await at.notary.close(0)
  t.equal((await first).length + (await waiting).length, 42)
})

/** Batches that are sealed and not anchored, in a log that is not open. */
async function unanchored (t: Test, batches: number): Promise<World> {
  const at = await world(t)
  await deposit(at, 1)
  await allFinal(at)
  at.ledger.isUp = false
  for (let i = 1; i <= batches; i++) {
    await deposit(at, 3)
    await until(async () => await Promise.resolve(at.notary.progress.sealed.batches === i + 1))
  }
  await at.close()
  at.ledger.isUp = true
  return at
}

for (const changed of [1, 2]) {
  t.test(`the header of batch ${changed} of those that wait for the ledger changed: none is sent, and the ledger is blamed for nothing`, async (t) => {
    const { folder, ledger } = await unanchored(t, 2)
    const sent = ledger.anchors
    await replaceText(folder, numberKey('h', changed), /"root":"....../, '"root":"aaaaaa')
    const at = await world(t, { folder, ledger })
    await until(async () => await Promise.resolve(stage(at, 'anchoring').lastError !== undefined))
    t.match(stage(at, 'anchoring'), { lastError: { code: 'DAMAGED' }, alarm: undefined })
    t.equal(ledger.anchors, sent)
    await t.rejects(at.notary.reader.batch(changed), { code: 'DAMAGED' }, 'nor is it shown')
    t.equal((await at.notary.reader.batch(0)).header.number, '0')
  })
}

t.test('the note of a transaction in flight that cannot be read is as good as none', async (t) => {
  const { folder, ledger } = await unanchored(t, 1)
  await withDatabase(folder, (db) => db.write([{ type: 'put', key: textKey('x', 'in-flight'), value: Buffer.from('{"txId":') }]))
  const at = await world(t, { folder, ledger })
  await allFinal(at)
  t.equal(at.notary.progress.final.batches, 2)
})

t.test('a number that leads beyond the end, or nowhere, is damage and no unknown number', async (t) => {
  const { folder, ledger, ...before } = await world(t)
  const [first, second] = await deposit({ folder, ledger, ...before }, 2)
  await allFinal({ folder, ledger, ...before })
  await before.close()
  const index = (number: string | undefined, value: Buffer): Promise<void> =>
    withDatabase(folder, (db) => db.write([{ type: 'put', key: textKey('n', number ?? ''), value }]))
  await index(first?.number, numberValue(2 ** 40))
  await index(second?.number, Buffer.from('1'))
  const at = await world(t, { folder, ledger })
  for (const one of [first, second]) await t.rejects(at.notary.reader.anyDeposit(one?.number ?? ''), { code: 'DAMAGED' })
  t.equal(await at.notary.reader.anyDeposit('00000000000000000000'), undefined)
})

t.test('a proof whose record this log has lost is not called another log\'s', async (t) => {
  const at = await world(t)
  await deposit(at, 2)
  await allFinal(at)
  const proof = parseProof(await at.notary.prover.prove({ sequence: 0 }))
  await at.close()
  await remove(at.folder, numberKey('r', 0))
  const again = await world(t, { folder: at.folder, ledger: at.ledger })
  await t.rejects(again.notary.prover.upgrade(proof), { code: 'DAMAGED' })
  for (const record of [{ ...proof.record, log: 'other.example/0011223344556677' }, { ...proof.record, sequence: '1000' }]) {
    await t.rejects(again.notary.prover.upgrade({ ...proof, record }), { code: 'PROOF_FOREIGN' })
  }
})
