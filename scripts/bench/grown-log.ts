import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { ended, message, program } from './child.js'
import { createClient, digestBodies } from './load.js'
import { bulkBodies, BULK_LINES, bulkDeposits } from './ndjson.js'
import { median, quantile } from './numbers.js'
import { createQuietClient, type QuietClient } from './quiet-client.js'
import type { Run } from './run.js'
import { type BenchService, startService } from './service.js'

/** Deposits between two waits: what is not anchored yet is bounded, as it is in operation. */
const PART = 100_000
/** Deposits of one measured rate, by which every log grows with each turn. */
export const STRETCH = 50_000
/** Proofs of one round. */
const PROOFS = 1500
/** Proofs until the code is compiled, as it is in a service that runs. None is asked for twice. */
const WARM_UP = 4500
const FINAL_MS = 600_000

/** A log that was filled and whose service was stopped. */
export interface GrownLog {
  readonly data: string
  readonly deposits: number
  readonly sealSize: string
  /** Numbers of deposits from all of it, as many as are asked for. */
  readonly numbers: readonly string[]
  readonly memory: Memory
  /** Bytes of the database for each deposit. */
  readonly bytes: number
}

/** Most resident memory, in bytes: what is no file's, and with the database's mapped tables, which the kernel takes back when it needs them. */
export interface Memory { readonly anonymous: number, readonly all: number }

/** What was measured of one log, in turn with the others. Milliseconds, and deposits a second. */
export interface Measured {
  readonly p50: number
  readonly p99: number
  /** The 99th percentile of a bare Fastify's, asked in turn for a document as large. */
  readonly bare: number
  readonly start: number
  readonly rate: number
  readonly memory: Memory
}

export async function grow (run: Run, name: string, deposits: number, sealSize: string): Promise<GrownLog> {
  const data = join(run.folder, name)
  const service = await startService({ data, env: environment(sealSize) })
  const client = createClient(service.url, service.authorization)
  const numbers: string[] = []
  const sample = Math.max(1, Math.min(Math.floor(deposits / (WARM_UP + run.settings.rounds * PROOFS)), BULK_LINES))
  let total = 0
  while (total < deposits) {
    const part = await bulkDeposits(client, bulkBodies(digestBodies(4096)), Math.min(deposits - total, PART), { sample })
    total += part.deposits
    numbers.push(...part.numbers)
  }
  await service.reached('final', total, FINAL_MS)
  const memory = await memoryOf(service)
  client.close()
  await service.stop()
  const bytes = await sizeOf(join(data, 'db')) / total
  run.note(`${total} deposits by ${sealSize}: ${inMB(memory)}, ${bytes.toFixed(0)} B each`)
  return { data, deposits: total, sealSize, numbers, memory, bytes }
}

/** Starts, proofs and writes of several logs, always in turn: the machine is not the same from one minute to the next. */
export async function compare (run: Run, logs: readonly GrownLog[]): Promise<Measured[]> {
  const starts = await inTurn(logs, run.settings.rounds, async (log) => {
    const service = await startService({ data: log.data, env: environment(log.sealSize) })
    await service.stop()
    return service.startedIn
  }, 1) // the first start reads again what LevelDB had not put into tables, up to 16 MB, whatever the log's size
  const server = program('bare')
  const control = createQuietClient(await message<string>(server), {})
  const running: Running[] = []
  for (const log of logs) {
    const service = await startService({ data: log.data, env: environment(log.sealSize) })
    await service.ready()
    const next = numbersOf(log)
    running.push({ log, service, next })
    const asking = createQuietClient(service.url, service.authorization)
    for (let i = 0; i < WARM_UP; i++) await ask(asking, next())
    asking.close()
  }
  const proofs = await inTurn(running, run.settings.rounds, async ({ service, next }) => await timeProofs(service, next, control))
  const rates = await inTurn(running, run.settings.rounds, async ({ service }) => await writeRate(service), 1)
  control.close()
  await ended(server, 'SIGTERM')
  const measured: Measured[] = []
  for (const [i, { log, service }] of running.entries()) {
    const [ours, bare] = [proofs[i]?.flatMap((each) => each.ours) ?? [], proofs[i]?.flatMap((each) => each.bare) ?? []]
    const { anonymous, all } = await memoryOf(service)
    await service.stop()
    const one = {
      p50: quantile(ours, 0.5),
      p99: quantile(ours, 0.99),
      bare: quantile(bare, 0.99),
      start: median(starts[i] ?? []),
      rate: median(rates[i] ?? []),
      memory: { anonymous: Math.max(anonymous, log.memory.anonymous), all: Math.max(all, log.memory.all) }
    }
    run.note(`${log.deposits} deposits by ${log.sealSize}: proof p50 ${one.p50.toFixed(2)} ms, p99 ${one.p99.toFixed(2)} ms ` +
      `(bare ${quantile(bare, 0.5).toFixed(2)} and ${one.bare.toFixed(2)}), start ${one.start.toFixed(0)} ms, ${Math.round(one.rate)} deposits/s, ${inMB(one.memory)}`)
    measured.push(one)
  }
  return measured
}

