/**
 * Starting, finding and steering an embedded network from another process (`serve`, the command line, tests).
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, existsSync, openSync } from 'node:fs'
import { Socket } from 'node:net'
import { join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { NetworkStatus } from './control.js'
import { isDescribed } from './description.js'
import { EmbeddedNetworkError } from './errors.js'
import { privateFolder, readIfPresent } from './files.js'
import type { ChaincodeSource } from './process.js'
import { profilePath } from './profile.js'
import { readRuntime, type Runtime } from './runtime.js'

export type { NetworkStatus } from './control.js'
export type { NetworkFacts, ProfileExtension } from '../shared/connection-profile.js'

/** Which network is wanted. */
export interface EnsureOptions {
  readonly dir: string
  /** For a new folder; an existing one keeps what it has. */
  readonly orgs?: number
  readonly channel?: string
  readonly chaincode?: ChaincodeSource
  /** A log was on it: code NETWORK_MISSING, rather than a new one. */
  readonly mustExist?: boolean
  /** Stop the network when this process goes, however it goes. Default: it stays, and is found again. */
  readonly withParent?: boolean
  log? (event: string, fields?: Readonly<Record<string, unknown>>): void
}

/** A network that runs. */
export interface NetworkHandle {
  /** Whether this call started it, or found it running. */
  readonly started: boolean
  readonly status: NetworkStatus
  /** Path of network-facts.json. */
  readonly factsPath: string
  /** Path of an organization's connection profile; default: the operator's. */
  profilePath (org?: string): string
  /** Stops the network if this call started it. */
  close (): Promise<void>
}

const START_LIMIT = 30_000
const STOP_LIMIT = 20_000
const STATUS_LIMIT = 2000
const POLL = 25
const LOCKED = 75
const LOG = 'network.log'
const LAST_LINES = 20

/** Uses the network of a folder if it runs, else starts it; resolves when it is ready. Code DESCRIPTION: it is another than was asked for. */
export async function ensureNetwork (options: EnsureOptions): Promise<NetworkHandle> {
  if (options.mustExist === true && !hasNetwork(options.dir)) {
    const message = `there is no network in ${resolve(options.dir)}, and a log that was on one: bring that folder from where it was or from the backup ` +
      '(if the log is on another ledger, say so by STEELYARD_LEDGER); nothing was made in its place'
    throw new EmbeddedNetworkError({ code: 'NETWORK_MISSING', message })
  }
  const dir = privateFolder(resolve(options.dir))
  const found = await networkStatus(dir)
  if (found !== undefined) return handle(dir, false, checked(found, options))
  options.log?.('network.starting', { dir })
  const started = await start(dir, options)
  options.log?.(started ? 'network.started' : 'network.found', { dir })
  const status = await networkStatus(dir)
  if (status === undefined) throw new EmbeddedNetworkError({ code: 'START_FAILED', message: 'the network is gone again' })
  try {
    return handle(dir, started, checked(status, options))
  } catch (error) {
    if (started) await networkStop(dir) // nobody gets a handle to stop it with
    throw error
  }
}

/** Whether a folder holds a network with its ledger, running or not. */
export function hasNetwork (dir: string): boolean {
  return isDescribed(dir) && existsSync(join(dir, 'ledger', 'CURRENT'))
}

/** The status of a folder's network, or undefined if none runs. */
export async function networkStatus (dir: string): Promise<NetworkStatus | undefined> {
  const runtime = readRuntime(dir)
  return runtime === undefined ? undefined : await call(runtime, 'GET', '/status')
}

/** Stops a folder's network and waits until it is gone; false if none runs. */
export async function networkStop (dir: string): Promise<boolean> {
  const runtime = readRuntime(dir)
  if (runtime === undefined || await call(runtime, 'POST', '/stop') === undefined) return false
  await until(STOP_LIMIT, async () => await Promise.resolve(isGone(runtime.pid)))
  return true
}

/** Stops or starts one organization: its peer, orderer and CA. */
export async function setOrg (dir: string, org: string, running: boolean): Promise<NetworkStatus> {
  const runtime = readRuntime(dir)
  const status = runtime === undefined ? undefined : await call(runtime, 'POST', `/orgs/${org}/${running ? 'start' : 'stop'}`)
  if (status === undefined) throw new EmbeddedNetworkError({ code: 'NOT_RUNNING', message: 'no network runs on this folder' })
  return status
}

function handle (dir: string, started: boolean, status: NetworkStatus): NetworkHandle {
  const operator = status.organizations.find((org) => org.operator)?.name ?? status.organizations[0]?.name ?? ''
  return {
    started,
    status,
    factsPath: join(dir, 'network-facts.json'),
    profilePath: (org = operator) => profilePath(dir, org),
    close: async () => { if (started) await networkStop(dir) }
  }
}

