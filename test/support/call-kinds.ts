/**
 * The kinds of calls that nodes answer, each as a function that makes one.
 * @module
 */
import type * as grpc from '@grpc/grpc-js'
import { type common, discovery, gateway, orderer, peer } from '@hyperledger/fabric-protos'
import {
  type Argument, type CallTarget, CHAINCODE, CHANNEL, creatorOf, envelope, proposalOf, type ProposalOptions, type Proposed, signerOf
} from './call-messages.js'
import { exchange, type Outcome, serverStream, unary } from './call-transport.js'

/** Who calls, over which connections. */
export interface Caller {
  readonly target: CallTarget
  readonly peer: grpc.Client
  readonly orderer: grpc.Client
  /** Of the transaction that was submitted last. */
  txId: string
}

export type Call = (caller: Caller) => Promise<Outcome>

/** How the gateway is to have a transaction endorsed. */
interface EndorsementOptions extends ProposalOptions {
  readonly organizations?: readonly string[]
}

export function endorser (args: readonly Argument[], options: ProposalOptions = {}): Call {
  return async (caller) => await unary(
    caller.peer, '/protos.Endorser/ProcessProposal', 'protos.ProposalResponse', proposalOf(caller.target, args, options).signed
  )
}

/** A query to a chaincode that every peer has. */
export function system (chaincode: string, args: readonly Argument[], options: ProposalOptions = {}): Call {
  return endorser(args, { chaincode, ...options })
}

export function evaluate (args: readonly Argument[], options: ProposalOptions = {}): Call {
  return async (caller) => {
    const { signed, txId } = proposalOf(caller.target, args, options)
    const request = new gateway.EvaluateRequest()
    request.setTransactionId(txId)
    request.setChannelId(CHANNEL)
    request.setProposedTransaction(signed)
    return await unary(caller.peer, '/gateway.Gateway/Evaluate', 'gateway.EvaluateResponse', request)
  }
}

export function endorse (args: readonly Argument[], options: EndorsementOptions = {}): Call {
  return async (caller) => await endorsed(caller, proposalOf(caller.target, args, options), options.organizations ?? [])
}

async function endorsed (caller: Caller, { signed, txId }: Proposed, organizations: readonly string[]): Promise<Outcome> {
  const request = new gateway.EndorseRequest()
  request.setTransactionId(txId)
  request.setChannelId(CHANNEL)
  request.setProposedTransaction(signed)
  request.setEndorsingOrganizationsList([...organizations])
  return await unary(caller.peer, '/gateway.Gateway/Endorse', 'gateway.EndorseResponse', request)
}

/** What is kept is the answer to `Endorse`, the transaction as the peer prepared it; `Submit` answers with an empty message. */
export function endorseAndSubmit (args: readonly Argument[], options: EndorsementOptions = {}): Call {
  return async (caller) => {
    const proposed = proposalOf(caller.target, args, options)
    const answer = await endorsed(caller, proposed, options.organizations ?? [])
    const [bytes = ''] = answer.answers
    const prepared = gateway.EndorseResponse.deserializeBinary(Buffer.from(bytes, 'base64')).getPreparedTransaction()
    if (prepared === undefined) return answer
    prepared.setSignature(signerOf(options.admin === true ? caller.target.admin : caller.target.client)(prepared.getPayload_asU8()))
    const request = new gateway.SubmitRequest()
    request.setTransactionId(proposed.txId)
    request.setChannelId(CHANNEL)
    request.setPreparedTransaction(prepared)
    const submitted = await unary(caller.peer, '/gateway.Gateway/Submit', 'gateway.SubmitResponse', request)
    caller.txId = proposed.txId
    return submitted.error === undefined ? answer : submitted
  }
}

export async function commitStatus (caller: Caller, channel: string): Promise<Outcome> {
  const request = new gateway.CommitStatusRequest()
  request.setTransactionId(caller.txId)
  request.setChannelId(channel)
  request.setIdentity(creatorOf(caller.target.client))
  const signed = new gateway.SignedCommitStatusRequest()
  signed.setRequest(request.serializeBinary())
  signed.setSignature(signerOf(caller.target.client)(request.serializeBinary()))
  return await unary(caller.peer, '/gateway.Gateway/CommitStatus', 'gateway.CommitStatusResponse', signed)
}

export async function chaincodeEvents (caller: Caller): Promise<Outcome> {
  const request = new gateway.ChaincodeEventsRequest()
  request.setChannelId(CHANNEL)
  request.setChaincodeId(CHAINCODE)
  request.setIdentity(creatorOf(caller.target.client))
  request.setStartPosition(position(0))
  const signed = new gateway.SignedChaincodeEventsRequest()
  signed.setRequest(request.serializeBinary())
  signed.setSignature(signerOf(caller.target.client)(request.serializeBinary()))
  return await serverStream(caller.peer, '/gateway.Gateway/ChaincodeEvents', 'gateway.ChaincodeEventsResponse', signed, 1)
}

export function discover (ask: (query: discovery.Query) => void, channel = CHANNEL): Call {
  return async (caller) => {
    const query = new discovery.Query()
    query.setChannel(channel)
    ask(query)
    const authentication = new discovery.AuthInfo()
    authentication.setClientIdentity(creatorOf(caller.target.client))
    const request = new discovery.Request()
    request.setAuthentication(authentication)
    request.addQueries(query)
    const signed = new discovery.SignedRequest()
    signed.setPayload(request.serializeBinary())
    signed.setSignature(signerOf(caller.target.client)(request.serializeBinary()))
    return await unary(caller.peer, '/discovery.Discovery/Discover', 'discovery.Response', signed)
  }
}

export function endorsersOf (chaincode: string): Call {
  const call = new peer.ChaincodeCall()
  call.setName(chaincode)
  const interest = new peer.ChaincodeInterest()
  interest.addChaincodes(call)
  const asked = new discovery.ChaincodeQuery()
  asked.addInterests(interest)
  return discover((query) => { query.setCcQuery(asked) })
}

interface Range {
  readonly from: number
  readonly to: number
  readonly channel?: string
  readonly headers?: boolean
  readonly fail?: boolean
}

export function deliver (node: 'peer' | 'orderer', method: string, { from, to, channel = CHANNEL, headers, fail }: Range): Call {
  return async (caller) => {
    const seek = new orderer.SeekInfo()
    seek.setStart(position(from))
    seek.setStop(position(to))
    if (headers === true) seek.setContentType(orderer.SeekInfo.SeekContentType.HEADER_WITH_SIG)
    if (fail === true) seek.setBehavior(orderer.SeekInfo.SeekBehavior.FAIL_IF_NOT_READY)
    const type = node === 'peer' ? 'protos.DeliverResponse' : 'orderer.DeliverResponse'
    // one answer more than blocks: the status at the end
    return await exchange(caller[node], method, type, envelope(caller.target, { type: 5, channel }, seek.serializeBinary()), to - from + 2)
  }
}

export function broadcast (make: (caller: Caller) => common.Envelope): Call {
  return async (caller) => await exchange(caller.orderer, '/orderer.AtomicBroadcast/Broadcast', 'orderer.BroadcastResponse', make(caller), 1)
}

function position (number: number): orderer.SeekPosition {
  const specified = new orderer.SeekSpecified()
  specified.setNumber(number)
  const at = new orderer.SeekPosition()
  at.setSpecified(specified)
  return at
}
