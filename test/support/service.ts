import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { networkStop } from '../../network/embedded/client.js'

const CLI = resolve('dist/src/cli/main.js')
const POLL_MS = 40

/** The process ended before it listened. */
export class EndedAtStart extends Error {
  readonly signal: NodeJS.Signals | null

  constructor (signal: NodeJS.Signals | null, output: string) {
    super(`the service ended at its start by ${signal ?? 'itself'}\n${output}`)
    this.signal = signal
  }
}

/** A real service in a process of its own, on a real embedded network in the same data folder. */
export interface RunningService {
  readonly url: string
  readonly demo: string
  readonly admin: string
  readonly pid: number
  /** Resolves when the process is gone, with what ended it. */
  readonly gone: Promise<{ code: number | null, signal: NodeJS.Signals | null }>
  readonly output: () => string
  call (path: string, init?: RequestInit & { key?: string | false }): Promise<Response>
  json (path: string, init?: RequestInit & { key?: string | false }): Promise<Answer>
  depositDigests (sha256: string, extra?: object): Promise<Answer>
  stop (): Promise<number | null>
  kill (): Promise<void>
}

export interface Answer { readonly status: number, readonly headers: Headers, readonly body: any }

/**
 * Starts `steelyard serve`; resolves when it listens. The ledger may come later. `through` is a command that becomes the service, such as
 * one that enters a network namespace.
 */
export async function startService (
  data: string, env: Readonly<Record<string, string>> = {}, through: readonly string[] = []
): Promise<RunningService> {
  const [command = process.execPath, ...args] = [...through, process.execPath, CLI, 'serve']
  const child = spawn(command, args, {
    env: { PATH: process.env.PATH, STEELYARD_DATA: data, STEELYARD_PORT: '0', STEELYARD_LOG_LEVEL: 'warn', STEELYARD_SEAL_AGE: '50', ...env },
    stdio: ['ignore', 'pipe', 'pipe']
  })
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => { output = (output + chunk.toString()).slice(-20_000) })
  const gone = new Promise<{ code: number | null, signal: NodeJS.Signals | null }>((resolve) => {
    child.once('exit', (code, signal) => { resolve({ code, signal }) })
  })
  const url = await listening(child, gone, () => output)
  const { admin, demo } = JSON.parse(await readFile(join(data, 'credentials.json'), 'utf8')) as { admin: string, demo: string }
  const call: RunningService['call'] = async (path, { key = demo, ...init } = {}) => await fetch(`${url}${path}`, {
    ...init, headers: { ...(key === false ? {} : { authorization: `Bearer ${key}` }), ...(init.headers as Record<string, string> | undefined) }
  })
  const json: RunningService['json'] = async (path, init) => {
    const response = await call(path, init)
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text.startsWith('{') ? JSON.parse(text) : text }
  }
  return {
    url,
    demo,
    admin,
    pid: child.pid as number,
    gone,
    output: () => output,
    call,
    json,
    depositDigests: async (sha256, extra = {}) => await json('/v1/evidence/digests', {
      method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ sha256, ...extra })
    }),
    async stop () {
      child.kill('SIGTERM')
      return (await gone).code
    },
    async kill () {
      child.kill('SIGKILL')
      await gone
    }
  }
}

async function listening (child: ChildProcess, gone: RunningService['gone'], output: () => string): Promise<string> {
  const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })
  return await new Promise((resolve, reject) => {
    lines.on('line', (line) => {
      const url = /^listening on (\S+)$/.exec(line)?.[1]
      if (url !== undefined) resolve(url)
    })
    gone.then(({ signal }) => { reject(new EndedAtStart(signal, output())) }, reject)
  })
}

/** Polls until a condition holds; the caller's test has the time limit. */
export async function until (condition: () => Promise<boolean>): Promise<void> {
  while (!await condition()) await new Promise((resolve) => { setTimeout(resolve, POLL_MS) })
}

export async function untilReady (service: RunningService): Promise<void> {
  await until(async () => (await service.call('/health/ready')).status === 200)
}

/** Stops whatever still runs of a data folder, while the folder is still there. */
export async function stopNetwork (data: string): Promise<void> {
  await networkStop(join(data, 'network'))
}

/**
 * A data folder that is removed after the test, and only when nothing runs on it any more: a service that was killed leaves its network
 * behind, and a network that cannot be found by its folder runs for ever. (So no `t.testdir`, which goes before the teardowns.)
 */
export function dataFolder (t: Pick<Test, 'teardown'>): string {
  const data = mkdtempSync(join(tmpdir(), 'steelyard-test-'))
  t.teardown(async () => {
    await stopNetwork(data)
    rmSync(data, { recursive: true, force: true })
  })
  return data
}
