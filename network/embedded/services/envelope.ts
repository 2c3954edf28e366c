import { common } from '@hyperledger/fabric-protos'

/** The signed frame around anything that goes to an orderer or asks for blocks. */
export interface SignedEnvelope {
  readonly channelId: string
  readonly txId: string
  readonly creator: Uint8Array
  /** Seconds since 1970, or undefined when the client set no time. */
  readonly seconds: number | undefined
  /** The signed bytes. */
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  /** What the payload carries. */
  readonly data: Uint8Array
}

/** @throws Error for what is not an envelope */
export function openEnvelope (envelope: common.Envelope): SignedEnvelope {
  const payload = common.Payload.deserializeBinary(envelope.getPayload_asU8())
  const header = payload.getHeader()
  if (header === undefined) throw new Error('envelope has no header')
  const channelHeader = common.ChannelHeader.deserializeBinary(header.getChannelHeader_asU8())
  const signatureHeader = common.SignatureHeader.deserializeBinary(header.getSignatureHeader_asU8())
  return {
    channelId: channelHeader.getChannelId(),
    txId: channelHeader.getTxId(),
    creator: signatureHeader.getCreator_asU8(),
    seconds: channelHeader.getTimestamp()?.getSeconds(),
    payload: envelope.getPayload_asU8(),
    signature: envelope.getSignature_asU8(),
    data: payload.getData_asU8()
  }
}
