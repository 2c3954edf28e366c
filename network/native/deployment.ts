/**
 * The chaincode's lifecycle: each organization installs and approves the package, then the definition is committed once.
 * @module
 */
import {
  approve, commit, committed, type Definition, hasApproved, installedPackages, installPackage
} from './administration.js'
import { packageFile } from './chaincode-package.js'
import { NativeNetworkError } from './errors.js'
import type { Network } from './network.js'
import { nodeName } from './nodes.js'
import { runningProcess } from './processes.js'
import { operatorOf, type PlacedOrg, writeState } from './state.js'

/** Installs the package in use on the peers of these organizations. */
export async function installPackages (network: Network, orgs: readonly PlacedOrg[]): Promise<void> {
  const { chaincode } = network.state
  if (chaincode === undefined) return
  await Promise.all(orgs.map(async (org) => {
    if ((await installedPackages(network, org)).includes(chaincode.packageId)) return
    network.log(`installing ${chaincode.packageId.slice(0, 24)} on ${org.name}.peer`)
    await installPackage(network, org, packageFile(network.layout, chaincode))
  }))
}

/**
 * Lets these organizations approve the definition, and commits it if it is not yet. Once all organizations took part that is noted
 * in the state; until then `up` goes on with it.
 */
export async function deploy (network: Network, orgs: readonly PlacedOrg[]): Promise<void> {
  const { chaincode, consortium } = network.state
  if (chaincode === undefined) return
  const { channel, chaincode: { name } } = consortium
  const definition: Definition = { channel, name, version: chaincode.version, sequence: chaincode.sequence }
  const orderer = anOrderer(network)
  await Promise.all(orgs.map(async (org) => {
    if (await hasApproved(network, org, definition)) return
    network.log(`approving ${name} ${definition.version} for ${org.name}`)
    await approve(network, org, definition, { packageId: chaincode.packageId, orderer })
  }))
  const actor = orgs.find((org) => org === operatorOf(network.orgs)) ?? orgs[0]
  if (actor === undefined) throw new NativeNetworkError({ code: 'NOT_READY', message: 'no peer runs' })
  const present = await committed(network, actor, channel, name)
  if (present === undefined || present.sequence < definition.sequence) {
    network.log(`committing ${name} ${definition.version}`)
    await commit(network, actor, definition, { endorsers: orgs, orderer })
  }
  if (orgs.length === network.orgs.length) writeState(network.layout, { ...network.state, chaincode: { ...chaincode, deployed: true } })
}

/** Any orderer that runs takes transactions: it hands them to the leader. */
export function anOrderer (network: Network): PlacedOrg {
  const org = network.orgs.find(({ name }) => runningProcess(network.layout, nodeName(name, 'orderer')) !== undefined)
  if (org === undefined) throw new NativeNetworkError({ code: 'NOT_READY', message: 'no orderer runs' })
  return org
}
