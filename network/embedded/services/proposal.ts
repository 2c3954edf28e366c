import { createHash } from 'node:crypto'
import * as grpc from '@grpc/grpc-js'
import { common, peer } from '@hyperledger/fabric-protos'
import type { Channel } from '../channel.js'
import { checkAccess, policyRefusal } from './access.js'
import { systemChaincodes } from './context.js'
import { messageOf, RpcError } from './rpc.js'

/** A signed proposal, taken apart. Header bytes are kept as the client wrote them: encoding them again may change them. */
export interface Proposal {
  readonly signed: peer.SignedProposal
  readonly header: common.Header
  readonly type: number
  readonly epoch: number
  readonly channelId: string
  readonly txId: string
  readonly chaincode: string
  readonly nonce: Uint8Array
  readonly creator: Uint8Array
  readonly input: peer.ChaincodeInput
  readonly hasTransient: boolean
  /** `ChaincodeProposalPayload` without the transient map: what goes into the transaction. */
  readonly payload: Uint8Array
  /** SHA-256 over channel header, signature header and `payload`. */
  readonly hash: Uint8Array
}

/** @throws Error with a reason, for a message that is not a proposal */
export function unpackProposal (signed: peer.SignedProposal): Proposal {
  const proposal = peer.Proposal.deserializeBinary(signed.getProposalBytes_asU8())
  const header = common.Header.deserializeBinary(proposal.getHeader_asU8())
  const channelHeader = common.ChannelHeader.deserializeBinary(header.getChannelHeader_asU8())
  const signatureHeader = common.SignatureHeader.deserializeBinary(header.getSignatureHeader_asU8())
  const extension = peer.ChaincodeHeaderExtension.deserializeBinary(channelHeader.getExtension_asU8())
  const whole = peer.ChaincodeProposalPayload.deserializeBinary(proposal.getPayload_asU8())
  const spec = peer.ChaincodeInvocationSpec.deserializeBinary(whole.getInput_asU8()).getChaincodeSpec()
  const chaincode = extension.getChaincodeId()?.getName() ?? ''
  if (chaincode === '') throw new Error('ChaincodeHeaderExtension.ChaincodeId.Name is empty')
  const input = spec?.getInput()
  if (input === undefined) throw new Error('chaincode input did not contain any input')
  const payload = withoutTransient(whole)
  return {
    signed,
    header,
    type: channelHeader.getType(),
    epoch: channelHeader.getEpoch(),
    channelId: channelHeader.getChannelId(),
    txId: channelHeader.getTxId(),
    chaincode,
    nonce: signatureHeader.getNonce_asU8(),
    creator: signatureHeader.getCreator_asU8(),
    input,
    hasTransient: whole.getTransientmapMap().getLength() > 0,
    payload,
    hash: proposalHash(header, payload)
  }
}

/** `unpackProposal` for a request of the gateway. */
export function unpackForGateway (signed: peer.SignedProposal | undefined, missing: string, prefix = ''): Proposal {
  if (signed === undefined || signed.getProposalBytes_asU8().length === 0) {
    throw new RpcError(grpc.status.INVALID_ARGUMENT, missing)
  }
  try {
    return unpackProposal(signed)
  } catch (error) {
    throw new RpcError(grpc.status.INVALID_ARGUMENT, prefix + messageOf(error))
  }
}

/**
 * The peer's checks before it executes anything: form, transaction id, creator, replay, and the right to propose.
 * @throws RpcError
 */
export async function checkProposal (channel: Channel, proposal: Proposal): Promise<void> {
  const fault = formFault(proposal) ?? creatorFault(channel, proposal)
  if (fault !== undefined) throw new RpcError(grpc.status.UNKNOWN, `error validating proposal: ${fault}`)
  if (await channel.transaction(proposal.txId) !== undefined) {
    const creator = Buffer.from(proposal.creator).toString('hex')
    throw new RpcError(grpc.status.UNKNOWN, `duplicate transaction found [${proposal.txId}]. Creator [${creator}]`)
  }
}

function formFault ({ type, epoch, nonce, creator, txId }: Proposal): string | undefined {
  const { CONFIG, ENDORSER_TRANSACTION } = common.HeaderType
  if (type !== ENDORSER_TRANSACTION && type !== CONFIG) return `invalid header type ${String(type)}`
  if (epoch !== 0) return 'epoch is non-zero'
  if (nonce.length === 0) return 'nonce is empty'
  if (creator.length === 0) return 'creator is empty'
  const expected = createHash('sha256').update(nonce).update(creator).digest('hex')
  return txId === expected ? undefined : `incorrectly computed txid '${txId}' -- expected '${expected}'`
}

function creatorFault (channel: Channel, { signed, channelId, chaincode, creator }: Proposal): string | undefined {
  // System chaincodes check each function by itself; all those that exist here ask for no more than a reader.
  const policy = systemChaincodes.has(chaincode) ? '/Channel/Application/Readers' : '/Channel/Application/Writers'
  const message = signed.getProposalBytes_asU8()
  const access = checkAccess(channel, policy, { identity: creator, message, signature: signed.getSignature_asU8() })
  if (access.ok) return undefined
  const denied = `access denied: channel [${channelId}] creator org`
  if (access.refusal === 'UNKNOWN_ORGANIZATION') return `${denied} unknown, creator is malformed`
  if (access.refusal === 'NOT_AUTHORIZED') return policyRefusal(policy)
  return `${denied} [${access.mspId}]`
}

function proposalHash (header: common.Header, payload: Uint8Array): Uint8Array {
  const hash = createHash('sha256').update(header.getChannelHeader_asU8()).update(header.getSignatureHeader_asU8())
  return hash.update(payload).digest()
}

function withoutTransient (payload: peer.ChaincodeProposalPayload): Uint8Array {
  const bare = new peer.ChaincodeProposalPayload()
  bare.setInput(payload.getInput_asU8())
  return bare.serializeBinary()
}