/** `next`: a number that was not asked for yet. */
interface Running { readonly log: GrownLog, readonly service: BenchService, next (): string }

/** The results of each, in the order of `of`; the first `unmeasured` rounds are left out. */
async function inTurn<T, R> (of: readonly T[], rounds: number, measure: (one: T) => Promise<R>, unmeasured = 0): Promise<R[][]> {
  const results = of.map((): R[] => [])
  for (let round = 0; round < rounds + unmeasured; round++) {
    for (const [i, one] of of.entries()) {
      const result = await measure(one)
      if (round >= unmeasured) results[i]?.push(result)
    }
  }
  return results
}

/** Proofs, and in turn with each a body as large from a server that does nothing for it: what client, processor and scheduler take of both. */
async function timeProofs (service: BenchService, next: () => string, control: QuietClient): Promise<{ ours: number[], bare: number[] }> {
  const asking = createQuietClient(service.url, service.authorization)
  const times: { ours: number[], bare: number[] } = { ours: [], bare: [] }
  for (let i = 0; i < PROOFS; i++) {
    const { ms, bytes } = await ask(asking, next())
    times.ours.push(ms)
    times.bare.push((await control.call({ method: 'GET', path: `/document/${bytes}` })).ms)
  }
  asking.close()
  return times
}

/** The numbers of a log once each, from all over it: the stride is a prime. */
function numbersOf ({ numbers }: GrownLog): () => string {
  let i = 0
  return () => {
    if (i >= numbers.length) throw new RangeError(`the log has ${numbers.length} numbers to ask for: fewer rounds`)
    return numbers[(i++ * 7919) % numbers.length] as string
  }
}

async function ask (client: QuietClient, number: string): Promise<{ ms: number, bytes: number }> {
  const answer = await client.call({ method: 'GET', path: `/v1/evidence/${number}/proof` })
  if (answer.status !== 200) throw new Error(`a proof was answered ${answer.status}`)
  return answer
}

/** Deposits a second in bulk; whatever they make is done before the next log's turn. */
async function writeRate (service: BenchService): Promise<number> {
  const client = createClient(service.url, service.authorization)
  const { deposits, seconds } = await bulkDeposits(client, bulkBodies(digestBodies(4096)), STRETCH)
  client.close()
  await service.reached('final', (await service.gauges()).get('steelyard_deposits_received') ?? Infinity, FINAL_MS)
  return deposits / seconds
}

async function memoryOf (service: BenchService): Promise<Memory> {
  const { anonymous, maxRss } = await service.loopDelay()
  return { anonymous, all: maxRss }
}

function environment (sealSize: string): Record<string, string> {
  return { STEELYARD_SEAL_SIZE: sealSize, STEELYARD_SEAL_AGE: '5000' }
}

function inMB ({ anonymous, all }: Memory): string {
  return `${Math.round(anonymous / 1e6)} MB (${Math.round(all / 1e6)} MB with mapped tables)`
}

async function sizeOf (folder: string): Promise<number> {
  const sizes = await Promise.all((await readdir(folder)).map(async (name) => (await stat(join(folder, name))).blocks * 512))
  return sizes.reduce((sum, size) => sum + size, 0)
}
