/**
 * A whole network running in this process: ledger, services, chaincode and control API, started and stopped in order.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { join, resolve } from 'node:path'
import { type ChaincodeProcess, startChaincode } from './chaincode-process.js'
import { type NetworkStatus, startControl } from './control.js'
import { type Organization, ordererIdentity } from './crypto/organization.js'
import type { DescriptionOptions } from './description.js'
import { privateFolder } from './files.js'
import { isFree } from './free-ports.js'
import { type EmbeddedNetwork, openNetwork } from './network.js'
import { profilePath, writeProfiles } from './profile.js'
import { hasRuntime, removeRuntime, type Runtime, writeRuntime } from './runtime.js'
import { type NodeKind, type Services, startServices } from './services/start.js'

/** A chaincode to run, by name and folder. */
export interface ChaincodeSource {
  readonly name: string
  readonly folder: string
}

/** How a network is run. */
export interface RunOptions extends DescriptionOptions {
  readonly folder: string
  readonly chaincodes: readonly ChaincodeSource[]
  log (event: string, fields?: Readonly<Record<string, unknown>>): void
  /** The network cannot go on (the disk refused a block), was asked to stop by the control API, or its folder is gone. */
  onEnd (reason: 'failed' | 'stopped' | 'folder gone'): void
}

/** A running network. */
export interface RunningNetwork {
  readonly ready: { readonly ready: true, readonly pid: number, readonly channel: string, readonly profiles: Readonly<Record<string, string>> }
  stop (): Promise<void>
}

/** Every definition of this network has this version and sequence 1; upgrades are not supported. */
const VERSION = '1.0'
const WATCH_MS = 2000
const KINDS: readonly NodeKind[] = ['peer', 'orderer', 'ca']

/** Starts everything; resolves when a transaction would be endorsed and committed. */
export async function runNetwork (options: RunOptions): Promise<RunningNetwork> {
  const undo: Array<() => Promise<void>> = []
  const stop = async (): Promise<void> => {
    for (let step = undo.pop(); step !== undefined; step = undo.pop()) await step()
  }
  try {
    return await start(options, undo, stop)
  } catch (error) {
    await stop()
    throw error
  }
}

async function start (options: RunOptions, undo: Array<() => Promise<void>>, stop: () => Promise<void>): Promise<RunningNetwork> {
  const folder = privateFolder(resolve(options.folder))
  const network = await openNetwork({
    ...options,
    folder,
    onFailure: (error) => {
      options.log('ledger.failed', { message: error instanceof Error ? error.message : 'unknown' })
      options.onEnd('failed')
    }
  })
  undo.push(async () => { await network.close() })
  const children = await startChaincodes(options.chaincodes, folder)
  undo.push(async () => { await Promise.all(children.map(async (child) => { await child.stop() })) })
  for (const { name } of options.chaincodes) await network.define({ name, version: VERSION })
  const services = await listen(network, children, options)
  undo.push(async () => { await services.close() })
  network.savePorts()
  await writeProfiles(network, options.chaincodes[0]?.name)
  await Promise.all(children.map(async (child) => { await child.ready() }))
  const token = randomBytes(24).toString('base64url')
  const control = await startControl(token, {
    status: () => statusOf(network, children),
    stop: () => { options.onEnd('stopped') },
    setOrg: async (name, running) => await setOrg(network, services, name, running)
  })
  undo.push(async () => { await control.close() })
  const runtime = { pid: process.pid, port: control.port, token }
  writeRuntime(folder, runtime)
  const unwatch = watchFolder(folder, runtime, () => { options.onEnd('folder gone') })
  undo.push(async () => {
    unwatch()
    removeRuntime(folder, runtime)
    await Promise.resolve()
  })
  const profiles = Object.fromEntries(network.orgs.map(({ name }) => [name, profilePath(folder, name)]))
  return { ready: { ready: true, pid: process.pid, channel: network.description.channel, profiles }, stop }
}

/** A network without its folder can be neither found nor stopped by anybody else. */
function watchFolder (folder: string, runtime: Runtime, onGone: () => void): () => void {
  const timer = setInterval(() => {
    if (hasRuntime(folder, runtime)) return
    clearInterval(timer)
    onGone()
  }, WATCH_MS).unref()
  return () => { clearInterval(timer) }
}

async function startChaincodes (sources: readonly ChaincodeSource[], folder: string): Promise<ChaincodeProcess[]> {
  return await Promise.all(sources.map(async ({ name, folder: source }) => await startChaincode({
    name, version: VERSION, folder: resolve(source), logFile: join(folder, `chaincode-${name}.log`)
  })))
}

async function listen (network: EmbeddedNetwork, children: readonly ChaincodeProcess[], options: RunOptions): Promise<Services> {
  await Promise.all(network.orgs.map(async (org) => { await replaceTakenPorts(org, false) }))
  return await startServices(network.ledger, {
    chaincodes: children.map((child) => ({ name: child.status().name, address: () => child.address })),
    log: (event, fields) => { options.log(event, fields) }
  })
}

/** Another program may have taken a stopped node's port since: the system then assigns a new one. */
async function replaceTakenPorts (org: Organization, started: boolean): Promise<void> {
  await Promise.all(KINDS.map(async (kind) => {
    if (!(started && org.running[kind]) && !await isFree(org.ports[kind])) org.ports[kind] = 0
  }))
}

async function setOrg (network: EmbeddedNetwork, services: Services, name: string, running: boolean): Promise<boolean> {
  const org = network.orgs.find((candidate) => candidate.name === name)
  if (org === undefined) return false
  if (running) {
    org.orderer = ordererIdentity(org)
    await replaceTakenPorts(org, true)
  }
  for (const kind of KINDS) await services.setRunning(org, kind, running)
  network.ledger.resume()
  network.savePorts()
  return true
}

function statusOf (network: EmbeddedNetwork, children: readonly ChaincodeProcess[]): NetworkStatus {
  const { description, ledger, orgs } = network
  const peers = orgs.filter((org) => org.running.peer).map((org) => org.mspId)
  return {
    ready: true,
    pid: process.pid,
    kind: description.kind,
    channel: description.channel,
    height: ledger.height(),
    quorum: {
      endorsement: ledger.endorsementQuorum(peers),
      ordering: ledger.orderers().length >= ledger.config.quorum
    },
    organizations: orgs.map(({ name, mspId, running, ports }) => ({
      name, mspId, operator: name === description.operator, running: { ...running }, ports: { ...ports }
    })),
    chaincodes: children.map((child) => child.status())
  }
}
