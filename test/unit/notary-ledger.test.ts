/** The notary and a ledger that fails, lies behind or is ahead. */
import { cp } from 'node:fs/promises'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { parseReceipt } from '../../src/core/receipt.js'
import { createApp } from '../../src/http/app.js'
import { confirm } from '../../src/store/doubt.js'
import { withDatabase } from '../support/damage.js'
import { FakeLedger } from '../support/memory-ledger.js'
import { allFinal, BY, deposit, ORIGIN, stage, world, type World } from '../support/notary-world.js'
import { until } from '../support/service.js'

for (const fault of ['unsent', 'lost', 'answer-lost', 'committed-late'] as const) {
  t.test(`anchoring: ${fault}`, async (t) => {
    let at = await world(t)
    at.ledger.faults.push(fault)
    await deposit(at, 3)
    await until(async () => await Promise.resolve(at.ledger.faults.length === 0))
    if (fault !== 'unsent') at = await at.restart() // in the middle of it
    await allFinal(at)
    for (let number = 0; number < at.notary.progress.sealed.batches; number++) {
      t.ok(at.ledger.blockOfBatch(String(number)) > 0, 'the batch is there')
    }
    t.equal(stage(at, 'anchoring').alarm, undefined)
  })
}

t.test('a ledger that answers and takes nothing: the service says that it is not ready, what waits and why', async (t) => {
  const at = await world(t)
  const app = await createApp({
    notary: at.notary, logger: pino({ level: 'silent' }), maxFileSize: 1000, rateLimit: 0, version: '0'
  })
  t.teardown(async () => { await app.close() })
  const ready = async (): Promise<{ status: number, body: any }> => {
    const response = await app.inject('/health/ready')
    return { status: response.statusCode, body: response.json() }
  }
  await until(async () => (await ready()).status === 200)
  t.match((await ready()).body, { ledger: 'up', reasons: [] })

  at.ledger.faults.push(...Array.from({ length: 10_000 }, () => 'unsent' as const))
  const [deposited] = await deposit(at, 1)
  await until(async () => await Promise.resolve(stage(at, 'anchoring').failures >= 2))
  t.ok(at.notary.link.isUp, 'one peer answers')
  t.match(await ready(), {
    status: 503,
    body: {
      status: 'not-ready',
      intake: 'open',
      ledger: 'stalled',
      reasons: ['ANCHORING_STALLED'],
      stalled: { code: 'ANCHORING_STALLED', stage: 'anchoring', error: 'UNAVAILABLE', message: /nothing was sent/ }
    }
  })
  const metrics = (await app.inject('/metrics')).body
  t.match(metrics, /^steelyard_ledger_up 0$/m)
  t.match(metrics, /^steelyard_stage_failures_total\{stage="anchoring"\} [1-9]/m)
  t.match(metrics, /^steelyard_stage_last_error_timestamp_seconds\{stage="anchoring",code="UNAVAILABLE"\} \d/m)
  const key = at.notary.keys.newToken()
  await at.notary.keys.register(key, { organization: BY.organization, label: 'test', scopes: ['read'] })
  const evidence = async (): Promise<any> => (await app.inject({
    url: `/v1/evidence/${parseReceipt(Buffer.from(deposited?.receipt.join('') ?? '')).record.number}`, headers: { authorization: `Bearer ${key}` }
  })).json()
  t.match(await evidence(), { waiting: { stage: 'anchoring', code: 'UNAVAILABLE', since: /^20/ } })

  at.ledger.faults.length = 0
  await allFinal(at)
  await until(async () => (await ready()).status === 200)
  t.match((await ready()).body, { ledger: 'up', reasons: [] })
  const { state, waiting } = await evidence()
  t.same([state, waiting], ['final', undefined])
})

