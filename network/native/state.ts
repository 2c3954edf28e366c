/**
 * What a network decided once and must not change by itself: its description, ports, and which chaincode packages it uses.
 * Owns network.json.
 * @module
 */
import { readIfPresent, writePrivate } from '../embedded/files.js'
import { type Consortium, type ConsortiumOrg } from './description.js'
import { NativeNetworkError } from './errors.js'
import type { Layout } from './layout.js'
import { assignPorts, type Ports } from './ports.js'

/** The chaincode package in use. */
export interface PackageState {
  readonly version: string
  readonly sequence: number
  /** Fabric's id of the package: label and digest. */
  readonly packageId: string
  /** Folder of the chaincode's code, which the chaincode processes run. */
  readonly folder: string
  /** Every organization installed and approved it, and its definition is committed. */
  readonly deployed?: boolean
  /** SHA-256 over the code, as noted in the package. */
  readonly digest: string
}

/** The content of network.json. */
export interface NetworkState {
  readonly format: 1
  readonly consortium: Consortium
  readonly ports: Readonly<Record<string, Ports>>
  readonly chaincode?: PackageState
  /** The one organization whose keys are in this folder, where each has a machine of its own: see bundle.ts. */
  readonly site?: string
}

/** The state of a folder, or undefined if no network was made in it. */
export function readState (layout: Layout): NetworkState | undefined {
  const text = readIfPresent(layout.state)
  if (text === undefined) return undefined
  try {
    const state = JSON.parse(text) as Omit<NetworkState, 'format'> & { format: number }
    if (state.format !== 1) throw new Error('unknown format')
    return { ...state, format: 1 }
  } catch (cause) {
    throw new NativeNetworkError({ code: 'FOLDER_DAMAGED', message: `${layout.state} cannot be read`, cause })
  }
}

/** The state of a folder. @throws NativeNetworkError NO_NETWORK */
export function requireState (layout: Layout): NetworkState {
  const state = readState(layout)
  if (state === undefined) throw new NativeNetworkError({ code: 'NO_NETWORK', message: `there is no network in ${layout.folder}` })
  return state
}

/** Stores the state; a crash leaves the old or the new one. */
export function writeState (layout: Layout, state: NetworkState): void {
  writePrivate(layout.state, `${JSON.stringify(state, null, 2)}\n`)
}

/** The state of a folder, made from the description on the first call. */
export async function ensureState (layout: Layout, consortium: () => Consortium): Promise<NetworkState> {
  const present = readState(layout)
  if (present?.site !== undefined) {
    throw new NativeNetworkError({ code: 'FOLDER_DAMAGED', message: `${layout.folder} is the part of ${present.site}: its bundle says how its nodes are started` })
  }
  if (present !== undefined) return present
  const described = consortium()
  const taken = new Set<number>(described.organizations.flatMap((org) => Object.values(org.ports)))
  const ports: Record<string, Ports> = {}
  for (const org of described.organizations) ports[org.name] = await assignPorts(org, taken)
  const state: NetworkState = { format: 1, consortium: described, ports }
  writeState(layout, state)
  return state
}

/** An organization with its assigned ports. */
export interface PlacedOrg extends ConsortiumOrg {
  readonly ports: Ports
  /** The number of its orderer in the consenter mapping; undefined when it runs none. */
  readonly consenter: number | undefined
}

/** The organizations in the order of the description, with their ports. */
export function placedOrgs (state: NetworkState): PlacedOrg[] {
  return state.consortium.organizations.map((org, i) => {
    const ports = state.ports[org.name]
    if (ports === undefined) throw new NativeNetworkError({ code: 'FOLDER_DAMAGED', message: `no ports are assigned to ${org.name}` })
    return { ...org, ports, consenter: org.joined === undefined ? i + 1 : org.joined.consenter }
  })
}

/** Those that the channel was made with: every one runs an orderer. */
export function founders (orgs: readonly PlacedOrg[]): PlacedOrg[] {
  return orgs.filter(({ joined }) => joined === undefined)
}

/** The organization of a name. @throws NativeNetworkError UNKNOWN_NODE */
export function organization (orgs: readonly PlacedOrg[], name: string): PlacedOrg {
  const found = orgs.find((org) => org.name === name)
  if (found === undefined) throw new NativeNetworkError({ code: 'UNKNOWN_NODE', message: `there is no organization ${name}` })
  return found
}

/** The organization that runs the service. */
export function operatorOf (orgs: readonly PlacedOrg[]): PlacedOrg {
  const operator = orgs.find((org) => org.operator)
  if (operator === undefined) throw new NativeNetworkError({ code: 'FOLDER_DAMAGED', message: 'no organization is the operator' })
  return operator
}
