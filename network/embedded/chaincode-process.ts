/**
 * Runs a chaincode folder as a service: one child process for all organizations' peers, started again when it dies.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { createRequire } from 'node:module'
import { connect } from 'node:net'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { ChaincodeDescription } from './description.js'
import { EmbeddedNetworkError } from './errors.js'
import { freePorts } from './free-ports.js'

/** What is supervised. */
export interface ChaincodeProcessOptions extends ChaincodeDescription {
  /** A built package of contracts: has a package.json, and fabric-shim can be resolved from it. */
  readonly folder: string
  readonly logFile: string
}

/** State of a supervised chaincode. */
export interface ChaincodeStatus extends ChaincodeDescription {
  readonly pid?: number
  readonly running: boolean
  readonly restarts: number
  readonly address: string
}

const FIRST_DELAY = 200
const LONGEST_DELAY = 5000
const STABLE = 10_000 // a process that lived this long starts the delays anew
const READY_LIMIT = 20_000
const POLL = 20
const GRACE = 2000

/** Starts the chaincode; it is reachable once `ready` resolves. */
export async function startChaincode (options: ChaincodeProcessOptions): Promise<ChaincodeProcess> {
  const cli = resolveShim(options.folder)
  const [port = 0] = await freePorts(1)
  return new ChaincodeProcess(options, cli, port)
}

function resolveShim (folder: string): string {
  if (!existsSync(join(folder, 'package.json'))) {
    throw new EmbeddedNetworkError({ code: 'CHAINCODE', message: `no package.json in the chaincode folder ${folder}` })
  }
  const own = [join(folder, 'package.json'), import.meta.url].flatMap((base) => {
    try {
      return [createRequire(base).resolve('fabric-shim/cli.js')]
    } catch {
      return [] // try the next place
    }
  })
  const [cli] = own
  if (cli === undefined) throw new EmbeddedNetworkError({ code: 'CHAINCODE', message: 'fabric-shim is not installed beside the chaincode' })
  return cli
}

/** A supervised child. It dies with this process, also when this process is killed (see chaincode-guard.ts). */
export class ChaincodeProcess {
  readonly #options: ChaincodeProcessOptions
  readonly #cli: string
  readonly #port: number
  #child: ChildProcess | undefined
  #timer: NodeJS.Timeout | undefined
  #delay = FIRST_DELAY
  #restarts = 0
  #stopped = false

  constructor (options: ChaincodeProcessOptions, cli: string, port: number) {
    this.#options = options
    this.#cli = cli
    this.#port = port
    this.#start()
  }

  get address (): string {
    return `127.0.0.1:${this.#port}`
  }

  status (): ChaincodeStatus {
    const { name, version } = this.#options
    const pid = this.#child?.pid
    return {
      name, version, running: this.#child !== undefined, restarts: this.#restarts, address: this.address, ...(pid === undefined ? {} : { pid })
    }
  }

  /** Resolves when the chaincode listens. */
  async ready (): Promise<void> {
    const deadline = Date.now() + READY_LIMIT
    while (!await accepts(this.#port)) {
      if (this.#stopped || Date.now() > deadline) {
        throw new EmbeddedNetworkError({
          code: 'CHAINCODE', message: `chaincode ${this.#options.name} does not start, see ${this.#options.logFile}`
        })
      }
      await pause(POLL)
    }
  }

  async stop (): Promise<void> {
    this.#stopped = true
    clearTimeout(this.#timer)
    const child = this.#child
    if (child === undefined) return
    const gone = new Promise<void>((resolve) => { child.once('exit', () => { resolve() }) })
    child.kill('SIGTERM')
    const force = setTimeout(() => { child.kill('SIGKILL') }, GRACE)
    await gone
    clearTimeout(force)
  }

  #start (): void {
    const { name, version, folder, logFile } = this.#options
    const guard = fileURLToPath(new URL('./chaincode-guard.js', import.meta.url))
    const log = openSync(logFile, 'a', 0o600)
    const started = Date.now()
    const child = spawn(process.execPath, [
      '--import', guard, this.#cli, 'server', '--chaincode-address', this.address, '--chaincode-id', `${name}:${version}`
    ], { cwd: folder, stdio: ['ignore', log, log, 'ipc'] })
    closeSync(log)
    this.#child = child
    child.once('error', () => { this.#ended(started) })
    child.once('exit', () => { this.#ended(started) })
  }

  #ended (started: number): void {
    if (this.#child === undefined) return
    this.#child = undefined
    if (this.#stopped) return
    this.#delay = Date.now() - started > STABLE ? FIRST_DELAY : Math.min(2 * this.#delay, LONGEST_DELAY)
    this.#timer = setTimeout(() => {
      this.#restarts++
      this.#start()
    }, this.#delay)
  }
}

async function accepts (port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1')
    socket.once('connect', () => {
      socket.destroy()
      resolve(true)
    })
    socket.once('error', () => { resolve(false) })
  })
}

async function pause (milliseconds: number): Promise<void> {
  await new Promise<void>((resolve) => { setTimeout(resolve, milliseconds) })
}
