/**
 * From a description to a network on which an anchor would succeed. Each step looks whether it was done and does what is missing, so
 * that the same code brings a new network up, starts a stopped one and repairs what a crash left half-way.
 * @module
 */
import { joinOrderer, joinPeer, ordererJoined, peerChannels } from './administration.js'
import { admitOrganizations, joinLaterOrderers } from './admission.js'
import { createPackage, ensureBuilder } from './chaincode-package.js'
import { deploy, installPackages } from './deployment.js'
import { ensureGenesis } from './genesis.js'
import { ensureKeys } from './keys.js'
import type { Layout } from './layout.js'
import { type Network, networkOf, nodesOf } from './network.js'
import { nodeName, type NodeKind } from './nodes.js'
import { probeEndorsement } from './probe.js'
import { writeProfiles } from './profiles.js'
import { runningProcess } from './processes.js'
import { finishRotation } from './rotation.js'
import { reportOf, startNodes } from './run-nodes.js'
import { founders, type NetworkState, type PlacedOrg, placedOrgs, writeState } from './state.js'
import { until } from './until.js'

/** Makes whatever is missing of the files: keys, configuration block, profiles, chaincode package. */
export async function prepareFiles (layout: Layout, state: NetworkState, chaincode: string | undefined): Promise<NetworkState> {
  await Promise.all(placedOrgs(state).map(async (org) => { await ensureKeys(layout.org(org.name).folder, org) }))
  ensureGenesis(layout, state)
  ensureBuilder(layout)
  const prepared = withChaincode(layout, state, chaincode)
  writeProfiles(layout, prepared)
  return prepared
}

function withChaincode (layout: Layout, state: NetworkState, folder: string | undefined): NetworkState {
  if (state.chaincode !== undefined || folder === undefined) return state
  const next = { ...state, chaincode: createPackage(layout, { ...state.consortium.chaincode, sequence: 1, folder }) }
  writeState(layout, next)
  return next
}

/** Starts all nodes, joins them to the channel, deploys the chaincode. Returns the names of the nodes that it started. */
export async function bringUp (network: Network): Promise<string[]> {
  const { orgs, state, log } = network
  log('starting orderers, peers and certificate authorities')
  const started = await startNodes(network, nodesOf(state, orgs, ['orderer', 'peer', 'ca']))
  const [first, later] = [founders(orgs), orgs.filter(({ joined }) => joined !== undefined)]
  await Promise.all([joinOrderers(network, first), joinPeers(network, first)])
  for (const org of first) await finishRotation(network, org)
  if (later.length > 0) {
    await untilOrdering(network, first)
    await admitOrganizations(network, later)
    await Promise.all([joinLaterOrderers(network, later), joinPeers(network, later)])
    for (const org of later) await finishRotation(network, org)
  }
  if (state.chaincode === undefined) return started
  const deployed = state.chaincode.deployed === true
  const [processes] = await Promise.all([
    startNodes(network, nodesOf(state, orgs, ['chaincode'])),
    deployed ? undefined : installPackages(network, orgs)
  ])
  if (!deployed) {
    await untilOrdering(network, orgs)
    await deploy(network, orgs)
  }
  return [...started, ...processes]
}

async function joinOrderers (network: Network, orgs: readonly PlacedOrg[]): Promise<void> {
  const { channel } = network.state.consortium
  await Promise.all(orgs.map(async (org) => {
    const { height } = await reportOf(network, { name: '', kind: 'orderer', org })
    if (height !== undefined) return
    // It is healthy before it listens to its administrator.
    await until(`${org.name}.orderer does not join`, async () => {
      if (await ordererJoined(network, org, channel)) return
      network.log(`joining ${org.name}.orderer`)
      await joinOrderer(network, org, channel)
    })
  }))
}

async function joinPeers (network: Network, orgs: readonly PlacedOrg[]): Promise<void> {
  const { channel } = network.state.consortium
  await Promise.all(orgs.map(async (org) => {
    const { height } = await reportOf(network, { name: '', kind: 'peer', org })
    if (height !== undefined || (await peerChannels(network, org)).includes(channel)) return
    network.log(`joining ${org.name}.peer`)
    await joinPeer(network, org)
  }))
}

/** Waits until an orderer that was away has the blocks of the others: only then can the next one be taken away. */
export async function untilCaughtUp (network: Network, org: PlacedOrg): Promise<void> {
  const height = async (of: PlacedOrg): Promise<number> => (await reportOf(network, { name: '', kind: 'orderer', org: of })).height ?? 0
  const highest = Math.max(...await Promise.all(running(network, 'orderer').map(height)))
  await until(`${org.name}.orderer does not catch up`, async () => {
    if (await height(org) < highest) throw new Error(`it has not reached block ${highest - 1}`)
  })
  await untilOrdering(network, [org])
}

/** Waits until the orderers of these organizations follow a leader. */
async function untilOrdering (network: Network, orgs: readonly PlacedOrg[]): Promise<void> {
  const ordering = orgs.filter(({ consenter }) => consenter !== undefined)
  await until('the orderers have no leader', async () => {
    const reports = await Promise.all(ordering.map(async (org) => await reportOf(network, { name: '', kind: 'orderer', org })))
    if (reports.some(({ leader }) => leader === undefined)) throw new Error('no leader yet')
  })
}

/** Waits until every peer that runs would get an anchor endorsed, and the orderers that run follow a leader. */
export async function untilReady (network: Network): Promise<void> {
  const { channel, chaincode } = network.state.consortium
  network.log('waiting until the peers find an endorsing majority')
  await untilOrdering(network, running(network, 'orderer'))
  if (network.state.chaincode === undefined) return
  await Promise.all(running(network, 'peer').map(async (org) => {
    await until(`${org.name}.peer finds no endorsing majority`, async () => {
      await probeEndorsement(network.layout, org, { channel, chaincode: chaincode.name })
    })
  }))
}

/** The organizations whose node of a kind runs. */
export function running (network: Network, kind: NodeKind): PlacedOrg[] {
  return network.orgs.filter((org) => runningProcess(network.layout, nodeName(org.name, kind)) !== undefined)
}

/** Puts a network together anew after its state was written. */
export function reloaded (network: Network, state: NetworkState): Network {
  return networkOf(network.binaries, network.layout, state, network.log)
}
