import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { ensureNetwork, hasNetwork, type NetworkStatus, networkStatus, networkStop, setOrg } from '../../../network/embedded/client.js'
import { CliError } from '../errors.js'
import { dataFolder } from '../service.js'
import type { Terminal } from '../terminal.js'

export interface NetworkOptions {
  /** The network's data folder; default: the one that `serve` uses. */
  readonly dir?: string
  readonly data?: string
}

export interface UpOptions extends NetworkOptions {
  readonly orgs?: number
  readonly channel?: string
  /** NAME=FOLDER; default: this project's contract. */
  readonly chaincode?: string
}

/** Where `serve` keeps its embedded network. */
export function networkFolder (options: NetworkOptions): string {
  return resolve(options.dir ?? process.env.STEELYARD_NETWORK_DIR ?? `${dataFolder(options.data)}/network`)
}

/** Starts the network of a folder, or finds it running; it stays when this command ends. */
export async function up (options: UpOptions, terminal: Terminal): Promise<number> {
  const dir = networkFolder(options)
  const network = await attempt(async () => await ensureNetwork({
    dir,
    mustExist: !hasNetwork(dir) && await hasLogOnLedger(dirname(dir)),
    chaincode: chaincodeOf(options.chaincode),
    ...(options.orgs !== undefined && { orgs: options.orgs }),
    ...(options.channel !== undefined && { channel: options.channel }),
    log: (event) => { terminal.note(event) }
  }))
  const profiles = network.status.organizations.map(({ name }) => network.profilePath(name))
  terminal.result(
    [network.started ? 'started' : 'already running', describe(network.status), ...profiles.map((path) => `connection profile ${path}`)].join('\n'),
    { started: network.started, ...network.status, profiles }
  )
  return 0
}

export async function down (options: NetworkOptions, terminal: Terminal): Promise<number> {
  const stopped = await attempt(async () => await networkStop(networkFolder(options)))
  terminal.result(stopped ? 'stopped' : 'no network runs on this folder', { stopped })
  return 0
}

/** Exit code 1 when none runs, so that scripts can ask. */
export async function status (options: NetworkOptions, terminal: Terminal): Promise<number> {
  const found = await attempt(async () => await networkStatus(networkFolder(options)))
  if (found === undefined) {
    terminal.result('no network runs on this folder', { running: false })
    return 1
  }
  terminal.result(describe(found), { running: true, ...found })
  return 0
}

export async function organizations (
  names: readonly string[], running: boolean, options: NetworkOptions, terminal: Terminal
): Promise<number> {
  let found: NetworkStatus | undefined
  for (const name of names) found = await attempt(async () => await setOrg(networkFolder(options), name, running))
  if (found !== undefined) terminal.result(describe(found), { running: true, ...found })
  return 0
}

/** Whether a service's log in the folder around was on its ledger: an empty one in its place would only look as if it were that. */
async function hasLogOnLedger (data: string): Promise<boolean> {
  if (!existsSync(join(data, 'db'))) return false
  const [{ openMaintenance }, { isOnLedger }] = await Promise.all([import('../../store/maintenance.js'), import('../../store/meta.js')])
  const db = await openMaintenance(data).catch(() => undefined)
  if (db === undefined) return true // in use or damaged: nobody can say
  try {
    return await isOnLedger(db)
  } finally {
    await db.close()
  }
}

function chaincodeOf (text: string | undefined): { name: string, folder: string } {
  if (text === undefined) return { name: 'steelyard', folder: fileURLToPath(new URL('../../../../chaincode', import.meta.url)) }
  const [, name, folder] = /^([A-Za-z0-9_-]+)=(.+)$/.exec(text) ?? []
  if (name === undefined || folder === undefined) throw new CliError({ code: 'USAGE', message: '--chaincode takes NAME=FOLDER' })
  return { name, folder: resolve(folder) }
}

function describe (found: NetworkStatus): string {
  const onOff = (running: boolean): string => running ? 'running' : 'stopped'
  return [
    `channel ${found.channel}, ${found.height} blocks, process ${found.pid}${found.ready ? '' : ', not ready'}`,
    `endorsing majority ${found.quorum.endorsement ? 'yes' : 'NO'}, ordering quorum ${found.quorum.ordering ? 'yes' : 'NO'}`,
    ...found.organizations.map(({ name, mspId, operator, running, ports }) =>
      `${name.padEnd(12)} ${mspId.padEnd(16)} peer ${onOff(running.peer)} (${ports.peer}), orderer ${onOff(running.orderer)} (${ports.orderer}), ` +
      `CA ${onOff(running.ca)} (${ports.ca})${operator ? ', the operator' : ''}`)
  ].join('\n')
}

async function attempt<T> (call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    if (cause instanceof CliError) throw cause
    throw new CliError({ code: 'NETWORK', message: cause instanceof Error ? cause.message : String(cause), cause })
  }
}
