/** More deposits at once, in every way there is, than may wait: each is acknowledged and kept, or refused and does not exist. */
import { randomBytes } from 'node:crypto'
import t, { type Test } from 'tap'
import { embeddedNetwork } from '../support/ledger-network.js'
import { ledgerProxy, noProxy } from '../support/ledger-proxy.js'
import { createPromises, type Promises } from '../support/promises.js'
import { type Answer, dataFolder, type RunningService, startService, until, untilReady } from '../support/service.js'

const QUEUE_LIMIT = 16
const CONNECTIONS = 48
const ROUNDS = 12
const BULK = { requests: 6, lines: 500 }
const FILES = 24
/** Of the queue's depth. */
const WATCHERS = 4

const hex = (): string => randomBytes(32).toString('hex')

/** What came of a flood: what was refused, and how deep the queue was seen. */
interface Outcome { readonly refused: Record<'single' | 'file' | 'bulk' | 'line', number>, readonly wrong: unknown[], readonly depths: number[] }

function createFlood (service: RunningService, promises: Promises): { run (): Promise<Outcome> } {
  const outcome: Outcome = { refused: { single: 0, file: 0, bulk: 0, line: 0 }, wrong: [], depths: [] }
  /** Takes an answer, which acknowledges or refuses as it should. Whether it acknowledges. */
  const take = (kind: 'single' | 'file', answer: Answer, content?: Buffer): boolean => {
    if (answer.status === 201) promises.remember(answer, content)
    else refused(kind, answer)
    return answer.status === 201
  }
  const refused = (kind: 'single' | 'file' | 'bulk', { status, headers, body }: Answer): void => {
    outcome.refused[kind]++
    const [retryAfter, type = ''] = ['retry-after', 'content-type'].map((name) => headers.get(name) ?? '')
    const isRight = status === 503 && body.code === 'OVERLOADED' && retryAfter === '1' && type.startsWith('application/problem+json')
    if (!isRight) outcome.wrong.push({ kind, status, body, retryAfter, type })
  }
  const single = async (): Promise<void> => {
    for (let round = 0; round < ROUNDS || outcome.refused.single === 0; round++) take('single', await service.depositDigests(hex()))
  }
  const file = async (): Promise<void> => {
    const content = randomBytes(5000)
    const form = new FormData()
    form.set('file', new Blob([content]), 'exhibit.bin')
    await until(async () => take('file', await service.json('/v1/evidence', { method: 'POST', body: form }), content))
  }
  const bulk = async (): Promise<void> => {
    const body = Array.from({ length: BULK.lines }, () => `${JSON.stringify({ sha256: hex() })}\n`).join('')
    let answers = ''
    await until(async () => {
      const response = await service.call('/v1/evidence/bulk', { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body })
      answers = await response.text()
      if (response.status !== 200) refused('bulk', { status: response.status, headers: response.headers, body: JSON.parse(answers) })
      return response.status === 200
    })
    takeLines(answers)
  }
  const takeLines = (text: string): void => {
    const lines = text.trimEnd().split('\n').map((line) => JSON.parse(line) as { line: number, problem?: { status: number, code: string } })
    lines.forEach(({ line, problem, ...deposited }, i) => {
      if (line !== i + 1) outcome.wrong.push({ line, at: i })
      if (problem === undefined) promises.remember({ status: 201, body: deposited })
      else if (problem.status === 503 && problem.code === 'OVERLOADED') outcome.refused.line++
      else outcome.wrong.push(problem)
    })
    if (lines.length !== BULK.lines) outcome.wrong.push({ lines: lines.length })
  }
  return {
    async run () {
      const work = { isDone: false }
      const watching = Array.from({ length: WATCHERS }, async () => {
        while (!work.isDone) outcome.depths.push(await queueDepth(service))
      })
      await Promise.all([
        ...Array.from({ length: CONNECTIONS }, single), ...Array.from({ length: FILES }, file), ...Array.from({ length: BULK.requests }, bulk)
      ])
      work.isDone = true
      await Promise.all(watching)
      return outcome
    }
  }
}

async function queueDepth (service: RunningService): Promise<number> {
  return Number(/^steelyard_commit_queue (\d+)$/m.exec(await (await service.call('/metrics')).text())?.[1])
}

function holds (t: Test, { refused, wrong, depths }: Outcome): void {
  t.same(wrong, [], 'every refusal is 503 OVERLOADED, of a request with Retry-After, of a line as its problem')
  t.ok(refused.single > 0 && refused.line > 0, `refused: ${JSON.stringify(refused)}`)
  t.same(depths.filter((depth) => !(depth <= QUEUE_LIMIT)), [], `of ${depths.length} depths that were seen, at most ${Math.max(...depths)}, none is above ${QUEUE_LIMIT}`)
}

t.test('a flood while the ledger is away: what is acknowledged becomes final when it is back, what is refused does not exist', { skip: noProxy, timeout: 240_000 }, async (t) => {
  const data = dataFolder(t)
  const { profile } = await embeddedNetwork(data, 1)
  const proxy = await ledgerProxy(profile)
  t.teardown(proxy.close)
  const service = await startService(data, { ...proxy.env, STEELYARD_QUEUE_LIMIT: String(QUEUE_LIMIT) })
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  const promises = createPromises(data, profile)
  await proxy.setReachable(false)
  holds(t, await createFlood(service, promises).run())
  await until(async () => await queueDepth(service) === 0)
  const { body: { intake, deposits } } = await service.json('/health/ready')
  t.equal(intake, 'open', 'there is room again')
  t.equal(deposits.received, promises.size, 'as many deposits exist as were acknowledged')

  await proxy.setReachable(true)
  await untilReady(service)
  await promises.deposit(service)
  await promises.check(t, service)
})
