/**
 * Changing the channel's configuration: fetched from an orderer, signed by the administrators, sent to be ordered.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseConfigBlock } from '../../src/core/fabric/config.js'
import { mspConfig } from '../../src/core/fabric/proto.js'
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

/**
 * Applies `change` to a copy of the channel's current configuration and has it committed, signed by the administrators of all
 * organizations whose keys are in this folder: those of the peers and those of the orderers.
 */
export async function updateChannel (network: Network, change: (channel: configtx.ConfigGroup) => void): Promise<void> {
  const { channel } = network.state.consortium
  const actor = operatorOf(network.orgs)
  const orderer = anOrderer(network)
  const folder = mkdtempSync(join(tmpdir(), 'steelyard-update-'))
  try {
    const file = join(folder, 'config.block')
    await fetchConfigBlock(network, actor, { channel, orderer, file })
    const before = parseConfigBlock(nodeCrypto, new Uint8Array(readFileSync(file))).channelGroup
    const after = before.clone()
    change(after)
    const update = configUpdate(channel, before, after).serializeBinary()
    const envelope = updateEnvelope(channel, update, network.orgs.flatMap((org) => signatures(network, org, update)))
    writeFileSync(join(folder, 'update.pb'), envelope, { mode: 0o600 })
    await sendUpdate(network, actor, { channel, orderer, file: join(folder, 'update.pb') })
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Puts a revocation list into an organization's MSP, instead of the one that it has. From then on its certificates count for nothing. */
export async function setRevocationList (network: Network, org: PlacedOrg, crl: Uint8Array): Promise<void> {
  await updateChannel(network, (channel) => {
    const value = channel.getGroupsMap().get('Application')?.getGroupsMap().get(org.mspId)?.getValuesMap().get('MSP')
    if (value === undefined) {
      throw new NativeNetworkError({ code: 'FOLDER_DAMAGED', message: `${org.mspId} is not in the channel's configuration` })
    }
    const outer = mspConfig.MSPConfig.deserializeBinary(value.getValue_asU8())
    const inner = mspConfig.FabricMSPConfig.deserializeBinary(outer.getConfig_asU8())
    inner.setRevocationListList([crl])
    outer.setConfig(inner.serializeBinary())
    value.setValue(outer.serializeBinary())
  })
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

function signatures (network: Network, org: PlacedOrg, update: Uint8Array): configtx.ConfigSignature[] {
  const { admin, ordererAdmin } = network.layout.org(org.name)
  return [sign(join(admin, 'msp'), org.mspId, update), sign(join(ordererAdmin, 'msp'), org.ordererMspId, update)]
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
