/**
 * What is sent to the nodes: proposals and envelopes, signed by an identity, well or not.
 * @module
 */
import { createHash, randomBytes } from 'node:crypto'
import { common, peer } from '@hyperledger/fabric-protos'
import timestampPb from 'google-protobuf/google/protobuf/timestamp_pb.js'
import { serializeIdentity } from '../../network/embedded/crypto/identity.js'
import { createSigner } from '../../network/embedded/crypto/sign.js'
import type { StoredIdentity } from '../../src/ledger/identity/wallet.js'

/** The channel and the contract that are called. */
export const CHANNEL = 'evidence'
export const CHAINCODE = 'counter'

/** An endpoint under TLS. */
export interface Endpoint {
  /** host:port. */
  readonly address: string
  readonly tlsRootsPem: string
}

/** Whom to ask, and as whom. */
export interface CallTarget {
  /** An enrolled client of the organization whose nodes are asked. */
  readonly client: StoredIdentity
  /** An administrator of that organization. */
  readonly admin: StoredIdentity
  readonly peer: Endpoint
  readonly orderer: Endpoint
}

export type Argument = string | Uint8Array

/** What else than the client's call of the counter, well signed, a proposal is. */
export interface ProposalOptions {
  readonly channel?: string
  readonly chaincode?: string
  /** As whose member the caller shows itself. */
  readonly mspId?: string
  /** By the administrator instead of the client. */
  readonly admin?: boolean
  /** Signed by nobody. */
  readonly forged?: boolean
}

export function creatorOf ({ mspId, certificatePem }: StoredIdentity): Uint8Array {
  return serializeIdentity(mspId, certificatePem)
}

export function signerOf ({ privateKeyPem }: StoredIdentity): (bytes: Uint8Array) => Uint8Array {
  return createSigner(privateKeyPem)
}

/** A proposal and the transaction that it becomes. */
export interface Proposed {
  readonly signed: peer.SignedProposal
  readonly txId: string
}

/** The call of a chaincode's function: what goes into the channel header, and the payload. */
export function invocationOf (chaincode: string, args: readonly Argument[]): { extension: Uint8Array, payload: peer.ChaincodeProposalPayload } {
  const id = new peer.ChaincodeID()
  id.setName(chaincode)
  const extension = new peer.ChaincodeHeaderExtension()
  extension.setChaincodeId(id)
  const input = new peer.ChaincodeInput()
  input.setArgsList(args.map((arg) => typeof arg === 'string' ? Buffer.from(arg) : arg))
  const spec = new peer.ChaincodeSpec()
  spec.setChaincodeId(id)
  spec.setInput(input)
  const invocation = new peer.ChaincodeInvocationSpec()
  invocation.setChaincodeSpec(spec)
  const payload = new peer.ChaincodeProposalPayload()
  payload.setInput(invocation.serializeBinary())
  return { extension: extension.serializeBinary(), payload }
}

export function proposalOf (target: CallTarget, args: readonly Argument[], options: ProposalOptions): Proposed {
  const { channel = CHANNEL, chaincode = CHAINCODE, admin = false, forged = false } = options
  const used = admin ? target.admin : target.client
  const identity = { ...used, mspId: options.mspId ?? used.mspId }
  const { extension, payload } = invocationOf(chaincode, args)
  const { header, txId } = headerOf(identity, { type: 3, channel, extension })
  const proposal = new peer.Proposal()
  proposal.setHeader(header.serializeBinary())
  proposal.setPayload(payload.serializeBinary())
  const bytes = proposal.serializeBinary()
  const signed = new peer.SignedProposal()
  signed.setProposalBytes(bytes)
  signed.setSignature(forged ? new Uint8Array(70) : signerOf(identity)(bytes))
  return { signed, txId }
}

interface HeaderOptions {
  readonly type: number
  readonly channel?: string
  readonly extension?: Uint8Array
}

function headerOf (identity: StoredIdentity, { type, channel = CHANNEL, extension }: HeaderOptions): { header: common.Header, txId: string } {
  const creator = creatorOf(identity)
  const nonce = randomBytes(24)
  const txId = createHash('sha256').update(nonce).update(creator).digest('hex')
  const channelHeader = new common.ChannelHeader()
  channelHeader.setType(type)
  channelHeader.setChannelId(channel)
  channelHeader.setTxId(txId)
  channelHeader.setTimestamp(timestampPb.Timestamp.fromDate(new Date()))
  if (extension !== undefined) channelHeader.setExtension$(extension)
  const signatureHeader = new common.SignatureHeader()
  signatureHeader.setCreator(creator)
  signatureHeader.setNonce(nonce)
  const header = new common.Header()
  header.setChannelHeader(channelHeader.serializeBinary())
  header.setSignatureHeader(signatureHeader.serializeBinary())
  return { header, txId }
}

export function envelope (target: CallTarget, options: HeaderOptions, data: Uint8Array): common.Envelope {
  const payload = new common.Payload()
  payload.setHeader(headerOf(target.client, options).header)
  payload.setData(data)
  const made = new common.Envelope()
  made.setPayload(payload.serializeBinary())
  made.setSignature(signerOf(target.client)(payload.serializeBinary()))
  return made
}
