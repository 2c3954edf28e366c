/**
 * Mixed load on a service and a ledger of four organizations for half an hour: `npm run soak`. Memory (but for mapped tables), open files
 * and latencies must not grow: the medians of the last third are compared with those of the second; the first is for warming up. Prints a
 * line for each sample and a table, and writes bench/soak.json. With FABRIC_BIN the ledger is one of official binaries.
 */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { openConsortium } from './bench/consortium.js'
import { median, quantile } from './bench/numbers.js'
import { atMost, type Row, table } from './bench/row.js'
import { startService } from './bench/service.js'
import { machine } from './bench/settings.js'
import { type Measured, startMixedLoad } from './soak/mixed-load.js'

/** What may differ between two thirds of a run by chance alone. */
const MOST_GROWTH = 1.15

interface Sample {
  readonly second: number
  readonly rssMb: number
  /** Of it what is no file's: the tables that LevelDB maps become more with the log, and the kernel takes their pages back when it needs them. */
  readonly anonymousMb: number
  readonly handles: number
  readonly depositP50: number
  readonly depositP99: number
  readonly proofP99: number
  readonly loopP99: number
  /** Acknowledged and not final yet. */
  readonly waiting: number
  readonly refused: number
}

function setting (name: string, preset: number): number {
  const value = Number(process.env[name] ?? preset)
  if (!Number.isFinite(value) || value <= 0) throw new RangeError(`${name} must be a number above 0`)
  return value
}

function ofProcess (pid: number): Pick<Sample, 'rssMb' | 'anonymousMb' | 'handles'> {
  const status = readFileSync(`/proc/${pid}/status`, 'utf8')
  const megabytes = (name: string): number => Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(status)?.[1]) / 1024
  return { rssMb: megabytes('VmRSS'), anonymousMb: megabytes('RssAnon'), handles: readdirSync(`/proc/${pid}/fd`).length }
}

function latencies ({ deposits, proofs, refused }: Measured): Pick<Sample, 'depositP50' | 'depositP99' | 'proofP99' | 'refused'> {
  return {
    depositP50: quantile(deposits, 0.5),
    depositP99: quantile(deposits, 0.99),
    proofP99: quantile(proofs, 0.99),
    refused: [...refused.values()].reduce((sum, count) => sum + count, 0)
  }
}

/** The last third against the second. */
function growth (samples: readonly Sample[], name: string, of: (sample: Sample) => number): Row {
  const third = Math.floor(samples.length / 3)
  const [before, after] = [samples.slice(third, 2 * third), samples.slice(2 * third)].map((part) => median(part.map(of)))
  return atMost(`${name} growth`, `median of the last third over that of the second (${before?.toFixed(1)} to ${after?.toFixed(1)}) / limit`, '', (after ?? NaN) / (before ?? NaN), MOST_GROWTH)
}

async function main (): Promise<number> {
  const [minutes, rate, every] = [setting('SOAK_MINUTES', 30), setting('SOAK_RATE', 200), setting('SOAK_SAMPLE_SECONDS', 30)]
  const folder = mkdtempSync(join(tmpdir(), 'steelyard-soak-'))
  process.once('exit', () => { rmSync(folder, { recursive: true, force: true, maxRetries: 5 }) })
  const consortium = await openConsortium(folder)
  const service = await startService({ data: join(folder, 'data'), env: consortium.env })
  const samples: Sample[] = []
  try {
    const load = startMixedLoad(service, rate)
    const began = performance.now()
    while (performance.now() - began < minutes * 60_000) {
      await sleep(every * 1000)
      const waiting = load.acknowledged() - ((await service.gauges()).get('steelyard_deposits_final') ?? 0)
      samples.push({
        second: Math.round((performance.now() - began) / 1000),
        ...ofProcess(service.pid),
        ...latencies(load.take()),
        loopP99: (await service.loopDelay()).p99,
        waiting
      })
      console.error(JSON.stringify(samples.at(-1), (_key, value: unknown) => typeof value === 'number' ? Math.round(value * 10) / 10 : value))
    }
    await load.stop()
    await service.reached('final', load.acknowledged()) // rejects if anything acknowledged is lost
  } finally {
    await service.stop()
    await consortium.close()
  }
  const rows = [
    growth(samples, 'memory', ({ anonymousMb }) => anonymousMb),
    growth(samples, 'open files', ({ handles }) => handles),
    growth(samples, 'deposit p50', ({ depositP50 }) => depositP50),
    growth(samples, 'deposit p99', ({ depositP99 }) => depositP99),
    growth(samples, 'proof p99', ({ proofP99 }) => proofP99)
  ]
  const about = { at: new Date().toISOString(), machine: machine(), minutes, rate, ledger: consortium.isNative ? 'official binaries' : 'embedded' }
  mkdirSync('bench', { recursive: true })
  writeFileSync('bench/soak.json', `${JSON.stringify({ ...about, rows, samples }, undefined, 2)}\n`)
  console.log(`${machine()}, ${minutes} minutes, ${rate} deposits/s, ${about.ledger}\n\n${table(rows)}`)
  return rows.every(({ met }) => met) ? 0 : 1
}

process.exit(await main())
