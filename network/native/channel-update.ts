/**
 * Changing the channel's configuration: fetched from an orderer, signed by the administrators, sent to be ordered.
 * @module
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ChannelConfig, parseConfigBlock } from '../../src/core/fabric/config.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { signingIdentity } from '../embedded/crypto/sign.js'
import * as edits from '../shared/config-edits.js'
import { configUpdate } from '../shared/config-update.js'
import type { configtx, mspConfig } from '../shared/proto.js'
import { signUpdate, updateEnvelope } from '../shared/update-envelope.js'
import { fetchConfigBlock, sendUpdate } from './administration.js'
import { anOrderer } from './deployment.js'
import type { Network } from './network.js'
import { operatorOf, type PlacedOrg } from './state.js'
import { until } from './until.js'

/**
 * Applies `change` to a copy of the channel's current configuration and has it committed, signed by the administrators of all
 * organizations whose keys are in this folder: those of the peers and those of the orderers.
 */
export async function updateChannel (network: Network, change: (channel: configtx.ConfigGroup) => void): Promise<void> {
  const { channel } = network.state.consortium
  const actor = operatorOf(network.orgs)
  await withConfigBlock(network, async (file, fetch) => {
    const before = readConfig(file)
    const update = configUpdate(channel, before.channelGroup, change).serializeBinary()
    const envelope = updateEnvelope(channel, update, network.orgs.flatMap((org) => signatures(network, before, org, update)))
    const sent = `${file}.update`
    writeFileSync(sent, envelope, { mode: 0o600 })
    await sendUpdate(network, actor, { channel, orderer: anOrderer(network), file: sent })
    await until('the new configuration is not committed', async () => {
      await fetch()
      if (readConfig(file).sequence <= before.sequence) throw new Error('not yet')
    })
  })
}

/** Fetches the channel's current configuration block into a file of its own for as long as `work` needs it. */
export async function withConfigBlock<T> (network: Network, work: (file: string, fetch: () => Promise<void>) => Promise<T>): Promise<T> {
  const { channel } = network.state.consortium
  const folder = mkdtempSync(join(tmpdir(), 'steelyard-update-'))
  const file = join(folder, 'config.block')
  const fetch = async (): Promise<void> => {
    await fetchConfigBlock(network, operatorOf(network.orgs), { channel, orderer: anOrderer(network), file })
  }
  try {
    await fetch()
    return await work(file, fetch)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The channel's configuration as it is now. */
export async function currentConfig (network: Network): Promise<ChannelConfig> {
  return await withConfigBlock(network, (file) => Promise.resolve(readConfig(file)))
}

function readConfig (file: string): ChannelConfig {
  return parseConfigBlock(nodeCrypto, new Uint8Array(readFileSync(file)))
}

/** Puts a revocation list into an organization's MSP, instead of the one that it has. From then on its certificates count for nothing. */
export async function setRevocationList (network: Network, org: PlacedOrg, crl: Uint8Array): Promise<void> {
  await changeMsp(network, org, (msp) => { msp.setRevocationListList([crl]) })
}

/** Changes the MSP of an organization's peer and clients in the channel's configuration. */
export async function changeMsp (network: Network, org: PlacedOrg, change: (msp: mspConfig.FabricMSPConfig) => void): Promise<void> {
  await updateChannel(network, (channel) => { edits.changeMsp(channel, org.mspId, change) })
}

/** Sets how long an orderer waits for more transactions before it cuts a block; as Go writes durations. */
export async function setBatchTimeout (network: Network, timeout: string): Promise<void> {
  await updateChannel(network, (channel) => { edits.setBatchTimeout(channel, timeout) })
}

/** By the administrators of those that are members already. */
function signatures (
  network: Network, { applicationMsps, ordererMsps }: ChannelConfig, org: PlacedOrg, update: Uint8Array
): configtx.ConfigSignature[] {
  const { admin, ordererAdmin } = network.layout.org(org.name)
  return [
    ...(applicationMsps.has(org.mspId) ? [sign(join(admin, 'msp'), org.mspId, update)] : []),
    ...(ordererMsps.has(org.ordererMspId) ? [sign(join(ordererAdmin, 'msp'), org.ordererMspId, update)] : [])
  ]
}

function sign (msp: string, mspId: string, update: Uint8Array): configtx.ConfigSignature {
  const certificate = readFileSync(join(msp, 'signcerts', 'cert.pem'), 'utf8')
  return signUpdate(signingIdentity(mspId, certificate, readFileSync(join(msp, 'keystore', 'key.pem'), 'utf8')), update)
}
