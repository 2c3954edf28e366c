/**
 * The channel configuration, in the form that a v3 network with BFT ordering has: one consenter per organization, MAJORITY
 * policies. A single organization is the same with n = 1 (quorum 1).
 * @module
 */
import smartbft from '@hyperledger/fabric-protos/lib/orderer/smartbft/configuration_pb.js'
import { utf8 } from '../../../src/core/bytes.js'
import { configtx, configuration, orderer, peerConfiguration } from '../proto.js'
import { configGroup, setCapability, setImplicitMeta, setSignaturePolicy, setValue } from './config-group.js'
import { mspConfigOf } from './msp-config.js'

const DATA_WIDTH = 0xffffffff // Fabric's constant: no Merkle tree over the envelopes

/** What a channel's configuration says of one organization. */
export interface ChannelMember {
  readonly mspId: string
  readonly ordererMspId: string
  /** Identifier of its orderer in the consenter mapping. */
  readonly consenterId: number
  /** Under which the others reach its nodes, default `localhost`. */
  readonly host?: string
  readonly ports: { readonly peer: number, readonly orderer: number }
  readonly caPem: string
  readonly ordererCaPem: string
  readonly tlsCaPem: string
  readonly orderer: { readonly certificatePem: string, readonly serialized: Uint8Array }
  readonly tls: { readonly orderer: { readonly certPem: string } }
}

/** How orderers agree: SmartBFT's options, durations as Go writes them, and the size of blocks. */
export interface Ordering {
  readonly requestForwardTimeout: string
  readonly requestBatchMaxInterval: string
  readonly requestComplainTimeout: string
  readonly leaderHeartbeatTimeout: string
  readonly viewChangeTimeout: string
  /** `messages`: most envelopes of a block. `preferredBytes`: what a block of several envelopes should not exceed, `absoluteBytes`: no block does. */
  readonly batch: { readonly messages: number, readonly preferredBytes: number, readonly absoluteBytes: number }
}

/** What may be chosen. */
export interface ChannelOptions {
  readonly policies?: Readonly<Record<'endorsement' | 'lifecycle' | 'admins', Rule>>
  readonly ordering?: Ordering
}

type Rule = 'ANY' | 'ALL' | 'MAJORITY'

const POLICIES = { endorsement: 'MAJORITY', lifecycle: 'MAJORITY', admins: 'MAJORITY' } as const
/** Of a consortium, unless its description says otherwise, and of the embedded network, which has no leader to wait for. */
export const ORDERING: Ordering = {
  requestForwardTimeout: '100ms',
  requestBatchMaxInterval: '50ms',
  requestComplainTimeout: '5s',
  leaderHeartbeatTimeout: '10s',
  viewChangeTimeout: '10s',
  batch: { messages: 500, preferredBytes: 2 << 20, absoluteBytes: 10 << 20 }
}

/** The configuration of a new channel, sequence 0. */
export function channelConfig (orgs: readonly ChannelMember[], quorum: number, options: ChannelOptions = {}): configtx.Config {
  const { policies = POLICIES, ordering = ORDERING } = options
  const root = configGroup()
  setStandardPolicies(root, policies.admins)
  const hashing = new configuration.HashingAlgorithm()
  hashing.setName('SHA256')
  setValue(root, 'HashingAlgorithm', hashing)
  const structure = new configuration.BlockDataHashingStructure()
  structure.setWidth(DATA_WIDTH)
  setValue(root, 'BlockDataHashingStructure', structure)
  setCapability(root, 'V3_0')
  root.getGroupsMap().set('Application', applicationGroup(orgs, policies))
  root.getGroupsMap().set('Orderer', ordererGroup(orgs, quorum, { policies, ordering }))
  const config = new configtx.Config()
  config.setChannelGroup(root)
  return config
}

function setStandardPolicies (group: configtx.ConfigGroup, admins: Rule): void {
  setImplicitMeta(group, 'Readers', 'ANY', 'Readers')
  setImplicitMeta(group, 'Writers', 'ANY', 'Writers')
  setImplicitMeta(group, 'Admins', admins, 'Admins')
}

function setOrganizationPolicies (group: configtx.ConfigGroup, mspId: string): void {
  setSignaturePolicy(group, 'Readers', 1, [{ mspId, role: 'MEMBER' }])
  setSignaturePolicy(group, 'Writers', 1, [{ mspId, role: 'MEMBER' }])
  setSignaturePolicy(group, 'Admins', 1, [{ mspId, role: 'ADMIN' }])
}

function applicationGroup (
  orgs: readonly ChannelMember[], policies: NonNullable<ChannelOptions['policies']>
): configtx.ConfigGroup {
  const group = configGroup()
  setStandardPolicies(group, policies.admins)
  setImplicitMeta(group, 'Endorsement', policies.endorsement, 'Endorsement')
  setImplicitMeta(group, 'LifecycleEndorsement', policies.lifecycle, 'Endorsement')
  setCapability(group, 'V2_5')
  for (const org of orgs) group.getGroupsMap().set(org.mspId, applicationMember(org))
  return group
}

