/**
 * Configuration updates on their way to an orderer: signed by administrators, wrapped for whoever sends them.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { concat } from '../../src/core/bytes.js'
import { channelHeader } from '../embedded/genesis/config-group.js'
import { timestamp } from '../embedded/proto.js'
import { common, configtx } from './proto.js'

/** Whoever signs: an identity as Fabric serializes it, and its key. */
export interface UpdateSigner {
  readonly serialized: Uint8Array
  sign (message: Uint8Array): Uint8Array
}

/** The CONFIG_UPDATE envelope of an update and its signatures. Its sender may be given; `peer channel update` puts its own in any case. */
export function updateEnvelope (
  channel: string, update: Uint8Array, signatures: readonly configtx.ConfigSignature[], sender?: UpdateSigner
): Uint8Array {
  const content = new configtx.ConfigUpdateEnvelope()
  content.setConfigUpdate(update)
  content.setSignaturesList([...signatures])
  return signedEnvelope(channel, common.HeaderType.CONFIG_UPDATE, content.serializeBinary(), sender)
}

/** An envelope of the channel, signed if there is a sender. */
export function signedEnvelope (channel: string, type: number, data: Uint8Array, sender: UpdateSigner | undefined): Uint8Array {
  const signatureHeader = new common.SignatureHeader()
  if (sender !== undefined) {
    signatureHeader.setCreator(sender.serialized)
    signatureHeader.setNonce(new Uint8Array(randomBytes(24)))
  }
  const headers = new common.Header()
  headers.setChannelHeader(channelHeader(type, channel, '', timestamp.Timestamp.fromDate(new Date())).serializeBinary())
  headers.setSignatureHeader(signatureHeader.serializeBinary())
  const payload = new common.Payload()
  payload.setHeader(headers)
  payload.setData(data)
  const bytes = payload.serializeBinary()
  const envelope = new common.Envelope()
  envelope.setPayload(bytes)
  if (sender !== undefined) envelope.setSignature(sender.sign(bytes))
  return envelope.serializeBinary()
}

/** An administrator's signature over an update. */
export function signUpdate (signer: UpdateSigner, update: Uint8Array): configtx.ConfigSignature {
  const header = new common.SignatureHeader()
  header.setCreator(signer.serialized)
  header.setNonce(new Uint8Array(randomBytes(24)))
  const bytes = header.serializeBinary()
  const signature = new configtx.ConfigSignature()
  signature.setSignatureHeader(bytes)
  signature.setSignature(signer.sign(concat(bytes, update)))
  return signature
}
