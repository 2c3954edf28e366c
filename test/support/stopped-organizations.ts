import { randomBytes } from 'node:crypto'
import { setTimeout as pace } from 'node:timers/promises'
import type { Test } from 'tap'
import { createPromises } from './promises.js'
import { startService, until, untilReady } from './service.js'

/** Between two rounds of deposits: a flow, not a flood, which would be checked one by one at the end. */
const PACE_MS = 100

/** A ledger of four organizations, of which `court` and `notary` can be stopped and started. */
export interface FourOrganizations {
  readonly env: Readonly<Record<string, string>>
  readonly profile: string
  readonly setOrganization: (name: string, running: boolean) => Promise<unknown>
}

/** One organization stops, then a second, and both come back: what goes on, what waits and says why, and that nothing is lost or doubled. */
export async function stopOrganizations (t: Test, data: string, { env, profile, setOrganization }: FourOrganizations): Promise<void> {
  const service = await startService(data, { ...env, STEELYARD_SEAL_AGE: '200' })
  t.teardown(async () => { await service.stop() })
  await untilReady(service)
  const promises = createPromises(data, profile)

  // Deposits flow until the end, whatever happens to the ledger.
  const ending = new AbortController()
  const flow = (async () => {
    while (!ending.signal.aborted) {
      await promises.deposit(service)
      await pace(PACE_MS)
    }
  })()
  const deposit = async (): Promise<string> => {
    const { status, body } = await service.depositDigests(randomBytes(32).toString('hex'))
    t.equal(status, 201, 'a deposit is accepted and receipted')
    return body.number as string
  }
  const becomesFinal = async (number: string): Promise<void> => {
    await until(async () => (await service.json(`/v1/evidence/${number}?wait=final&timeout=60`)).body.state === 'final')
  }

  await setOrganization('court', false)
  await becomesFinal(await deposit())
  await until(async () => (await service.json('/health/ready')).body.ledger === 'up')
  t.pass('without one organization anchoring goes on')

  await setOrganization('notary', false)
  const waiting = await deposit()
  // The read-back of an earlier batch may be the first to fail: it is on the way of this one, too.
  await until(async () => /anchoring|ledger/.test(String((await service.json(`/v1/evidence/${waiting}`)).body.waiting?.stage)))
  const { body: { state, waiting: why } } = await service.json(`/v1/evidence/${waiting}`)
  t.match({ state, why }, { state: 'sealed', why: { stage: /anchoring|ledger/, code: /^[A-Z_]+$/, since: /Z$/ } })
  await until(async () => (await service.json('/health/ready')).body.stalled?.stage === 'anchoring')
  const ready = await service.json('/health/ready')
  t.match(ready, {
    status: 503,
    body: {
      status: 'not-ready', intake: 'open', ledger: 'stalled', reasons: ['ANCHORING_STALLED'], stalled: { stage: 'anchoring', error: /^[A-Z_]+$/ }, detail: /wait in anchoring, because/
    }
  })
  const metrics = await (await service.call('/metrics')).text()
  t.match(metrics, /^steelyard_ledger_up 0$/m)
  t.match(metrics, /^steelyard_stage_failing_seconds\{stage="anchoring"\} (?!0$)/m)
  t.match(metrics, new RegExp(`^steelyard_stage_last_error_timestamp_seconds\\{stage="anchoring",code="${ready.body.stalled.error as string}"\\}`, 'm'))
  await deposit()

  await setOrganization('court', true)
  await setOrganization('notary', true)
  await becomesFinal(waiting)
  await untilReady(service)
  ending.abort()
  await flow
  await promises.check(t, service)
}