/** An organization's group under /Channel/Application. */
export function applicationMember (org: ChannelMember): configtx.ConfigGroup {
  const member = configGroup()
  setOrganizationPolicies(member, org.mspId)
  setSignaturePolicy(member, 'Endorsement', 1, [{ mspId: org.mspId, role: 'PEER' }])
  setValue(member, 'MSP', mspConfigOf({ mspId: org.mspId, caPem: org.caPem, tlsCaPem: org.tlsCaPem }))
  setValue(member, 'AnchorPeers', anchorPeers(org))
  return member
}

function anchorPeers (org: ChannelMember): peerConfiguration.AnchorPeers {
  const peer = new peerConfiguration.AnchorPeer()
  peer.setHost(hostOf(org))
  peer.setPort(org.ports.peer)
  const peers = new peerConfiguration.AnchorPeers()
  peers.addAnchorPeers(peer)
  return peers
}

function hostOf (org: ChannelMember): string {
  return org.host ?? 'localhost'
}

function ordererGroup (
  orgs: readonly ChannelMember[], quorum: number, { policies, ordering }: Required<ChannelOptions>
): configtx.ConfigGroup {
  const group = configGroup()
  setStandardPolicies(group, policies.admins)
  setSignaturePolicy(group, 'BlockValidation', quorum, orgs.map((org) => ({ identity: org.orderer.serialized })))
  setCapability(group, 'V2_0')
  setOrderingValues(group, ordering)
  setValue(group, 'Orderers', consenterMapping(orgs))
  for (const org of orgs) group.getGroupsMap().set(org.ordererMspId, ordererMember(org))
  return group
}

/** An organization's group under /Channel/Orderer. */
export function ordererMember (org: ChannelMember): configtx.ConfigGroup {
  const member = configGroup()
  setOrganizationPolicies(member, org.ordererMspId)
  setValue(member, 'MSP', mspConfigOf({ mspId: org.ordererMspId, caPem: org.ordererCaPem, tlsCaPem: org.tlsCaPem }))
  const endpoints = new configuration.OrdererAddresses()
  endpoints.addAddresses(`${hostOf(org)}:${org.ports.orderer}`)
  setValue(member, 'Endpoints', endpoints)
  return member
}

function setOrderingValues (group: configtx.ConfigGroup, ordering: Ordering): void {
  const consensus = new orderer.ConsensusType()
  consensus.setType('BFT')
  consensus.setMetadata(bftOptions(ordering).serializeBinary())
  setValue(group, 'ConsensusType', consensus)
  const size = new orderer.BatchSize()
  size.setMaxMessageCount(ordering.batch.messages)
  size.setAbsoluteMaxBytes(ordering.batch.absoluteBytes)
  size.setPreferredMaxBytes(ordering.batch.preferredBytes)
  setValue(group, 'BatchSize', size)
  const timeout = new orderer.BatchTimeout()
  timeout.setTimeout('10ms')
  setValue(group, 'BatchTimeout', timeout)
  setValue(group, 'ChannelRestrictions', new orderer.ChannelRestrictions())
}

function bftOptions (ordering: Ordering): smartbft.Options {
  const options = new smartbft.Options()
  options.setRequestBatchMaxInterval(ordering.requestBatchMaxInterval)
  options.setIncomingMessageBufferSize(200)
  options.setRequestPoolSize(100_000)
  options.setRequestForwardTimeout(ordering.requestForwardTimeout)
  options.setRequestComplainTimeout(ordering.requestComplainTimeout)
  options.setRequestAutoRemoveTimeout('3m0s')
  options.setViewChangeResendInterval('5s')
  options.setViewChangeTimeout(ordering.viewChangeTimeout)
  options.setLeaderHeartbeatTimeout(ordering.leaderHeartbeatTimeout)
  options.setLeaderHeartbeatCount(10)
  options.setCollectTimeout('1s')
  return options
}

function consenterMapping (orgs: readonly ChannelMember[]): configuration.Orderers {
  const orderers = new configuration.Orderers()
  for (const org of orgs) orderers.addConsenterMapping(consenterOf(org))
  return orderers
}

/** An organization's entry in the consenter mapping. */
export function consenterOf (org: ChannelMember): configuration.Consenter {
  const consenter = new configuration.Consenter()
  consenter.setId(org.consenterId)
  consenter.setHost(hostOf(org))
  consenter.setPort(org.ports.orderer)
  consenter.setMspId(org.ordererMspId)
  consenter.setIdentity(utf8(org.orderer.certificatePem))
  consenter.setClientTlsCert(utf8(org.tls.orderer.certPem))
  consenter.setServerTlsCert(utf8(org.tls.orderer.certPem))
  return consenter
}
