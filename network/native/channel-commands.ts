/**
 * What the members of a channel decide together: who belongs to it, who orders by which key, whose root counts, how blocks are cut. Each
 * is a configuration update signed by the administrators whose keys are in this folder; a crash half-way is completed by `up`
 * or by the same command again.
 * @module
 */
import { type Environment, findBinaries } from './binaries.js'
import { bringUp, prepareFiles, reloaded, untilCaughtUp, untilReady } from './bring-up.js'
import { setBatchTimeout } from './channel-update.js'
import { describeOrganization } from './description.js'
import { NativeNetworkError } from './errors.js'
import { layoutOf } from './layout.js'
import { withLock } from './lock.js'
import { type Log, type Network, networkOf } from './network.js'
import { assignPorts } from './ports.js'
import { dropOldRoot as drop, renewRoot as renew } from './renewal.js'
import { finishRotation, prepareRotation } from './rotation.js'
import { type NetworkState, organization, type PlacedOrg, placedOrgs, requireState, writeState } from './state.js'

/** Which network a command is for. */
export interface ChannelOptions {
  /** The network's data folder. */
  readonly dir: string
  readonly env?: Environment
  readonly log?: Log
}

const quiet: Log = () => {}

async function withNetwork (options: ChannelOptions, work: (network: Network) => Promise<void>): Promise<void> {
  const layout = layoutOf(options.dir)
  const binaries = findBinaries(options.env)
  await withLock(layout, async () => {
    const network = networkOf(binaries, layout, requireState(layout), options.log ?? quiet)
    await work(network)
    await untilReady(reloaded(network, requireState(layout)))
  })
}

/**
 * Lets another organization join: its keys, its peer and certificate authority, and an orderer if that is asked for; admitted by the
 * members, with the contract installed and approved. Resolves when an anchor would succeed by its peer as well.
 */
export async function addOrganization (options: ChannelOptions & {
  readonly name: string
  /** Whether it takes part in ordering, default false. */
  readonly orderer?: boolean
}): Promise<void> {
  await withNetwork(options, async ({ binaries, layout, state, log }) => {
    const described = await withOrganization(state, options.name, options.orderer ?? false)
    writeState(layout, described)
    const prepared = await prepareFiles(layout, described, undefined)
    await bringUp(networkOf(binaries, layout, prepared, log))
  })
}

/** The state with one organization more; as it is when that was begun before. */
async function withOrganization (state: NetworkState, name: string, orderer: boolean): Promise<NetworkState> {
  const { consortium, ports, chaincode } = state
  const present = consortium.organizations.find((org) => org.name === name)
  if (present?.joined !== undefined && (present.joined.consenter !== undefined) === orderer) return state
  const org = describeOrganization(name, consortium.organizations)
  const taken = new Set(Object.values(ports).flatMap((own) => Object.values(own)))
  const consenter = 1 + Math.max(...placedOrgs(state).map((one) => one.consenter ?? 0))
  const joining = { ...org, joined: orderer ? { consenter } : {} }
  return {
    ...state,
    consortium: { ...consortium, organizations: [...consortium.organizations, joining] },
    ports: { ...ports, [name]: await assignPorts(org, taken) },
    ...(chaincode === undefined ? {} : { chaincode: { ...chaincode, deployed: false } })
  }
}

/** Replaces the key and certificates of an organization's orderer. The old key signs nothing from the block of that change on. */
export async function rotateOrderer (options: ChannelOptions & { readonly org: string }): Promise<void> {
  await withNetwork(options, async (network) => {
    const org = organization(network.orgs, options.org)
    if (org.consenter === undefined) throw new NativeNetworkError({ code: 'UNKNOWN_NODE', message: `${org.name} runs no orderer` })
    await prepareRotation(network.layout, org)
    await finishRotation(network, org)
    await untilCaughtUp(network, org)
  })
}

/** Gives an organization a new root for its peer and clients, beside the old one, which counts until `dropOldRoot`. */
export async function renewRoot (options: ChannelOptions & { readonly org: string }): Promise<void> {
  await onOrganization(options, renew)
}

/** Drops an organization's old root: whoever was not enrolled anew is locked out. */
export async function dropOldRoot (options: ChannelOptions & { readonly org: string }): Promise<void> {
  await onOrganization(options, drop)
}

/** Changes how long orderers wait for more transactions before they cut a block, e.g. `20ms`. */
export async function changeBatchTimeout (options: ChannelOptions & { readonly timeout: string }): Promise<void> {
  await withNetwork(options, async (network) => { await setBatchTimeout(network, options.timeout) })
}

async function onOrganization (
  options: ChannelOptions & { readonly org: string }, work: (network: Network, org: PlacedOrg) => Promise<void>
): Promise<void> {
  await withNetwork(options, async (network) => { await work(network, organization(network.orgs, options.org)) })
}
