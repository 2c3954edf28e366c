/** discovery.Discovery: who is in the channel, where it listens, and who must endorse. Only peers that run are listed. */
import * as grpc from '@grpc/grpc-js'
import { discovery, msp } from '@hyperledger/fabric-protos'
import type { peer } from '@hyperledger/fabric-protos'
import type { OrgNode } from '../channel.js'
import { checkAccess } from './access.js'
import { type PeerContext, peersWith, type ServiceContext, systemChaincodes } from './context.js'
import { channelPeer, localPeer, runningPeers } from './discovery-peers.js'
import { minimalEndorsers } from './layouts.js'
import { messageOf, RpcError } from './rpc.js'

export function createDiscovery (context: PeerContext): (request: discovery.SignedRequest) => Promise<discovery.Response> {
  return async (signed) => {
    const message = signed.getPayload_asU8()
    const request = parseRequest(message)
    const identity = request.getAuthentication()?.getClientIdentity_asU8() ?? new Uint8Array()
    if (identity.length === 0) {
      throw new RpcError(grpc.status.UNKNOWN, 'access denied, client identity wasn\'t supplied')
    }
    const signature = signed.getSignature_asU8()
    const access = checkAccess(context.channel, '/Channel/Application/Readers', { identity, message, signature })
    const response = new discovery.Response()
    for (const query of request.getQueriesList()) {
      const known = query.getChannel() === '' || query.getChannel() === context.channel.id
      response.addResults(access.ok && known ? await answer(context, query) : refusal('access denied'))
    }
    return response
  }
}

function parseRequest (message: Uint8Array): discovery.Request {
  try {
    return discovery.Request.deserializeBinary(message)
  } catch (error) {
    throw new RpcError(grpc.status.UNKNOWN, `failed parsing request: ${messageOf(error)}`)
  }
}

async function answer (context: PeerContext, query: discovery.Query): Promise<discovery.QueryResult> {
  if (query.getChannel() === '') return query.hasLocalPeers() ? localPeers(context) : refusal('unknown or missing request type')
  if (query.hasConfigQuery()) return config(context)
  if (query.hasPeerQuery()) return await membership(context, query.getPeerQuery()?.getFilter())
  if (query.hasCcQuery()) return await endorsers(context, query.getCcQuery()?.getInterestsList() ?? [])
  return refusal('unknown or missing request type')
}

/** MSPs and orderer addresses, from the channel's configuration. */
function config ({ channel }: ServiceContext): discovery.QueryResult {
  const result = new discovery.ConfigResult()
  for (const name of ['Application', 'Orderer']) {
    channel.config.group(name)?.groups.forEach((group) => {
      const value = group.values.get('MSP')?.value ?? new Uint8Array()
      const fabricMsp = msp.FabricMSPConfig.deserializeBinary(msp.MSPConfig.deserializeBinary(value).getConfig_asU8())
      result.getMspsMap().set(fabricMsp.getName(), fabricMsp)
    })
  }
  for (const org of channel.orgs) {
    const address = new discovery.Endpoint()
    address.setHost('localhost')
    address.setPort(org.ports.orderer)
    const addresses = new discovery.Endpoints()
    addresses.addEndpoint(address)
    result.getOrderersMap().set(org.ordererMspId, addresses)
  }
  const answered = new discovery.QueryResult()
  answered.setConfigResult(result)
  return answered
}

async function membership (context: PeerContext, filter: peer.ChaincodeInterest | undefined): Promise<discovery.QueryResult> {
  const unknown = await unknownChaincode(context, filter)
  if (unknown !== undefined) return refusal(noMetadata(context, unknown))
  const members = new discovery.PeerMembershipResult()
  for (const org of await peersWithAll(context, filter)) members.getPeersByOrgMap().set(org.mspId, peersOf(await channelPeer(context, org)))
  const answered = new discovery.QueryResult()
  answered.setMembers(members)
  return answered
}

function localPeers (context: PeerContext): discovery.QueryResult {
  const members = new discovery.PeerMembershipResult()
  for (const org of runningPeers(context)) members.getPeersByOrgMap().set(org.mspId, peersOf(localPeer(context, org)))
  const answered = new discovery.QueryResult()
  answered.setMembers(members)
  return answered
}

async function endorsers (context: PeerContext, interests: readonly peer.ChaincodeInterest[]): Promise<discovery.QueryResult> {
  if (interests.length === 0) return refusal('chaincode query must have at least one chaincode interest')
  const result = new discovery.ChaincodeQueryResult()
  for (const interest of interests) {
    const descriptor = await endorsementDescriptor(context, interest)
    if (descriptor === undefined) return refusal(`failed constructing descriptor for ${describeInterest(interest)}`)
    result.addContent(descriptor)
  }
  const answered = new discovery.QueryResult()
  answered.setCcQueryRes(result)
  return answered
}

/** One group for each organization; every minimal set of organizations that satisfies the policy is a layout. */
async function endorsementDescriptor (
  context: PeerContext, interest: peer.ChaincodeInterest
): Promise<discovery.EndorsementDescriptor | undefined> {
  const [first] = namesIn(interest)
  if (first === undefined || await unknownChaincode(context, interest) !== undefined) return undefined
  const orgs = await peersWithAll(context, interest)
  const rule = await context.channel.endorsementRule(namesIn(interest))
  const sets = minimalEndorsers(rule, orgs.map((org) => org.mspId))
  if (sets.length === 0) return undefined
  const descriptor = new discovery.EndorsementDescriptor()
  descriptor.setChaincode(first)
  for (const [i, org] of orgs.entries()) descriptor.getEndorsersByGroupsMap().set(groupName(i), peersOf(await channelPeer(context, org)))
  descriptor.setLayoutsList(sets.map((set) => {
    const layout = new discovery.Layout()
    for (const [i, { mspId }] of orgs.entries()) if (set.includes(mspId)) layout.getQuantitiesByGroupMap().set(groupName(i), 1)
    return layout
  }))
  return descriptor
}

/** As Fabric names groups, whose names say nothing. */
function groupName (index: number): string {
  return `G${index}`
}

async function unknownChaincode (
  context: ServiceContext, interest: peer.ChaincodeInterest | undefined
): Promise<string | undefined> {
  for (const name of namesIn(interest)) {
    if (systemChaincodes.has(name) || await context.channel.definition(name) === undefined) return name
  }
  return undefined
}

/** The running peers that can run all of these chaincodes. */
async function peersWithAll (context: ServiceContext, interest: peer.ChaincodeInterest | undefined): Promise<OrgNode[]> {
  const able = await Promise.all(namesIn(interest).map(async (name) => await peersWith(context, name)))
  return runningPeers(context).filter((org) => able.every((orgs) => orgs.includes(org)))
}

function namesIn (interest: peer.ChaincodeInterest | undefined): string[] {
  return interest?.getChaincodesList().map((call) => call.getName()) ?? []
}

/** Why discovery has no plan for a chaincode. */
export function noMetadata ({ channel }: ServiceContext, chaincode: string, channelId = channel.id): string {
  return `No metadata was found for chaincode ${chaincode} in channel ${channelId}`
}

function describeInterest (interest: peer.ChaincodeInterest): string {
  return interest.getChaincodesList().map((call) => `chaincodes:{name:${JSON.stringify(call.getName())}}`).join(' ')
}

function peersOf (only: discovery.Peer): discovery.Peers {
  const peers = new discovery.Peers()
  peers.addPeers(only)
  return peers
}

function refusal (content: string): discovery.QueryResult {
  const error = new discovery.Error()
  error.setContent(content)
  const result = new discovery.QueryResult()
  result.setError(error)
  return result
}
