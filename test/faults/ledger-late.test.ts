/** A ledger that answers late, breaks off after it was sent something, and cannot be reached, by both client libraries. */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { LEDGER_CLIENTS, openLedger } from '../../src/ledger/open.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { embeddedNetwork } from '../support/ledger-network.js'
import { ledgerProxy, noProxy } from '../support/ledger-proxy.js'
import { createPromises } from '../support/promises.js'
import { dataFolder, type RunningService, startService, until, untilReady } from '../support/service.js'

/** Long enough to see on the ledger what the answer on its way is about, and to cut it off. */
const LATE_MS = 400
const CUTS = 3
/** On a busy machine an answer may arrive before the cut. */
const MOST_ROUNDS = 40

const ready = async (service: RunningService): Promise<any> => (await service.json('/health/ready')).body
const anchoring = async (service: RunningService): Promise<any> =>
  (await ready(service)).stages.find(({ name }: { name: string }) => name === 'anchoring')
const metrics = async (service: RunningService): Promise<string> => await (await service.call('/metrics')).text()

/** Makes a deposit, which is accepted whatever the ledger does; waits until it is final if that is asked for. */
async function depositOne (t: Test, service: RunningService, promises: ReturnType<typeof createPromises>, wait = false): Promise<void> {
  const answer = await service.depositDigests(randomBytes(32).toString('hex'))
  t.equal(answer.status, 201, 'a deposit is accepted and receipted')
  promises.remember(answer)
  if (wait) await until(async () => (await service.json(`/v1/evidence/${answer.body.number as string}?wait=final&timeout=30`)).body.state === 'final')
}

t.jobs = LEDGER_CLIENTS.length // most of the time is spent in waiting for what is late
for (const client of LEDGER_CLIENTS) {
  t.test(`${client}: whatever the way to the ledger does, each deposit is receipted meanwhile and once on the ledger afterwards`, { skip: noProxy, buffered: true, timeout: 240_000 }, async (t) => {
    const data = dataFolder(t)
    const { profile } = await embeddedNetwork(data, 1)
    const proxy = await ledgerProxy(profile)
    t.teardown(proxy.close)
    const service = await startService(data, { ...proxy.env, STEELYARD_LEDGER_CLIENT: client })
    t.teardown(async () => { await service.kill() })
    await untilReady(service)
    const promises = createPromises(data, profile)
    const direct = await openLedger({
      client, profile, wallet: join(data, 'wallet'), log: (await ready(service)).log, crypto: nodeCrypto, clock: Date.now
    })
    t.teardown(direct.close)

    let unknown = 0
    for (let round = 0; round < MOST_ROUNDS && unknown < CUTS; round++) {
      await depositOne(t, service, promises, true) // over connections that are whole
      const [height, { failures }] = [await direct.height(), await anchoring(service)]
      proxy.answerLate(LATE_MS)
      await depositOne(t, service, promises)
      await until(async () => await direct.height() !== height) // the ledger has it, the service does not know
      proxy.cut()
      proxy.answerLate(0)
      await until(async () => {
        const now = await anchoring(service)
        return now.failures > failures || now.depth === 0
      })
      const { lastError, failures: since } = await anchoring(service)
      if (since > failures && lastError.code === 'UNKNOWN_OUTCOME') unknown++
    }
    t.equal(unknown, CUTS, 'the outcome was unknown, again and again')
    t.match(await metrics(service), /^steelyard_stage_last_error_timestamp_seconds{stage="anchoring",code="UNKNOWN_OUTCOME"} \d/m)
    await untilReady(service)

    proxy.answerLate(Infinity)
    await depositOne(t, service, promises)
    await until(async () => (await ready(service)).stalled?.stage === 'anchoring') // nothing came as long as the client library waits
    t.match(await ready(service), { status: 'not-ready', intake: 'open', stalled: { code: 'ANCHORING_STALLED', error: 'UNAVAILABLE' } })
    t.match(await metrics(service), /^steelyard_ledger_up 0$/m)
    await promises.deposit(service)
    proxy.answerLate(0) // and now all of it does
    await untilReady(service)

    await proxy.setReachable(false)
    await promises.deposit(service)
    await until(async () => (await ready(service)).ledger === 'down')
    t.match(await ready(service), { status: 'not-ready', intake: 'open', detail: /the ledger cannot be used|wait in anchoring/ })
    t.ok((await ready(service)).reasons.includes('LEDGER_UNAVAILABLE'))
    t.match(await metrics(service), /^steelyard_ledger_up 0$/m)
    await depositOne(t, service, promises)
    await proxy.setReachable(true)
    await untilReady(service)
    await promises.deposit(service)
    await promises.check(t, service)
    t.equal(await service.stop(), 0)
  })
}
