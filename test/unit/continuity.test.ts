/** Whether a log goes on in a data folder, by what its database, its mark and its ledger say. */
import t from 'tap'
import { toHex } from '../../src/core/bytes.js'
import type { Ledger } from '../../src/ledger/ledger.js'
import { type Continuity, createContinuity } from '../../src/notary/continuity.js'
import type { Doubt } from '../../src/store/doubt.js'
import { StoreError } from '../../src/store/errors.js'
import { noop, silent } from '../support/notary-world.js'

const RECEIVED = 5
const root = new Uint8Array(32)
/** A ledger that has as many batches as the folder. */
const ledger = { attestStatus: () => Promise.resolve({ statement: { head: { size: '1', root: toHex(root) } } }) } as unknown as Ledger

async function continuity (mark: number | undefined, doubt?: Doubt, damage?: string, head = (): Promise<Uint8Array> => Promise.resolve(root)): Promise<Continuity> {
  const mark1 = { batches: 1, sequence: RECEIVED - 1 }
  return await createContinuity({
    context: { log: silent } as never,
    meta: { doubt: () => Promise.resolve(doubt), settle: () => Promise.resolve(), folder: '/db' } as never,
    logTree: { head } as never,
    progress: { received: RECEIVED, sealed: mark1, anchored: mark1 } as never,
    highWater: { atStart: mark, begin: noop },
    damage,
    isLedgerMissing: false,
    onAlarm: noop,
    onHeld: noop,
    onAgreed: noop
  })
}

t.test('a folder that nothing speaks against goes on at once', async (t) => {
  const one = await continuity(RECEIVED)
  t.equal(one.refusal, undefined)
  t.notOk(one.isHeld)
})

t.test('a database that ends before its mark takes and seals nothing, though its ledger agrees', async (t) => {
  const one = await continuity(RECEIVED + 1)
  for (const when of ['before', 'after']) {
    t.match(one.refusal, { code: 'LOG_TRUNCATED' }, when)
    t.ok(one.isHeld, when)
    await one.compare(ledger)
  }
})

t.test('a watermark that is not where it was: nothing is taken or sealed, though the ledger agrees', async (t) => {
  const one = await continuity(RECEIVED, undefined, 'the watermark sealed is not where it was')
  await one.compare(ledger)
  t.match(one.refusal, { code: 'LOG_DAMAGED', message: /^the watermark sealed is not where it was/ })
  t.ok(one.isHeld)
})

t.test('a head that cannot be made of what is stored closes the intake, and the ledger is not blamed', async (t) => {
  const one = await continuity(RECEIVED, undefined, undefined, () => Promise.reject(new StoreError({ code: 'DAMAGED', message: 'log tile 0/0 is incomplete' })))
  t.equal(one.refusal, undefined)
  await one.compare(ledger)
  t.match(one.refusal, { code: 'LOG_DAMAGED', message: /^log tile 0\/0 is incomplete/ })
  t.ok(one.isHeld)
})

t.test('a folder that lost its mark waits for its ledger, and goes on by itself', async (t) => {
  const one = await continuity(RECEIVED, 'unmarked')
  t.match(one.refusal, { code: 'LOG_UNCONFIRMED' })
  t.ok(one.isHeld)
  await one.compare(ledger)
  t.equal(one.refusal, undefined)
  t.notOk(one.isHeld)
})

t.test('a copy takes and seals nothing though its ledger agrees, which knows nothing of what the first folder has acknowledged since', async (t) => {
  const one = await continuity(RECEIVED, 'copied')
  await one.compare(ledger)
  t.match(one.refusal, { code: 'LOG_UNCONFIRMED' })
  t.ok(one.isHeld)
})

t.test('a folder that was restored seals what it has when its ledger agrees, and takes nothing until a person has said so', async (t) => {
  const one = await continuity(RECEIVED, 'restored')
  await one.compare(ledger)
  t.match(one.refusal, { code: 'LOG_UNCONFIRMED' })
  t.notOk(one.isHeld)
})
