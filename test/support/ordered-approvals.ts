/**
 * Networks of official binaries whose first blocks come in a fixed order: `networkUp` lets all organizations approve the contract at
 * once, so that it is chance whose approval comes first.
 * @module
 */
import { resolve } from 'node:path'
import { type AdminContext, approve, commit } from '../../network/native/administration.js'
import { findBinaries } from '../../network/native/binaries.js'
import { createPackage } from '../../network/native/chaincode-package.js'
import { networkUp } from '../../network/native/client.js'
import { installPackages } from '../../network/native/deployment.js'
import { layoutOf } from '../../network/native/layout.js'
import { type Network, networkOf } from '../../network/native/network.js'
import { operatorOf, requireState, writeState } from '../../network/native/state.js'
import { until } from '../../network/native/until.js'

/** A consortium whose channel has the approvals of the contract in blocks 1 to 4, in the order of the organizations, and its definition in block 5. */
export async function networkInOrder (
  options: { readonly dir: string, readonly description?: string, readonly chaincode: string }
): ReturnType<typeof networkUp> {
  const { chaincode: folder, ...others } = options
  const { dir } = options
  await networkUp(others)
  const layout = layoutOf(dir)
  const state = requireState(layout)
  const { channel, chaincode: { name, version } } = state.consortium
  writeState(layout, { ...state, chaincode: createPackage(layout, { name, version, sequence: 1, folder: resolve(folder) }) })
  const network = networkIn(dir)
  await installPackages(network, network.orgs)
  await defineInOrder(network, network, channel)
  return await networkUp(options)
}

/** The approvals one after the other, so that each has a block of its own, and the definition. */
export async function defineInOrder ({ state, orgs }: Network, context: AdminContext, channel: string): Promise<void> {
  const { consortium, chaincode } = state
  if (chaincode === undefined) throw new Error('no chaincode')
  const orderer = operatorOf(orgs)
  const definition = { channel, name: consortium.chaincode.name, version: chaincode.version, sequence: 1 }
  for (const org of orgs) {
    await until(`${channel} is not ordered`, async () => { await approve(context, org, definition, { packageId: chaincode.packageId, orderer }) })
  }
  await commit(context, orderer, definition, { endorsers: orgs, orderer })
}

/** What the commands of `network/native` work on: the network of a folder. */
export function networkIn (dir: string): Network {
  const layout = layoutOf(dir)
  return networkOf(findBinaries(), layout, requireState(layout), () => {})
}
