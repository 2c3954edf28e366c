/**
 * Changing the channel's configuration: fetched from an orderer, signed by the administrators, sent to be ordered.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type ChannelConfig, parseConfigBlock } from '../../src/core/fabric/config.js'
import { mspConfig, orderer } from '../../src/core/fabric/proto.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { serializeIdentity } from '../embedded/crypto/identity.js'
import { createSigner } from '../embedded/crypto/sign.js'
import { channelHeader } from '../embedded/genesis/config-group.js'
import { common, configtx, timestamp } from '../embedded/proto.js'
import { fetchConfigBlock, sendUpdate } from './administration.js'
import { configUpdate } from './config-update.js'
import { anOrderer } from './deployment.js'
import { NativeNetworkError } from './errors.js'
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
    const after = before.channelGroup.clone()
    change(after)
    const update = configUpdate(channel, before.channelGroup, after).serializeBinary()
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
  await updateChannel(network, (channel) => {
    const value = elementOf(elementOf(channel.getGroupsMap().get('Application'), 'Application').getGroupsMap().get(org.mspId), org.mspId)
      .getValuesMap().get('MSP')
    const outer = mspConfig.MSPConfig.deserializeBinary(elementOf(value, 'MSP').getValue_asU8())
    const inner = mspConfig.FabricMSPConfig.deserializeBinary(outer.getConfig_asU8())
    change(inner)
    outer.setConfig(inner.serializeBinary())
    elementOf(value, 'MSP').setValue(outer.serializeBinary())
  })
}

/** Sets how long an orderer waits for more transactions before it cuts a block; as Go writes durations. */
export async function setBatchTimeout (network: Network, timeout: string): Promise<void> {
  await updateChannel(network, (channel) => {
    const message = new orderer.BatchTimeout()
    message.setTimeout(timeout)
    elementOf(elementOf(channel.getGroupsMap().get('Orderer'), 'Orderer').getValuesMap().get('BatchTimeout'), 'BatchTimeout')
      .setValue(message.serializeBinary())
  })
}

/** An element that the channel's configuration must have. */
export function elementOf<T> (found: T | undefined, name: string): T {
  if (found === undefined) throw new NativeNetworkError({ code: 'FOLDER_DAMAGED', message: `${name} is not in the channel's configuration` })
  return found
}

function updateEnvelope (channel: string, update: Uint8Array, signed: configtx.ConfigSignature[]): Uint8Array {
  const content = new configtx.ConfigUpdateEnvelope()
  content.setConfigUpdate(update)
  content.setSignaturesList(signed)
  const headers = new common.Header()
  const now = timestamp.Timestamp.fromDate(new Date())
  headers.setChannelHeader(channelHeader(common.HeaderType.CONFIG_UPDATE, channel, '', now).serializeBinary())
  headers.setSignatureHeader(new common.SignatureHeader().serializeBinary()) // the sender's own replaces it
  const payload = new common.Payload()
  payload.setHeader(headers)
  payload.setData(content.serializeBinary())
  const envelope = new common.Envelope()
  envelope.setPayload(payload.serializeBinary())
  return envelope.serializeBinary()
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
  const header = new common.SignatureHeader()
  header.setCreator(serializeIdentity(mspId, readFileSync(join(msp, 'signcerts', 'cert.pem'), 'utf8')))
  header.setNonce(new Uint8Array(randomBytes(24)))
  const bytes = header.serializeBinary()
  const signature = new configtx.ConfigSignature()
  signature.setSignatureHeader(bytes)
  signature.setSignature(createSigner(readFileSync(join(msp, 'keystore', 'key.pem'), 'utf8'))(Buffer.concat([bytes, update])))
  return signature
}
