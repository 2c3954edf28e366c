/** The clock of the service's machine steps by hours while deposits flow, and over a restart. */
import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { createPromises } from '../support/promises.js'
import { type Answer, dataFolder, startService, until, untilReady } from '../support/service.js'

const HOURS = 3 * 3_600_000
const MINUTE = 60_000
const data = dataFolder(t)
const file = join(data, 'clock')
const shift = (ms: number): void => { writeFileSync(file, String(ms)) }
const env = {
  NODE_OPTIONS: `--import=${pathToFileURL('dist/test/support/shifted-clock.js').href}`, SHIFTED_CLOCK: file, SHIFTED_CLOCK_OF: 'cli/main.js'
}

t.test('a clock that steps and comes back: times go on from before the step, what waits becomes final', { timeout: 240_000 }, async (t) => {
  shift(0)
  let service = await startService(data, env)
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  const promises = createPromises(data)
  const times: { sequence: number, receivedAt: string }[] = []
  const deposit = async (): Promise<Answer> => {
    const answer = await service.depositDigests(randomBytes(32).toString('hex'))
    if (answer.status === 201) times.push({ sequence: Number(answer.body.sequence), receivedAt: answer.body.receivedAt })
    return answer
  }
  await deposit()
  for (const [step, sign] of [[HOURS, ''], [-HOURS, '-']] as const) {
    shift(step)
    await until(async () => {
      await promises.deposit(service)
      return (await service.json('/health/ready')).body.reasons.includes('CLOCK_STEPPED')
    })
    const { status, body } = await deposit()
    t.equal(status, 201, 'deposits are accepted')
    t.ok(Math.abs(Date.parse(body.receivedAt) - Date.now()) < MINUTE, 'and dated as if nothing had happened')
    t.ok(Math.abs(Date.parse(body.receipt.statement.signedAt) - Date.now()) < MINUTE)
    t.match(await (await service.call('/metrics')).text(), new RegExp(`^steelyard_clock_step_seconds ${sign}10(800|799)`, 'm'))
    await until(async () => (await service.json('/health/ready')).body.stalled !== undefined)
    t.match((await service.json('/health/ready')).body, { status: 'not-ready', intake: 'open', stalled: { stage: 'anchoring' } })
    shift(0)
    await untilReady(service)
    await until(async () => (await service.json(`/v1/evidence/${body.number as string}?wait=final&timeout=30`)).body.state === 'final')
    await deposit()
  }

  await service.kill()
  shift(-HOURS)
  service = await startService(data, env)
  t.match(await deposit(), { status: 503, body: { code: 'CLOCK_STEPPED' } }, 'behind what was stated before the start')
  const { intake, clock } = (await service.json('/health/ready')).body
  t.equal(intake, 'closed')
  t.ok(Math.abs(clock.behindMs - HOURS) < MINUTE, 'and says by how much')
  shift(0)
  await untilReady(service)
  t.equal((await deposit()).status, 201, 'open again by itself')
  times.sort((a, b) => a.sequence - b.sequence)
  t.same(times.map(({ receivedAt }) => receivedAt), times.map(({ receivedAt }) => receivedAt).sort(), 'no receipt is dated before an earlier one')
  await promises.check(t, service)
})
