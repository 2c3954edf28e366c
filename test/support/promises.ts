import { createHash, randomBytes, randomInt } from 'node:crypto'
import { join } from 'node:path'
import type { Test } from 'tap'
import { equalBytes, fromBase64url } from '../../src/core/bytes.js'
import { parseEndorserTransaction } from '../../src/core/fabric/transaction.js'
import { jcsBytes } from '../../src/core/jcs.js'
import { batchKey } from '../../src/core/ledger-values.js'
import { parseReceipt } from '../../src/core/receipt.js'
import type { Ledger } from '../../src/ledger/ledger.js'
import { openLedger } from '../../src/ledger/open.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { type Answer, type RunningService, until } from './service.js'
import { goOn, type StartedUpload } from './tus.js'

/** Deposits into a service that dies, and holds every later start to what was acknowledged. */
export interface Promises {
  deposit (service: RunningService): Promise<void>
  /** Takes the answer to a deposit that was made otherwise, or the part of one that is about it. */
  remember (answer: Pick<Answer, 'status' | 'body'>, content?: Buffer): void
  /** How many were acknowledged. */
  readonly size: number
  /** Waits until everything is final, and checks that nothing is lost, nothing doubled and nothing missing on the ledger. */
  check (t: Test, service: RunningService): Promise<void>
}

/** `profile`: the connection profile that the ledger is read by; by default that of the embedded network in the folder. */
export function createPromises (data: string, profile = join(data, 'network', 'profiles', 'operator.json')): Promises {
  const acknowledged: Acknowledged = new Map()
  const started: StartedUpload[] = []
  return {
    deposit: async (service) => { await deposit(service, acknowledged, started) },
    remember: (answer, content) => { remember(acknowledged, answer, content) },
    get size () { return acknowledged.size },
    async check (t, service) {
      await resumable(service, acknowledged, started)
      t.same(started.map(({ path }) => path), [], 'every upload that was begun can be ended')
      await untilAllFinal(service)
      await check(t, service, acknowledged)
      await checkBatches(t, service, { data, profile })
    }
  }
}

interface Deposited { readonly sequence: string, readonly receipt: unknown, readonly content: Buffer | undefined }
type Acknowledged = Map<string, Deposited>

function remember (acknowledged: Acknowledged, { status, body }: Pick<Answer, 'status' | 'body'>, content?: Buffer): void {
  if (status === 201) acknowledged.set(body.number, { sequence: body.sequence, receipt: body.receipt, content })
}

/** Deposits in every way there is, at once; what the process does not live to answer was never promised. */
async function deposit (service: RunningService, acknowledged: Acknowledged, started: StartedUpload[]): Promise<void> {
  const file = randomBytes(randomInt(1, 100_000))
  const form = new FormData()
  form.set('file', new Blob([file]), 'exhibit.bin')
  form.set('metadata', '{"case":"2026-1"}')
  await Promise.allSettled([
    service.json('/v1/evidence', { method: 'POST', body: form }).then((answer) => { remember(acknowledged, answer, file) }),
    resumable(service, acknowledged, started),
    ...Array.from({ length: 3 }, () => service.depositDigests(randomBytes(32).toString('hex')).then((answer) => { remember(acknowledged, answer) }))
  ])
}

/** Begins an upload in parts, and goes on with those that a kill interrupted: each becomes one deposit. */
async function resumable (service: RunningService, acknowledged: Acknowledged, started: StartedUpload[]): Promise<void> {
  const uploads = [...started.splice(0), { content: randomBytes(randomInt(2, 100_000)), acknowledged: 0 }]
  await Promise.all(uploads.map(async (upload) => {
    try {
      const { body } = await goOn(service, upload)
      acknowledged.set(body.number, { sequence: body.sequence, receipt: body.receipt, content: upload.content })
    } catch {
      if (upload.path !== undefined) started.push(upload)
    }
  }))
}

async function untilAllFinal (service: RunningService): Promise<void> {
  await until(async () => {
    const { body } = await service.json('/health/ready')
    return body.deposits.received === body.deposits.final
  })
}

/** Deposits, batches and blocks checked side by side. */
const CHECKERS = 8

