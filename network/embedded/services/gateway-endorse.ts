import * as grpc from '@grpc/grpc-js'
import { gateway } from '@hyperledger/fabric-protos'
import type { OrgNode } from '../channel.js'
import { peersWith, systemChaincodes } from './context.js'
import { noMetadata } from './discovery.js'
import { runningPeers } from './discovery-peers.js'
import { EndorsementPlan } from './endorsement-plan.js'
import { askPeer, type GatewayContext } from './gateway-peers.js'
import { minimalEndorsers } from './layouts.js'
import { unpackForGateway, type Proposal } from './proposal.js'
import { RpcError } from './rpc.js'
import { prepareTransaction } from './transaction.js'

const { ABORTED, FAILED_PRECONDITION, UNAVAILABLE } = grpc.status

/** gateway.Gateway/Endorse: endorsements of the named organizations, or of as many as the policy needs, the own one first. */
export async function endorse (context: GatewayContext, request: gateway.EndorseRequest): Promise<gateway.EndorseResponse> {
  const missing = 'the proposed transaction must contain a signed proposal'
  const proposal = unpackForGateway(request.getProposedTransaction(), missing)
  const named = request.getEndorsingOrganizationsList()
  const plan = named.length > 0 ? await planForOrganizations(context, proposal, named) : await planFromFirst(context, proposal)
  for (let orgs = plan.missing(); orgs.length > 0; orgs = plan.missing()) {
    await Promise.all(orgs.map(async (mspId) => {
      const org = organization(context, mspId)
      plan.add(org, await askPeer(context, org, proposal.signed))
    }))
  }
  const endorsed = plan.result()
  if (endorsed === undefined) {
    const message = 'failed to collect enough transaction endorsements, see attached details for more info'
    throw new RpcError(ABORTED, message, plan.failures)
  }
  const response = new gateway.EndorseResponse()
  response.setPreparedTransaction(prepareTransaction(proposal, endorsed))
  return response
}

/** Exactly the organizations that the client names, whatever the policy asks for. */
async function planForOrganizations (
  context: GatewayContext, proposal: Proposal, named: readonly string[]
): Promise<EndorsementPlan> {
  const available = await endorsingOrganizations(context, proposal)
  const missing = named.filter((mspId) => !available.includes(mspId))
  if (missing.length > 0) throw new RpcError(UNAVAILABLE, `failed to find any endorsing peers for org(s): ${missing.join(', ')}`)
  return new EndorsementPlan([[...new Set(named)]])
}

/** Asks the own peer; only if it endorses does the policy come in, so that a contract's error costs one execution. */
async function planFromFirst (context: GatewayContext, proposal: Proposal): Promise<EndorsementPlan> {
  const available = await endorsingOrganizations(context, proposal)
  const own = context.org
  if (!available.includes(own.mspId)) {
    if (proposal.hasTransient) {
      throw new RpcError(FAILED_PRECONDITION, 'no endorsers found in the gateway\'s organization; ' +
        'retry specifying endorsing organization(s) to protect transient data')
    }
    return new EndorsementPlan(await layouts(context, proposal))
  }
  const answer = await askPeer(context, own, proposal.signed)
  if (!answer.ok) {
    throw new RpcError(ABORTED, 'failed to endorse transaction, see attached details for more info', [answer.failure])
  }
  const withOwn = (await layouts(context, proposal)).sort((a, b) => Number(b.includes(own.mspId)) - Number(a.includes(own.mspId)))
  const plan = new EndorsementPlan(withOwn)
  plan.add(own, answer)
  return plan
}

/** @throws RpcError when no set of running peers can satisfy the policy */
async function layouts (context: GatewayContext, { chaincode, channelId }: Proposal): Promise<string[][]> {
  const underivable = 'no combination of peers can be derived which satisfy the endorsement policy: '
  const { channel } = context
  if (channelId !== channel.id || systemChaincodes.has(chaincode) || await channel.definition(chaincode) === undefined) {
    throw new RpcError(FAILED_PRECONDITION, underivable + noMetadata(context, chaincode, channelId))
  }
  const satisfies = await channel.endorsementRule([chaincode])
  const running = runningPeers(context).map(({ mspId }) => mspId)
  const found = minimalEndorsers(satisfies, (await peersWith(context, chaincode)).map(({ mspId }) => mspId))
  if (found.length > 0) return found
  const reason = satisfies(running) ? 'required chaincodes are not installed on sufficient peers' : 'no peer combination can satisfy the endorsement policy'
  throw new RpcError(FAILED_PRECONDITION, underivable + reason)
}

async function endorsingOrganizations (context: GatewayContext, { channelId, chaincode }: Proposal): Promise<string[]> {
  return channelId === context.channel.id ? (await peersWith(context, chaincode)).map(({ mspId }) => mspId) : []
}

function organization ({ channel }: GatewayContext, mspId: string): OrgNode {
  const org = channel.orgs.find((candidate) => candidate.mspId === mspId)
  if (org === undefined) throw new RpcError(UNAVAILABLE, `failed to find any endorsing peers for org(s): ${mspId}`)
  return org
}
