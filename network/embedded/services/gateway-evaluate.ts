import * as grpc from '@grpc/grpc-js'
import { gateway, peer } from '@hyperledger/fabric-protos'
import type { OrgNode } from '../channel.js'
import { peersWith } from './context.js'
import { askPeer, type GatewayContext } from './gateway-peers.js'
import { unpackForGateway, type Proposal } from './proposal.js'
import { RpcError, type NodeFailure } from './rpc.js'

/** gateway.Gateway/Evaluate: one peer's answer, the own organization's if it can. */
export async function evaluate (context: GatewayContext, request: gateway.EvaluateRequest): Promise<gateway.EvaluateResponse> {
  const signed = request.getProposedTransaction()
  const unpacking = 'failed to unpack transaction proposal: '
  const proposal = unpackForGateway(signed, `${unpacking}a signed proposal is required`, unpacking)
  const { channelId } = proposal
  if (channelId === '') throw new RpcError(grpc.status.INVALID_ARGUMENT, `${unpacking}no channel id provided`)
  if (channelId !== context.channel.id) {
    const message = `failed to get config for channel [${channelId}]: could not get last config for channel ${channelId}`
    throw new RpcError(grpc.status.UNAVAILABLE, message)
  }
  const failures: NodeFailure[] = []
  let code: grpc.status = grpc.status.UNAVAILABLE
  for (const org of await evaluators(context, proposal, request.getTargetOrganizationsList())) {
    const answer = await askPeer(context, org, proposal.signed)
    if (answer.ok) return evaluated(answer.response)
    failures.push(answer.failure)
    code = answer.code
    if (!answer.retry) throw new RpcError(code, `evaluate call to endorser returned error: ${answer.failure.message}`, failures)
  }
  throw new RpcError(code, 'failed to evaluate transaction, see attached details for more info', failures)
}

/** Peers to ask, in order. With a transient map only the own organization, unless the client names others. */
async function evaluators (context: GatewayContext, proposal: Proposal, targets: readonly string[]): Promise<OrgNode[]> {
  const confidential = proposal.hasTransient && targets.length === 0
  const wanted = confidential ? [context.org.mspId] : targets
  const able = await peersWith(context, proposal.chaincode)
  const candidates = able.filter(({ mspId }) => wanted.length === 0 || wanted.includes(mspId))
  if (candidates.length > 0) return candidates.sort((a, b) => Number(b === context.org) - Number(a === context.org))
  const reason = `no peers available to evaluate chaincode ${proposal.chaincode} in channel ${proposal.channelId}`
  const hint = 'no endorsers found in the gateway\'s organization; ' +
    'retry specifying target organization(s) to protect transient data: '
  throw new RpcError(grpc.status.FAILED_PRECONDITION, (confidential ? hint : '') + reason)
}

function evaluated (response: peer.ProposalResponse): gateway.EvaluateResponse {
  const payload = peer.ProposalResponsePayload.deserializeBinary(response.getPayload_asU8())
  const endorsed = peer.ChaincodeAction.deserializeBinary(payload.getExtension_asU8()).getResponse()
  const result = response.getResponse() ?? new peer.Response()
  if (endorsed !== undefined) result.setPayload(endorsed.getPayload_asU8())
  const evaluation = new gateway.EvaluateResponse()
  evaluation.setResult(result)
  return evaluation
}