function checked (status: NetworkStatus, { chaincode, orgs, channel }: EnsureOptions): NetworkStatus {
  const differs = [
    chaincode !== undefined && !status.chaincodes.some(({ name }) => name === chaincode.name) ? `no chaincode ${chaincode.name}` : '',
    orgs !== undefined && orgs !== status.organizations.length ? `${status.organizations.length} organizations` : '',
    channel !== undefined && channel !== status.channel ? `channel ${status.channel}` : ''
  ].filter((text) => text !== '')
  if (differs.length > 0) {
    throw new EmbeddedNetworkError({ code: 'DESCRIPTION', message: `the network of this folder has ${differs.join(', ')}` })
  }
  return status
}

/** True if the process started here is ready; false if another one is. */
async function start (dir: string, options: EnsureOptions): Promise<boolean> {
  let attempt = watch(launch(dir, options))
  let status: NetworkStatus | undefined
  await until(START_LIMIT, async () => {
    if (attempt.exitCode !== undefined && attempt.exitCode !== LOCKED) throw startError(dir)
    status = await networkStatus(dir)
    if (status !== undefined) return true
    // Whoever held the folder may be about to leave it: try again until somebody runs.
    if (attempt.exitCode === LOCKED) attempt = watch(launch(dir, options))
    return false
  })
  const isOurs = status?.pid === attempt.child.pid
  if (!isOurs) attempt.child.kill() // late, and must not take the folder after all
  if (status === undefined) throw startError(dir)
  return isOurs
}

function watch (child: ChildProcess): { readonly child: ChildProcess, exitCode?: number } {
  const watched: { readonly child: ChildProcess, exitCode?: number } = { child }
  child.once('exit', (code) => { watched.exitCode = code ?? 1 })
  child.once('error', () => { watched.exitCode = 1 })
  return watched
}

function launch (dir: string, options: EnsureOptions): ChildProcess {
  const log = openSync(join(dir, LOG), 'a', 0o600)
  const { orgs, channel, chaincode, withParent = false } = options
  const args = [
    fileURLToPath(new URL('./main.js', import.meta.url)), '--dir', dir,
    ...(orgs === undefined ? [] : ['--orgs', String(orgs)]),
    ...(channel === undefined ? [] : ['--channel', channel]),
    ...(chaincode === undefined ? [] : ['--chaincode', `${chaincode.name}=${resolve(chaincode.folder)}`]),
    ...(withParent ? ['--with-parent'] : [])
  ]
  // The child sees the end of this pipe when this process goes, however it goes.
  const child = spawn(process.execPath, args, { detached: true, stdio: [withParent ? 'pipe' : 'ignore', 'ignore', log] })
  closeSync(log)
  child.unref()
  if (child.stdin instanceof Socket) child.stdin.unref()
  return child
}

function startError (dir: string): EmbeddedNetworkError {
  const lines = (readIfPresent(join(dir, LOG)) ?? '').trimEnd().split('\n').slice(-LAST_LINES)
  return new EmbeddedNetworkError({ code: 'START_FAILED', message: `the network did not start; its log ends with:\n${lines.join('\n')}` })
}

/** Undefined: nobody answers there, or somebody else does. */
async function call (runtime: Runtime, method: string, path: string): Promise<NetworkStatus | undefined> {
  let response: Response
  try {
    response = await fetch(`http://127.0.0.1:${runtime.port}${path}`, {
      method,
      headers: { authorization: `Bearer ${runtime.token}`, connection: 'close' },
      signal: AbortSignal.timeout(method === 'GET' ? STATUS_LIMIT : STOP_LIMIT)
    })
  } catch {
    return undefined
  }
  if (response.status === 401) return undefined
  const body = await response.json() as NetworkStatus & { error?: string }
  if (!response.ok) throw new EmbeddedNetworkError({ code: 'CONTROL', message: body.error ?? `status ${response.status}` })
  return body
}

async function until (limit: number, condition: () => Promise<boolean>): Promise<boolean> {
  for (const deadline = Date.now() + limit; Date.now() < deadline;) {
    if (await condition()) return true
    await new Promise<void>((resolve) => { setTimeout(resolve, POLL) })
  }
  return false
}

function isGone (pid: number): boolean {
  try {
    process.kill(pid, 0)
  } catch {
    return true
  }
  // Dead, but not yet reaped by a parent that may never do it (Linux).
  return readIfPresent(`/proc/${pid}/stat`)?.includes(') Z ') ?? false
}
