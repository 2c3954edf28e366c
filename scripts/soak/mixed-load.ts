import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { createClient, digestBodies } from '../bench/load.js'
import { bulkBodies } from '../bench/ndjson.js'
import { createQuietClient } from '../bench/quiet-client.js'
import type { BenchService } from '../bench/service.js'

/** Times of the answers since they were last taken, in milliseconds; what was refused, by status. */
export interface Measured {
  readonly deposits: number[]
  readonly proofs: number[]
  readonly refused: Map<number, number>
}

/** Load that a service of a court would have, all kinds at once, at a steady rate whether or not the earlier requests were answered. */
export interface MixedLoad {
  take (): Measured
  /** Deposits that were acknowledged, all kinds. */
  acknowledged (): number
  stop (): Promise<void>
}

const TICK_MS = 20
/** Of a second's deposits: reads of proofs. Uploads and bulk requests have rates of their own. */
const PROOFS_EACH = 0.2
const UPLOADS_PER_SECOND = 2
const UPLOAD_BYTES = 256 * 1024
const BULK_LINES = 500
const BULK_PER_SECOND = 1 / 7
/** Numbers that proofs are asked for: recent and old ones. */
const KEPT = 20_000
/** Requests in flight beyond which the load waits: a service that does not answer is not sent ever more. */
const MOST_OPEN = 512

export function startMixedLoad (service: BenchService, rate: number): MixedLoad {
  const client = createClient(service.url, service.authorization, 16)
  const timed = createQuietClient(service.url, service.authorization, 128)
  const bodies = digestBodies(4096)
  const bulk = bulkBodies(bodies, BULK_LINES)
  const file = randomBytes(UPLOAD_BYTES)
  const numbers: string[] = []
  const open = new Set<Promise<void>>()
  let measured: Measured = { deposits: [], proofs: [], refused: new Map() }
  let acknowledged = 0
  let sent = 0
  const stopping = new AbortController()

  const refuse = (status: number): void => { measured.refused.set(status, (measured.refused.get(status) ?? 0) + 1) }
  const remember = (number: string): void => {
    if (numbers.length < KEPT) numbers.push(number)
    else numbers[Math.floor(Math.random() * KEPT)] = number
  }
  const single = async (): Promise<void> => {
    const body = bodies[sent++ % bodies.length] as string
    const { status, text, ms } = await timed.call({ method: 'POST', path: '/v1/evidence/digests', body, keep: true })
    if (status !== 201) return refuse(status)
    measured.deposits.push(ms)
    acknowledged++
    remember((JSON.parse(text) as { number: string }).number)
  }
  const upload = async (): Promise<void> => {
    file.writeUInt32BE(sent++ % 2 ** 32) // every file another
    const { status } = await client.call('POST', '/v1/evidence', form(file), `multipart/form-data; boundary=${BOUNDARY}`)
    if (status === 201) acknowledged++
    else refuse(status)
  }
  const many = async (): Promise<void> => {
    const { status } = await client.call('POST', '/v1/evidence/bulk', bulk[sent++ % bulk.length], 'application/x-ndjson')
    if (status === 200) acknowledged += BULK_LINES
    else refuse(status)
  }
  const proof = async (): Promise<void> => {
    const number = numbers[Math.floor(Math.random() * numbers.length)]
    if (number === undefined) return
    const { status, ms } = await timed.call({ method: 'GET', path: `/v1/evidence/${number}/proof` })
    if (status === 200) measured.proofs.push(ms)
    else if (status !== 409) refuse(status) // 409: not sealed yet
  }

  const kinds = [
    { perSecond: rate, run: single }, { perSecond: rate * PROOFS_EACH, run: proof },
    { perSecond: UPLOADS_PER_SECOND, run: upload }, { perSecond: BULK_PER_SECOND, run: many }
  ]
  const drive = async (): Promise<void> => {
    const began = performance.now()
    const done = kinds.map(() => 0)
    while (!stopping.signal.aborted) {
      const seconds = (performance.now() - began) / 1000
      kinds.forEach(({ perSecond, run }, i) => {
        for (; (done[i] ?? 0) < seconds * perSecond && open.size < MOST_OPEN; done[i] = (done[i] ?? 0) + 1) {
          const request = run().catch(() => { refuse(0) })
          open.add(request)
          void request.finally(() => open.delete(request))
        }
      })
      await sleep(TICK_MS)
    }
    await Promise.all(open)
  }
  const driving = drive()
  return {
    take () {
      const taken = measured
      measured = { deposits: [], proofs: [], refused: new Map() }
      return taken
    },
    acknowledged: () => acknowledged,
    async stop () {
      stopping.abort()
      await driving
      client.close()
      timed.close()
    }
  }
}

const BOUNDARY = 'steelyard-soak'

function form (file: Buffer): Buffer {
  return Buffer.concat([
    Buffer.from(`--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="soak.bin"\r\n\r\n`),
    file,
    Buffer.from(`\r\n--${BOUNDARY}--\r\n`)
  ])
}
