import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ended, message, program } from '../child.js'
import { createClient, digestBodies } from '../load.js'
import { bulkBodies, BULK_LINES, bulkDeposits } from '../ndjson.js'
import { median, quantile } from '../numbers.js'
import { createQuietClient, type QuietClient } from '../quiet-client.js'
import { atMost, flat, type Row } from '../row.js'
import type { Bench, Run } from '../run.js'
import { startService } from '../service.js'

const FIRST = 100_000
const PROOFS = 1500
/** Until the code is compiled, as it is in a service that runs. */
const WARM_UP = 4500
/** The first reads again what LevelDB had not put into tables, up to 16 MB, whatever the log's size. */
const STARTS = 3
const MOST_MEMORY = 500 * 1024 ** 2
const MOST_BYTES = 700
const SMALL_BATCH = '512'

interface Stage {
  readonly deposits: number
  readonly p50: number
  readonly p99: number
  /** The 99th percentile of a bare Fastify's, asked in turn for a document as large. */
  readonly bare: number
  /** Most resident memory, in bytes: what is no file's, and with the database's mapped tables, which the kernel takes back when it needs them. */
  readonly memory: { readonly anonymous: number, readonly all: number }
  readonly start: number
  readonly rate: number
  readonly bytes: number
}

/** A log that grows tenfold at a time: proofs, memory, start-up and the write rate must not notice. Then the same with small batches. */
export const proof: Bench = async (run) => {
  const { folder, settings: { deposits } } = run
  const large = await grow(run, join(folder, 'large'), deposits, '8192')
  const small = await grow(run, join(folder, 'small'), FIRST, SMALL_BATCH)
  const [first, last] = [large[0], large.at(-1)]
  if (first === undefined || last === undefined) throw new RangeError(`at least ${FIRST} deposits are needed`)
  const p99Of = (name: string, { p99, bare }: Stage): Row =>
    atMost(name, `GET proof, one client / limit (a bare Fastify, asked in turn for as large a body: ${bare.toFixed(2)} ms)`, 'ms', p99, 5)
  const rows: Row[] = large.map((stage) => p99Of(`proof p99 at ${stage.deposits}`, stage))
  rows.push(...small.map((stage) => p99Of(`proof p99 at ${stage.deposits}, batches of ${SMALL_BATCH}`, stage)))
  const growth = `${first.deposits} to ${last.deposits} deposits`
  rows.push(
    flat('proof flat over growth', `GET proof p50, ${growth}`, 'ms', first.p50, last.p50, 0.2),
    flat('proof flat over batch size', `GET proof p50, batches of 8192 and of ${SMALL_BATCH}`, 'ms', first.p50, small[0]?.p50 ?? Number.NaN, 0.2),
    flat('start flat over growth', `restart until it listens, ${growth}`, 'ms', first.start, last.start, 0.2),
    flat('write rate flat over growth', `bulk deposits, ${growth}`, '1/s', first.rate, last.rate, 0.2),
    atMost('memory', `most memory of the service / limit, ${last.deposits} deposits (with the tables that LevelDB maps: ${Math.round(last.memory.all / 1e6)} MB)`, 'MB', last.memory.anonymous / 1e6, MOST_MEMORY / 1e6),
    atMost('disk', `bytes per digest-only deposit, all included / limit, ${last.deposits} deposits`, 'B', last.bytes, MOST_BYTES)
  )
  return rows
}

async function grow (run: Run, data: string, most: number, sealSize: string): Promise<Stage[]> {
  const env = { STEELYARD_SEAL_SIZE: sealSize, STEELYARD_SEAL_AGE: '5000' }
  const bodies = bulkBodies(digestBodies(4096))
  const stages: Stage[] = []
  let total = 0
  for (let target = FIRST; target <= most; target *= 10) {
    let service = await startService({ data, env })
    let filling = createClient(service.url, service.authorization)
    let memory: Stage['memory'] = { anonymous: 0, all: 0 }
    const remember = async (): Promise<void> => {
      const { anonymous, maxRss } = await service.loopDelay()
      memory = { anonymous: Math.max(memory.anonymous, anonymous), all: Math.max(memory.all, maxRss) }
    }
    const numbers: string[] = []
    const every = Math.ceil((target - total) / PROOFS)
    // A part at a time: what is not anchored yet is bounded, as it is in operation. The rate is that of a process that has written as much
    // before as the others that it is compared with.
    if (total < target - FIRST) {
      while (total < target - FIRST) total += await part(target - FIRST - total)
      await service.reached('final', total, 600_000)
      await remember()
      await restart()
    }
    total += await part(FIRST / 2)
    const began = performance.now()
    const before = total
    total += await part(FIRST / 2)
    const rate = (total - before) / ((performance.now() - began) / 1000)
    await service.reached('final', total, 600_000)
    filling.close()
    await remember()
    const starts: number[] = []
    for (let i = 0; i < STARTS; i++) {
      await service.stop()
      service = await startService({ data, env })
      starts.push(service.startedIn)
    }
    const asking = createQuietClient(service.url, service.authorization)
    await service.ready()
    const { ours, bare } = await ask(asking, numbers)
    asking.close()
    await remember()
    const start = median(starts)
    await service.stop()
    const stage = {
      deposits: total, p50: quantile(ours, 0.5), p99: quantile(ours, 0.99), bare: quantile(bare, 0.99), memory, start, rate, bytes: await sizeOf(join(data, 'db')) / total
    }
    run.note(`${total} deposits by ${sealSize}: proof p50 ${stage.p50.toFixed(2)} ms, p99 ${stage.p99.toFixed(2)} ms (bare ${quantile(bare, 0.5).toFixed(2)} and ${stage.bare.toFixed(2)}), start ${start.toFixed(0)} ms, ` +
      `${Math.round(memory.anonymous / 1e6)} MB (${Math.round(memory.all / 1e6)} MB with mapped tables), ${Math.round(rate)} deposits/s, ${stage.bytes.toFixed(0)} B each`)
    stages.push(stage)

    async function restart (): Promise<void> {
      filling.close()
      await service.stop()
      service = await startService({ data, env })
      filling = createClient(service.url, service.authorization)
    }

    async function part (deposits: number): Promise<number> {
      const done = await bulkDeposits(filling, bodies, Math.min(deposits, FIRST), { sample: Math.min(every, BULK_LINES) })
      numbers.push(...done.numbers)
      return done.deposits
    }
  }
  return stages
}

/** Proofs, and in turn with each a body as large from a server that does nothing for it: what client, processor and scheduler take of both. */
async function ask (client: QuietClient, numbers: readonly string[]): Promise<{ ours: number[], bare: number[] }> {
  const server = program('bare')
  const control = createQuietClient(await message<string>(server), {})
  const times: { ours: number[], bare: number[] } = { ours: [], bare: [] }
  for (let i = 0; i < WARM_UP + PROOFS; i++) {
    const number = numbers[(i * 7919) % numbers.length] as string
    const { status, ms, bytes } = await client.call({ method: 'GET', path: `/v1/evidence/${number}/proof` })
    if (status !== 200) throw new Error(`a proof was answered ${status}`)
    const answer = await control.call({ method: 'GET', path: `/document/${bytes}` })
    if (i < WARM_UP) continue
    times.ours.push(ms)
    times.bare.push(answer.ms)
  }
  control.close()
  await ended(server, 'SIGTERM')
  return times
}

async function sizeOf (folder: string): Promise<number> {
  const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).blocks * 512))
  return sizes.reduce((sum, size) => sum + size, 0)
}
