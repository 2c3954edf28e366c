/**
 * A network of Fabric's official programs on this machine: made from one description, brought up, watched, stopped and cleared.
 * Its nodes are processes of their own that outlive the command; everything about them is in one data folder.
 * @module
 */
import { readFileSync, rmSync } from 'node:fs'
import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { checkVersions, type Environment, findBinaries } from './binaries.js'
import { type CaIdentity, openRegistrar } from './ca-registrar.js'
import { setRevocationList } from './channel-update.js'
import { bringUp, prepareFiles, reloaded, untilReady } from './bring-up.js'
import { readConsortium } from './description.js'
import { layoutOf } from './layout.js'
import { withLock } from './lock.js'
import { type Log, networkOf, type Network, selectNodes } from './network.js'
import { knownProcesses, type StopOptions, stopProcess } from './processes.js'
import { startNodes } from './run-nodes.js'
import { ensureState, operatorOf, organization, placedOrgs, requireState } from './state.js'

export { networkStatus, type NativeStatus, type NodeStatus } from './status.js'
export { addOrganization, changeBatchTimeout, type ChannelOptions, dropOldRoot, renewRoot, rotateOrderer } from './channel-commands.js'
export { makeBundle, type BundleOptions, type BundleResult } from './bundle.js'
export { upgradeChaincode, type UpgradeOptions } from './upgrade.js'
export { NativeNetworkError, type NativeNetworkErrorCode } from './errors.js'
export { checkVersions, findBinaries } from './binaries.js'

/** How to bring a network up. */
export interface UpOptions {
  /** The network's data folder. */
  readonly dir: string
  /** Path of the description; needed for the first time only, default the repository's own. */
  readonly description?: string
  /** Folder of the built chaincode (it depends on fabric-shim); without one the network has no chaincode. */
  readonly chaincode?: string
  readonly env?: Environment
  readonly log?: Log
}

/** A network that is up. */
export interface UpResult {
  /** Nodes that were started now. */
  readonly started: readonly string[]
  readonly warnings: readonly string[]
  /** Connection profile of the organization that runs the service. */
  readonly profile: string
  /** Facts for the trust bundle. */
  readonly facts: string
}

const quiet: Log = () => {}

/** The description that comes with the project. */
export function defaultDescription (): string {
  return fileURLToPath(new URL('../../../network/consortium.yaml', import.meta.url))
}

/**
 * Brings a network up, and returns when an anchor would succeed. Makes what is missing, starts what does not run, and repairs
 * what a crash left half-way; on a network that is up it only checks.
 * @throws NativeNetworkError
 */
export async function networkUp (options: UpOptions): Promise<UpResult> {
  const log = options.log ?? quiet
  const layout = layoutOf(options.dir)
  const binaries = findBinaries(options.env)
  const { warnings } = await checkVersions(binaries)
  return await withLock(layout, async () => {
    const described = await ensureState(layout, () => readConsortium(options.description ?? defaultDescription()))
    const state = await prepareFiles(layout, described, options.chaincode === undefined ? undefined : resolve(options.chaincode))
    const network = networkOf(binaries, layout, state, log)
    const started = await bringUp(network)
    await untilReady(reloaded(network, requireState(layout)))
    const operator = operatorOf(network.orgs)
    return { started, warnings, profile: layout.profile(operator.name), facts: layout.facts }
  })
}

/** Stops every node that was started for this folder, and nothing else. Returns the names of those that ran. */
export async function networkDown (dir: string, options: StopOptions = {}): Promise<string[]> {
  const layout = layoutOf(dir)
  requireState(layout)
  return await withLock(layout, async () => await stopAll(dir, options))
}

async function stopAll (dir: string, options: StopOptions): Promise<string[]> {
  const layout = layoutOf(dir)
  const stopped = await Promise.all(knownProcesses(layout).map(async (name) => await stopProcess(layout, name, options) ? [name] : []))
  return stopped.flat()
}

/** Stops every node and deletes the network, with its keys and its ledger. Nothing else that lies in the folder is touched. */
export async function networkReset (dir: string): Promise<void> {
  const layout = layoutOf(dir)
  await withLock(layout, async () => {
    await stopAll(dir, { kill: true })
    const own = ['orgs', 'channel', 'builder', 'profiles', 'run', 'logs', 'network-facts.json', 'network.json']
    for (const name of own) rmSync(`${layout.folder}/${name}`, { recursive: true, force: true })
  })
}

/** Stops nodes: `court` means all of an organization, `court.peer` one node. Returns the names of those that ran. */
export async function stopNodes (dir: string, names: readonly string[], options: StopOptions = {}): Promise<string[]> {
  const layout = layoutOf(dir)
  const nodes = selectNodes(requireState(layout), names)
  return await withLock(layout, async () => {
    const stopped = await Promise.all(nodes.map(async ({ name }) => await stopProcess(layout, name, options) ? [name] : []))
    return stopped.flat()
  })
}

/** Starts stopped nodes again, and returns once they answer. */
export async function restartNodes (dir: string, names: readonly string[], env?: Environment): Promise<string[]> {
  const network = openNetwork(dir, env)
  const nodes = selectNodes(network.state, names)
  return await withLock(network.layout, async () => await startNodes(network, nodes))
}

/** The identities that an organization's certificate authority knows. */
export async function listIdentities (dir: string, org: string): Promise<CaIdentity[]> {
  const layout = layoutOf(dir)
  return await (await openRegistrar(layout, organization(placedOrgs(requireState(layout)), org))).identities()
}

/**
 * Revokes an identity at its organization's certificate authority and puts the revocation list into the channel's configuration:
 * from that block on, nothing that it signs is accepted.
 */
export async function revokeIdentity (dir: string, org: string, id: string, env?: Environment): Promise<void> {
  const network = openNetwork(dir, env)
  const owner = organization(network.orgs, org)
  await withLock(network.layout, async () => {
    const crl = await (await openRegistrar(network.layout, owner)).revoke(id)
    await setRevocationList(network, owner, crl)
  })
}

/** Waits until an anchor would succeed by every peer. */
export async function waitUntilReady (dir: string, env?: Environment): Promise<void> {
  await untilReady(openNetwork(dir, env))
}

/** Path of an organization's connection profile, default the one of the organization that runs the service. */
export function profilePath (dir: string, org?: string): string {
  const layout = layoutOf(dir)
  return layout.profile(org ?? operatorOf(placedOrgs(requireState(layout))).name)
}

/** The log of a node. @throws NativeNetworkError UNKNOWN_NODE */
export function nodeLog (dir: string, name: string): string {
  const layout = layoutOf(dir)
  const nodes = selectNodes(requireState(layout), [name])
  return nodes.map((node) => readFileSync(layout.log(node.name), 'utf8')).join('')
}

function openNetwork (dir: string, env?: Environment, log: Log = quiet): Network {
  const layout = layoutOf(dir)
  return networkOf(findBinaries(env), layout, requireState(layout), log)
}
