/**
 * From a description to a network on which an anchor would succeed. Each step looks whether it was done and does what is missing, so
 * that the same code brings a new network up, starts a stopped one and repairs what a crash left half-way.
 * @module
 */
import { setTimeout as delay } from 'node:timers/promises'
import {
  approvals, approve, commit, committed, type Definition, installedPackages, installPackage, joinOrderer, joinPeer,
  ordererJoined, peerChannels
} from './administration.js'
import { createPackage, ensureBuilder, packageFile } from './chaincode-package.js'
import { NativeNetworkError } from './errors.js'
import { ensureGenesis } from './genesis.js'
import { ensureKeys } from './keys.js'
import type { Layout } from './layout.js'
import { type Network, networkOf, nodesOf } from './network.js'
import { probeEndorsement } from './probe.js'
import { writeProfiles } from './profiles.js'
import { reportOf, startNodes } from './run-nodes.js'
import { type NetworkState, operatorOf, placedOrgs, writeState } from './state.js'

const READY_TIMEOUT = 60_000
const POLL = 250

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
  await Promise.all([joinOrderers(network), joinPeers(network)])
  if (state.chaincode === undefined) return started
  const deployed = state.chaincode.deployed === true
  const [processes] = await Promise.all([
    startNodes(network, nodesOf(state, orgs, ['chaincode'])),
    deployed ? undefined : installEverywhere(network)
  ])
  if (!deployed) await deploy(network)
  return [...started, ...processes]
}

async function joinOrderers (network: Network): Promise<void> {
  const { channel } = network.state.consortium
  await Promise.all(network.orgs.map(async (org) => {
    const { height } = await reportOf(network, { name: '', kind: 'orderer', org })
    if (height !== undefined || await ordererJoined(network, org, channel)) return
    network.log(`joining ${org.name}.orderer`)
    await joinOrderer(network, org, channel)
  }))
}

async function joinPeers (network: Network): Promise<void> {
  const { channel } = network.state.consortium
  await Promise.all(network.orgs.map(async (org) => {
    const { height } = await reportOf(network, { name: '', kind: 'peer', org })
    if (height !== undefined || (await peerChannels(network, org)).includes(channel)) return
    network.log(`joining ${org.name}.peer`)
    await joinPeer(network, org)
  }))
}

async function installEverywhere (network: Network): Promise<void> {
  const { chaincode } = network.state
  if (chaincode === undefined) return
  await Promise.all(network.orgs.map(async (org) => {
    if ((await installedPackages(network, org)).includes(chaincode.packageId)) return
    network.log(`installing ${chaincode.packageId.slice(0, 24)} on ${org.name}.peer`)
    await installPackage(network, org, packageFile(network.layout, chaincode))
  }))
}

/** Lets every organization approve the definition and commits it; notes in the state that this is done. */
export async function deploy (network: Network): Promise<void> {
  const { chaincode, consortium } = network.state
  if (chaincode === undefined) return
  const operator = operatorOf(network.orgs)
  const definition: Definition = {
    channel: consortium.channel, name: consortium.chaincode.name, version: chaincode.version, sequence: chaincode.sequence
  }
  await untilOrdering(network)
  const present = await committed(network, operator, consortium.channel, definition.name)
  if (present === undefined || present.sequence < definition.sequence) {
    const approved = await approvals(network, operator, definition)
    await Promise.all(network.orgs.filter((org) => approved[org.mspId] !== true).map(async (org) => {
      network.log(`approving ${definition.name} ${definition.version} for ${org.name}`)
      await approve(network, org, definition, chaincode)
    }))
    network.log(`committing ${definition.name} ${definition.version}`)
    await commit(network, operator, definition, network.orgs)
  }
  writeState(network.layout, { ...network.state, chaincode: { ...chaincode, deployed: true } })
}

/** Waits until the orderers follow a leader. */
async function untilOrdering (network: Network): Promise<void> {
  await until('the orderers have no leader', async () => {
    const reports = await Promise.all(network.orgs.map(async (org) => await reportOf(network, { name: '', kind: 'orderer', org })))
    if (reports.filter(({ leader }) => leader !== undefined).length < network.orgs.length) throw new Error('no leader yet')
  })
}

/** Waits until every peer would get an anchor endorsed, and the orderers have a leader. */
export async function untilReady (network: Network): Promise<void> {
  const { channel, chaincode } = network.state.consortium
  network.log('waiting until the peers find an endorsing majority')
  await untilOrdering(network)
  if (network.state.chaincode === undefined) return
  await Promise.all(network.orgs.map(async (org) => {
    await until(`${org.name}.peer finds no endorsing majority`, async () => {
      await probeEndorsement(network.layout, org, { channel, chaincode: chaincode.name })
    })
  }))
}

async function until (complaint: string, attempt: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT
  for (;;) {
    try {
      await attempt()
      return
    } catch (cause) {
      if (Date.now() > deadline) throw new NativeNetworkError({ code: 'NOT_READY', message: `${complaint}: ${String(cause)}`, cause })
      await delay(POLL)
    }
  }
}

/** Puts a network together anew after its state was written. */
export function reloaded (network: Network, state: NetworkState): Network {
  return networkOf(network.binaries, network.layout, state, network.log)
}
