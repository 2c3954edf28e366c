/**
 * Block 0: the channel configuration, signed by nobody (Fabric's genesis block is neither).
 * @module
 */
import { dataHash } from '../../../src/core/fabric/block.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import { common, configtx, timestamp } from '../proto.js'
import { type ChannelMember, type ChannelOptions, channelConfig } from './channel-config.js'
import { channelHeader } from './config-group.js'
import { newTransactionId, transactionId } from '../ledger/transaction-id.js'

/** What the genesis block is made from. */
export interface GenesisOptions {
  readonly channel: string
  readonly orgs: readonly ChannelMember[]
  /** Consenters that must sign a block. */
  readonly quorum: number
  readonly time: Date
  /** 24 bytes; by default random ones. The same options with the same nonce make the same block. */
  readonly nonce?: Uint8Array
  readonly configuration?: ChannelOptions
}

/** Header and data of block 0; its metadata is added at commit, as for every block. */
export interface UnsignedBlock {
  readonly number: number
  readonly previousHash: Uint8Array
  readonly dataHash: Uint8Array
  readonly data: readonly Uint8Array[]
}

/** Makes block 0. */
export function genesisBlock (options: GenesisOptions): UnsignedBlock {
  const envelope = configEnvelope(options)
  return { number: 0, previousHash: new Uint8Array(0), dataHash: dataHash(nodeCrypto, [envelope]), data: [envelope] }
}

function configEnvelope (options: GenesisOptions): Uint8Array {
  const content = new configtx.ConfigEnvelope()
  content.setConfig(channelConfig(options.orgs, options.quorum, options.configuration))
  const creator = new Uint8Array(0)
  const { txId, nonce } = options.nonce === undefined
    ? newTransactionId(creator)
    : { txId: transactionId(options.nonce, creator), nonce: options.nonce }
  const signatureHeader = new common.SignatureHeader()
  signatureHeader.setNonce(nonce)
  const header = channelHeader(common.HeaderType.CONFIG, options.channel, txId, timestamp.Timestamp.fromDate(options.time))
  header.setVersion(1)
  const headers = new common.Header()
  headers.setChannelHeader(header.serializeBinary())
  headers.setSignatureHeader(signatureHeader.serializeBinary())
  const payload = new common.Payload()
  payload.setHeader(headers)
  payload.setData(content.serializeBinary())
  const envelope = new common.Envelope()
  envelope.setPayload(payload.serializeBinary())
  return envelope.serializeBinary()
}
