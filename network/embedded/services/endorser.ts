/**
 * protos.Endorser: executes a proposal against a snapshot of the state and signs what came out. What is wrong with the proposal
 * itself is a gRPC error; what went wrong while executing it is a response with status 500.
 */
import * as grpc from '@grpc/grpc-js'
import { peer } from '@hyperledger/fabric-protos'
import { ChaincodeError } from '../chaincode/errors.js'
import type { InvocationResult } from '../chaincode/invocation.js'
import type { OrgNode } from '../channel.js'
import { systemChaincodes, type ServiceContext } from './context.js'
import { touchedChaincodes } from './interest.js'
import { checkProposal, unpackProposal, type Proposal } from './proposal.js'
import { messageOf, RpcError } from './rpc.js'
import { invokeSystemChaincode } from './system/dispatch.js'
import type { SystemContext } from './system/invocation.js'

/** Endorses a proposal at an organization's peer. @throws RpcError for a proposal that is refused as such */
export type Endorse = (org: OrgNode, signed: peer.SignedProposal) => Promise<peer.ProposalResponse>

interface Outcome extends InvocationResult {
  /** Version of the chaincode's definition. */
  readonly version: string
}

interface Simulation extends Outcome {
  /** Absent: there was no state to read. */
  readonly results?: Uint8Array
}

/** From this status on the response is not endorsed; from 500 on it is shown to the client with its payload. */
const errorThreshold = 400
const error = 500

export function createEndorser (context: ServiceContext): Endorse {
  const { channel } = context
  return async (org, signed) => {
    const proposal = unpack(signed)
    if (proposal.channelId !== '' && proposal.channelId !== channel.id) {
      return peerFailure(`channel '${proposal.channelId}' not found`)
    }
    await checkProposal(channel, proposal)
    try {
      return respond(org, proposal, await simulate(context, org, proposal))
    } catch (cause) {
      const message = messageOf(cause)
      context.log('endorser.failed', { mspId: org.mspId, txId: proposal.txId, chaincode: proposal.chaincode, message })
      return peerFailure(message)
    }
  }
}

function unpack (signed: peer.SignedProposal): Proposal {
  try {
    return unpackProposal(signed)
  } catch (cause) {
    throw new RpcError(grpc.status.UNKNOWN, messageOf(cause))
  }
}

async function simulate (context: ServiceContext, org: OrgNode, proposal: Proposal): Promise<Simulation> {
  const { channel } = context
  // qscc and cscc read blocks, not the state; without a channel there is no state to read.
  const stateless = proposal.channelId === '' || proposal.chaincode === 'qscc' || proposal.chaincode === 'cscc'
  const simulator = channel.simulator()
  try {
    const outcome = systemChaincodes.has(proposal.chaincode)
      ? await invokeSystem({ ...context, org, simulator }, proposal)
      : await invokeUser({ ...context, org, simulator }, proposal)
    if (stateless) return outcome
    const results = simulator.results()
    if (outcome.response.getStatus() < errorThreshold) await channel.keepPrivateContents(simulator.privateContents())
    return { ...outcome, results }
  } finally {
    await simulator.close()
  }
}

async function invokeSystem (context: SystemContext, proposal: Proposal): Promise<Outcome> {
  const response = await invokeSystemChaincode(context, proposal)
  return { response, event: undefined, version: 'syscc' }
}

async function invokeUser ({ chaincodes, org, simulator }: SystemContext, proposal: Proposal): Promise<Outcome> {
  const { chaincode, channelId, txId, input, signed } = proposal
  const found = channelId === '' ? { ok: false, reason: `chaincode ${chaincode} not found` } as const : await chaincodes.find(org, chaincode)
  if (!found.ok) {
    throw new Error(`make sure the chaincode ${chaincode} has been successfully defined on channel ${channelId} and try again: ${found.reason}`)
  }
  const { definition, runner } = found
  try {
    const result = await runner.invoke({ simulator, txId, channelId, input, signedProposal: signed, definition })
    return { ...result, version: definition.version }
  } catch (cause) {
    throw new Error(`error in simulation: failed to execute transaction ${txId}: ${executionFailure(cause)}`, { cause })
  }
}

/** Where Fabric's text names the step that failed, so does this. */
function executionFailure (cause: unknown): string {
  const sending = cause instanceof ChaincodeError && cause.code !== 'UNAVAILABLE' && cause.code !== 'FAILED'
  return sending ? `error sending: ${cause.message}` : messageOf(cause)
}

function respond (org: OrgNode, proposal: Proposal, simulation: Simulation): peer.ProposalResponse {
  const { response, results } = simulation
  const answer = new peer.ProposalResponse()
  answer.setResponse(response)
  const status = response.getStatus()
  if (status < error && (proposal.channelId === '' || status >= errorThreshold)) return answer
  const payload = responsePayload(proposal, simulation)
  answer.setPayload(payload)
  if (results !== undefined) answer.setInterest(touchedChaincodes(results))
  if (status < error) {
    answer.setVersion(1)
    answer.setEndorsement(endorsement(org, payload))
  }
  return answer
}

function responsePayload (proposal: Proposal, { response, results, event, version }: Simulation): Uint8Array {
  const id = new peer.ChaincodeID()
  id.setName(proposal.chaincode)
  id.setVersion(version)
  const action = new peer.ChaincodeAction()
  action.setResults(results ?? new Uint8Array())
  action.setResponse(response)
  action.setChaincodeId(id)
  if (event !== undefined && response.getStatus() < errorThreshold) {
    event.setChaincodeId(proposal.chaincode)
    event.setTxId(proposal.txId)
    action.setEvents(event.serializeBinary())
  }
  const payload = new peer.ProposalResponsePayload()
  payload.setProposalHash(proposal.hash)
  payload.setExtension$(action.serializeBinary())
  return payload.serializeBinary()
}

function endorsement ({ peer: endorser }: OrgNode, payload: Uint8Array): peer.Endorsement {
  const signed = new peer.Endorsement()
  signed.setEndorser(endorser.serialized)
  signed.setSignature(endorser.sign(Buffer.concat([payload, endorser.serialized])))
  return signed
}

/** Status 500 without a payload: the gateway tells by that a peer's failure from a chaincode's. */
function peerFailure (message: string): peer.ProposalResponse {
  const response = new peer.Response()
  response.setStatus(error)
  response.setMessage(message)
  const answer = new peer.ProposalResponse()
  answer.setResponse(response)
  return answer
}