t.test('another batch under our number stops sealing and intake, with an alarm', async (t) => {
  const clock = Date.now
  const ledger = new FakeLedger(ORIGIN, clock)
  const folder = t.testdir({ first: {}, second: {} })
  const [other, at] = [await world(t, { ledger, folder: `${folder}/first` }), await world(t, { ledger, folder: `${folder}/second` })]
  await until(async () => await Promise.resolve(other.notary.link.isUp && at.notary.link.isUp)) // both while the log is empty
  await deposit(other, 1)
  await allFinal(other)
  await deposit(at, 2)
  await alarmed(t, at, 'LEDGER_FORK')
})

const alarmed = async (t: Test, at: World, code: string): Promise<void> => {
  await until(async () => await Promise.resolve(stage(at, 'anchoring').alarm !== undefined))
  t.same([stage(at, 'anchoring').alarm, stage(at, 'sealing').alarm], [code, code])
  await t.rejects(deposit(at, 1), { code })
}

t.test('a ledger that holds more than this folder: an alarm at the connection, before anything is sent', async (t) => {
  const ledger = new FakeLedger(ORIGIN, Date.now)
  const folder = t.testdir({ newer: {}, older: {} })
  const other = await world(t, { ledger, folder: `${folder}/newer` })
  await deposit(other, 1)
  await allFinal(other)
  const at = await world(t, { ledger, folder: `${folder}/older` })
  await alarmed(t, at, 'LEDGER_AHEAD')
  t.equal(ledger.anchors, 1)
})

t.test('a ledger that holds another batch than this folder: likewise', async (t) => {
  const ledger = new FakeLedger(ORIGIN, Date.now)
  const folder = t.testdir({ first: {}, second: {} })
  const other = await world(t, { ledger, folder: `${folder}/first` })
  await deposit(other, 1)
  await allFinal(other)
  ledger.isUp = false
  const at = await world(t, { ledger, folder: `${folder}/second` })
  await deposit(at, 2) // nothing speaks against the folder
  await until(async () => await Promise.resolve(at.notary.progress.sealed.batches === 1))
  ledger.isUp = true
  await alarmed(t, at, 'LEDGER_FORK')
  t.equal(ledger.anchors, 1)
})

t.test('a ledger that lost what it had is not used, and deposits wait', async (t) => {
  let at = await world(t)
  await deposit(at, 1)
  await allFinal(at)
  const before = new Map(at.ledger.state.state)
  for (const key of before.keys()) at.ledger.state.state.delete(key)
  at = await at.restart()
  await until(async () => await Promise.resolve(stage(at, 'ledger').lastError?.code === 'GAP'))
  await deposit(at, 1)
  t.same([at.notary.link.isUp, stage(at, 'anchoring').alarm], [false, undefined])
  for (const [key, value] of before) at.ledger.state.state.set(key, value) // it has caught up
  await allFinal(at)
})

t.test('a folder that was copied takes nothing and seals nothing, though its ledger agrees, before a person has said so', async (t) => {
  const root = t.testdir({ first: {} })
  const first = await world(t, { folder: `${root}/first` })
  await deposit(first, 3)
  await allFinal(first)
  first.ledger.isUp = false
  await deposit(first, 1)
  await first.close()
  const folder = `${root}/copy`
  await cp(first.folder, folder, { recursive: true })
  let at = await world(t, { ledger: first.ledger, folder })
  const { batches } = at.notary.progress.sealed
  await t.rejects(deposit(at, 1), { code: 'LOG_UNCONFIRMED', retryAfter: 60 })
  at = await at.restart()
  await t.rejects(deposit(at, 1), { code: 'LOG_UNCONFIRMED' }, 'a second start does not make it the place where the log is')
  at.ledger.isUp = true
  await until(async () => await Promise.resolve(at.notary.link.isUp))
  await t.rejects(deposit(at, 1), { code: 'LOG_UNCONFIRMED' }, 'the first folder may have given the next number meanwhile')
  t.equal(at.notary.progress.sealed.batches, batches)
  await at.close()
  await withDatabase(folder, confirm)
  at = await world(t, { ledger: first.ledger, folder })
  t.equal((await deposit(at, 1))[0]?.sequence, 4)
  await allFinal(at)
})