/** Differences are collected, not asserted one by one: there may be tens of thousands of deposits. */
async function check (t: Test, service: RunningService, acknowledged: Acknowledged): Promise<void> {
  t.ok(acknowledged.size > 0, `${acknowledged.size} acknowledged deposits`)
  const broken: string[] = []
  const left = acknowledged.entries()
  await sideBySide(async () => {
    for (const [number, deposit] of left) broken.push(...(await differences(service, number, deposit)).map((what) => `${number}: ${what}`))
  })
  t.same(broken, [], 'each is final, with the sequence number, the receipt and the content that were acknowledged')
  t.equal(new Set([...acknowledged.values()].map(({ sequence }) => sequence)).size, acknowledged.size, 'no sequence number was given twice')
}

async function differences (service: RunningService, number: string, { sequence, receipt, content }: Deposited): Promise<string[]> {
  const { body } = await service.json(`/v1/evidence/${number}`)
  const kept = new Uint8Array(await (await service.call(`/v1/evidence/${number}/receipt`)).arrayBuffer())
  const same: Record<string, boolean> = {
    number: body.number === number,
    sequence: body.sequence === sequence,
    state: body.state === 'final',
    receipt: equalBytes(kept, jcsBytes(receipt)),
    'sequence in the receipt': parseReceipt(kept).record.sequence === sequence
  }
  if (content !== undefined) {
    const bytes = Buffer.from(await (await service.call(`/v1/evidence/${number}/content`)).arrayBuffer())
    same.content = bytes.equals(content)
    same.digest = body.digests.sha256 === createHash('sha256').update(content).digest('hex')
  }
  return Object.keys(same).filter((what) => same[what] !== true)
}

/** Batches without gaps, and each written exactly once in the whole ledger. */
async function checkBatches (t: Test, service: RunningService, { data, profile }: { data: string, profile: string }): Promise<void> {
  const { body: { deposits, log } } = await service.json('/health/ready')
  const broken: string[] = []
  const roots: string[] = []
  let next = 0
  for (let number = 0; ; number++) {
    const { status, body } = await service.json(`/v1/batches/${number}`)
    if (status === 404) break
    if (body.header.first !== String(next)) broken.push(`batch ${number} does not follow the one before`)
    next += Number(body.header.size)
    roots.push(body.header.root)
  }
  t.equal(next, deposits.received, 'every sequence number is in a batch')

  const ledger = await openLedger({
    client: 'fabric-network', profile, wallet: join(data, 'wallet'), log, crypto: nodeCrypto, clock: Date.now
  })
  try {
    const written = await writtenKeys(ledger)
    const left = roots.entries()
    await sideBySide(async () => {
      for (const [number, root] of left) {
        if (written.get(batchKey(log, String(number))) !== 1) broken.push(`batch ${number} was not written once`)
        if ((await ledger.findBatch(String(number)))?.header.root !== root) broken.push(`the ledger has another batch ${number}`)
      }
    })
    t.same(broken, [], `${roots.length} batches, each written once`)
    t.equal(written.get(batchKey(log, String(roots.length))), undefined, 'and nothing else')
  } finally {
    await ledger.close()
  }
}

/** How often each key was written by the valid transactions of all blocks. */
async function writtenKeys (ledger: Ledger): Promise<Map<string, number>> {
  const written = new Map<string, number>()
  const left = Array.from({ length: Number(await ledger.height()) }, (_, block) => block).values()
  await sideBySide(async () => {
    for (const block of left) {
      const { data: { data: envelopes }, transactions } = await ledger.block(String(block))
      transactions.forEach(({ type, code }, i) => {
        if (type !== 3 || code !== 0) return
        const { readWriteSets } = parseEndorserTransaction(fromBase64url(envelopes[i] as string))
        for (const { key } of readWriteSets.flatMap(({ writes }) => writes)) written.set(key, (written.get(key) ?? 0) + 1)
      })
    }
  })
  return written
}

async function sideBySide (work: () => Promise<void>): Promise<void> {
  await Promise.all(Array.from({ length: CHECKERS }, work))
}
