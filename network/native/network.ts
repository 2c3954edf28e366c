/**
 * One network with everything that its commands need.
 * @module
 */
import type { Binaries } from './binaries.js'
import type { Layout } from './layout.js'
import { nodeName, type NodeContext, NODE_KINDS, type NodeKind } from './nodes.js'
import { NativeNetworkError } from './errors.js'
import { type NetworkState, type PlacedOrg, placedOrgs } from './state.js'

/** Told what is being done, for people. */
export type Log = (message: string) => void

/** A network that was made, and the programs to run it. */
export interface Network {
  readonly binaries: Binaries
  readonly layout: Layout
  readonly state: NetworkState
  readonly orgs: readonly PlacedOrg[]
  readonly log: Log
}

/** A node of a network. */
export interface NodeRef {
  readonly name: string
  readonly kind: NodeKind
  readonly org: PlacedOrg
}

/** Puts a network together from its state. */
export function networkOf (binaries: Binaries, layout: Layout, state: NetworkState, log: Log): Network {
  return { binaries, layout, state, orgs: placedOrgs(state), log }
}

/** What nodes.ts needs of a network. */
export function nodeContext (network: Network, org: PlacedOrg): NodeContext {
  return {
    org,
    folder: network.layout.org(org.name).folder,
    binaries: network.binaries,
    builder: network.layout.builder,
    chaincode: network.state.chaincode
  }
}

/** All nodes of some organizations; a network without a chaincode has no chaincode processes, and not everybody runs an orderer. */
export function nodesOf (state: NetworkState, orgs: readonly PlacedOrg[], kinds: readonly NodeKind[] = NODE_KINDS): NodeRef[] {
  return orgs.flatMap((org) => kinds
    .filter((kind) => kind !== 'chaincode' || state.chaincode !== undefined)
    .filter((kind) => kind !== 'orderer' || org.consenter !== undefined)
    .map((kind) => ({ name: nodeName(org.name, kind), kind, org })))
}

/**
 * The nodes that a name means: `court` for all of an organization, `court.peer` for one.
 * @throws NativeNetworkError UNKNOWN_NODE
 */
export function selectNodes (state: NetworkState, names: readonly string[]): NodeRef[] {
  const all = nodesOf(state, placedOrgs(state))
  return names.flatMap((name) => {
    const found = all.filter((node) => node.name === name || node.org.name === name)
    if (found.length === 0) {
      const known = all.map((node) => node.name).join(', ')
      throw new NativeNetworkError({ code: 'UNKNOWN_NODE', message: `there is no node ${name}; there are ${known}` })
    }
    return found
  })
}
