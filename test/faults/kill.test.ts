import { createHash, randomBytes, randomInt } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { fromBase64url } from '../../src/core/bytes.js'
import { parseEndorserTransaction } from '../../src/core/fabric/transaction.js'
import { batchKey } from '../../src/core/ledger-values.js'
import { parseReceipt } from '../../src/core/receipt.js'
import { jcsBytes } from '../../src/core/jcs.js'
import { openLedger } from '../../src/ledger/open.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { FAULT_POINTS, type FaultPoint } from '../../src/store/fault-points.js'
import { type Answer, EndedAtStart, type RunningService, startService, stopNetwork, until } from '../support/service.js'

/** What the service acknowledged: the promise that every restart is held to. */
const acknowledged = new Map<string, { sequence: string, receipt: unknown, content: Buffer | undefined }>()
const KILLS = Number(process.env.STEELYARD_TEST_KILLS ?? 10)

const data = t.testdir({})
t.teardown(async () => { await stopNetwork(data) })

function remember ({ status, body }: Answer, content?: Buffer): void {
  if (status === 201) acknowledged.set(body.number, { sequence: body.sequence, receipt: body.receipt, content })
}

/** Deposits in every way there is, at once; what the process does not live to answer was never promised. */
async function deposit (service: RunningService): Promise<void> {
  const file = randomBytes(100_000)
  const form = new FormData()
  form.set('file', new Blob([file]), 'exhibit.bin')
  form.set('metadata', '{"case":"2026-1"}')
  await Promise.allSettled([
    service.json('/v1/evidence', { method: 'POST', body: form }).then((answer) => { remember(answer, file) }),
    ...Array.from({ length: 3 }, () => service.depositDigests(randomBytes(32).toString('hex')).then((answer) => { remember(answer) }))
  ])
}

/** Runs with a fault point until the process is gone. A start may pass the point already, by resuming what the one before left. */
async function diesAt (point: FaultPoint): Promise<string | null> {
  let service: RunningService
  try {
    service = await startService(data, { STEELYARD_FAULT_POINT: point })
  } catch (error) {
    if (error instanceof EndedAtStart) return error.signal
    throw error
  }
  let isGone = false
  void service.gone.then(() => { isGone = true })
  await until(async () => {
    if (!isGone) await deposit(service)
    return isGone
  })
  return (await service.gone).signal
}

async function untilAllFinal (service: RunningService): Promise<{ received: number }> {
  let deposits = { received: -1, final: -2 }
  await until(async () => {
    const { body } = await service.json('/health/ready')
    deposits = body.deposits
    return deposits.received === deposits.final
  })
  return deposits
}

t.test('kill -9 between any two steps loses and doubles nothing', { timeout: 280_000 }, async (t) => {
  for (const point of FAULT_POINTS) {
    t.equal(await diesAt(point), 'SIGKILL', `died at ${point}`)
  }
  const service = await startService(data)
  await untilAllFinal(service)
  await check(t, service)
  t.equal(await service.stop(), 0, 'stops by itself')
})

t.test(`${KILLS} kills at any moment`, { timeout: 280_000 + 10_000 * KILLS }, async (t) => {
  for (let i = 0; i < KILLS; i++) {
    const service = await startService(data)
    const limit = Date.now() + randomInt(50, 1500)
    await until(async () => {
      await deposit(service)
      return Date.now() > limit
    })
    await service.kill()
  }
  const service = await startService(data)
  await deposit(service)
  await untilAllFinal(service)
  await check(t, service)
  t.equal(await service.stop(), 0, 'stops by itself')
})

async function check (t: Test, service: RunningService): Promise<void> {
  t.ok(acknowledged.size > 0, `${acknowledged.size} acknowledged deposits`)
  const sequences = new Set<string>()
  for (const [number, { sequence, receipt, content }] of acknowledged) {
    const { body } = await service.json(`/v1/evidence/${number}`)
    t.match(body, { number, sequence, state: 'final' })
    const kept = new Uint8Array(await (await service.call(`/v1/evidence/${number}/receipt`)).arrayBuffer())
    t.same(kept, jcsBytes(receipt), 'the receipt is the one that was given')
    t.equal(parseReceipt(kept).record.sequence, sequence)
    sequences.add(sequence)
    if (content === undefined) continue
    const bytes = Buffer.from(await (await service.call(`/v1/evidence/${number}/content`)).arrayBuffer())
    t.ok(bytes.equals(content), 'the content is there')
    t.equal(body.digests.sha256, createHash('sha256').update(content).digest('hex'))
  }
  t.equal(sequences.size, acknowledged.size, 'no sequence number was given twice')
  await checkBatches(t, service)
}

/** Batches without gaps, and each written exactly once in the whole ledger. */
async function checkBatches (t: Test, service: RunningService): Promise<void> {
  const { body: { deposits, log } } = await service.json('/health/ready')
  const roots: string[] = []
  let next = 0
  for (let number = 0; ; number++) {
    const { status, body } = await service.json(`/v1/batches/${number}`)
    if (status === 404) break
    t.equal(body.header.first, String(next), `batch ${number} follows the one before`)
    next += Number(body.header.size)
    roots.push(body.header.root)
  }
  t.equal(next, deposits.received, 'every sequence number is in a batch')

  const profile = join(data, 'network', 'profiles', 'operator.json')
  const ledger = await openLedger({
    client: 'fabric-network', profile, wallet: join(data, 'wallet'), log, crypto: nodeCrypto, clock: Date.now
  })
  try {
    const written = new Map<string, number>()
    const height = Number(await ledger.height())
    for (let block = 0; block < height; block++) {
      const { data: { data: envelopes }, transactions } = await ledger.block(String(block))
      transactions.forEach(({ type, code }, i) => {
        if (type !== 3 || code !== 0) return
        const { readWriteSets } = parseEndorserTransaction(fromBase64url(envelopes[i] as string))
        for (const { key } of readWriteSets.flatMap(({ writes }) => writes)) written.set(key, (written.get(key) ?? 0) + 1)
      })
    }
    for (let number = 0; number < roots.length; number++) {
      t.equal(written.get(batchKey(log, String(number))), 1, `batch ${number} was written once`)
      t.equal((await ledger.findBatch(String(number)))?.header.root, roots[number])
    }
    t.equal(written.get(batchKey(log, String(roots.length))), undefined, 'and nothing else')
  } finally {
    await ledger.close()
  }
}

t.test('credentials and key are made once and for their owner only', async (t) => {
  for (const file of ['credentials.json', 'keys/receipt.pem']) {
    t.equal((await stat(join(data, file))).mode & 0o777, 0o600)
  }
  const { admin, demo } = JSON.parse(await readFile(join(data, 'credentials.json'), 'utf8')) as { admin: string, demo: string }
  t.not(admin, demo)
})
