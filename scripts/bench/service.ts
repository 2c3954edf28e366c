import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { networkStop } from '../../network/embedded/client.js'
import { ask, ended, owned } from './child.js'

/** `steelyard serve` in a process of its own, as operators run it. */
export interface BenchService {
  readonly url: string
  readonly key: string
  readonly pid: number
  /** Milliseconds from the start of the process until it listened. */
  readonly startedIn: number
  /** Headers of a request with the demonstration key. */
  readonly authorization: { readonly authorization: string }
  /** The service's own gauges, by name. */
  gauges (): Promise<Map<string, number>>
  /** Waits until this many deposits have reached a state. */
  reached (state: 'sealed' | 'anchored' | 'final', deposits: number, limitMs?: number): Promise<void>
  /** Waits until it has connected its ledger and loaded what that takes. */
  ready (): Promise<void>
  /** Delays of its event loop since the last question, in milliseconds. */
  loopDelay (): Promise<LoopDelay>
  stop (): Promise<void>
}

export interface LoopDelay {
  readonly max: number
  readonly p999: number
  readonly p99: number
  /** Most resident memory since the start, in bytes. */
  readonly maxRss: number
  /** Of it what is no file's, a sample every 0.2 s. */
  readonly anonymous: number
  /** Processor time of all threads since the start, in seconds. */
  readonly cpu: number
  /** For how long a tree was built at most without a turn of the event loop, since the last question, in milliseconds. */
  readonly treeTurn: number
}

export interface ServiceSettings {
  readonly data: string
  readonly env?: Readonly<Record<string, string>>
}

const CLI = resolve('dist/src/cli/main.js')
const PRELOAD = fileURLToPath(new URL('./loop-delay.js', import.meta.url))
const POLL_MS = 20
const READY_MS = 60_000

export async function startService ({ data, env = {} }: ServiceSettings): Promise<BenchService> {
  const began = performance.now()
  const child = owned(spawn(process.execPath, ['--import', PRELOAD, ...profiling(), CLI, 'serve'], {
    env: { PATH: process.env.PATH, STEELYARD_DATA: data, STEELYARD_PORT: '0', STEELYARD_LOG_LEVEL: 'warn', STEELYARD_RATE_LIMIT: '0', ...env },
    stdio: ['ignore', 'pipe', 'inherit', 'ipc']
  }))
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const found = /^listening on (\S+)$/.exec(line)?.[1]
      if (found !== undefined) resolve(found)
    })
    once(child, 'exit').then(([code]) => { reject(new Error(`the service ended at its start: ${String(code)}`)) }, reject)
  })
  const startedIn = performance.now() - began
  const { demo } = JSON.parse(await readFile(join(data, 'credentials.json'), 'utf8')) as { demo: string }
  const authorization = { authorization: `Bearer ${demo}` }
  const gauges = async (): Promise<Map<string, number>> => {
    const text = await (await fetch(`${url}/metrics`)).text()
    return new Map([...text.matchAll(/^([a-z_]+) ([\d.e+-]+)$/gm)].map(([, name = '', value]) => [name, Number(value)]))
  }
  return {
    url,
    key: demo,
    pid: child.pid as number,
    startedIn,
    authorization,
    gauges,
    async reached (state, deposits, limitMs = 120_000) {
      const until = performance.now() + limitMs
      while (((await gauges()).get(`steelyard_deposits_${state}`) ?? 0) < deposits) {
        if (performance.now() > until) throw new Error(`${deposits} deposits did not become ${state} in ${limitMs} ms`)
        await sleep(POLL_MS)
      }
    },
    async ready () {
      const until = performance.now() + READY_MS
      while ((await fetch(`${url}/health/ready`)).status !== 200) {
        if (performance.now() > until) throw new Error(`the service was not ready in ${READY_MS} ms`)
        await sleep(POLL_MS)
      }
    },
    loopDelay: async () => await ask<LoopDelay>(child, 'loop-delay'),
    async stop () {
      await ended(child, 'SIGTERM')
      await networkStop(join(data, 'network'))
    }
  }
}

/** BENCH_PROFILE=folder writes a CPU profile of every service that is started. */
function profiling (): string[] {
  const folder = process.env.BENCH_PROFILE
  return folder === undefined ? [] : ['--cpu-prof', '--cpu-prof-dir', folder]
}
