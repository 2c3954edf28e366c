/** The gossip messages in which discovery describes peers. Nobody here gossips; the messages are made, and signed, when asked for. */
import { createHash } from 'node:crypto'
import { discovery, gossip } from '@hyperledger/fabric-protos'
import { parseSerializedIdentity } from '../../../src/core/fabric/msp.js'
import type { OrgNode } from '../channel.js'
import { isRunnable, type PeerContext, type ServiceContext } from './context.js'

/** Go's client refuses messages without a time: incarnation (start of this process, in nanoseconds) and sequence. */
const incarnation = Date.now() * 1e6

/** host:port of an organization's peer or orderer, as clients reach it. */
export function endpoint (org: OrgNode, kind: 'peer' | 'orderer'): string {
  return `localhost:${String(org.ports[kind])}`
}

export function runningPeers ({ channel }: ServiceContext): OrgNode[] {
  return channel.orgs.filter((org) => org.running.peer)
}

/** A peer as `peers` and chaincode queries of a channel list it. */
export async function channelPeer (context: PeerContext, org: OrgNode): Promise<discovery.Peer> {
  const peer = localPeer(context, org)
  const properties = new gossip.Properties()
  properties.setLedgerHeight(context.channel.height())
  properties.setChaincodesList(await gossipedChaincodes(context, org))
  const id = pkiId(org)
  const state = new gossip.StateInfo()
  state.setTimestamp(peerTime())
  state.setPkiId(id)
  state.setChannelMac(createHash('sha256').update(id).update(context.channel.id).digest())
  state.setProperties(properties)
  const message = new gossip.GossipMessage()
  message.setTag(gossip.GossipMessage.Tag.CHAN_OR_ORG)
  message.setStateInfo(state)
  peer.setStateInfo(envelope(org, message))
  return peer
}

/** A peer as a query without a channel lists it. Of itself a peer says so without a signature, as official ones do. */
export function localPeer ({ org: own }: PeerContext, org: OrgNode): discovery.Peer {
  const member = new gossip.Member()
  member.setEndpoint(endpoint(org, 'peer'))
  member.setPkiId(pkiId(org))
  const alive = new gossip.AliveMessage()
  alive.setMembership(member)
  alive.setTimestamp(peerTime())
  const message = new gossip.GossipMessage()
  message.setTag(gossip.GossipMessage.Tag.EMPTY)
  message.setAliveMsg(alive)
  const peer = new discovery.Peer()
  peer.setIdentity(org.peer.serialized)
  peer.setMembershipInfo(org === own ? unsigned(message) : envelope(org, message))
  return peer
}

/** What the peer can run, each with its definition's sequence in the place of the version, as peers gossip it. */
async function gossipedChaincodes (context: ServiceContext, org: OrgNode): Promise<gossip.Chaincode[]> {
  const chaincodes: gossip.Chaincode[] = []
  const definitions = await context.channel.definitions()
  for (const { name, sequence } of [...definitions, { name: '_lifecycle', sequence: 1 }]) {
    if (!await isRunnable(context, org, name)) continue
    const chaincode = new gossip.Chaincode()
    chaincode.setName(name)
    chaincode.setVersion(String(sequence))
    chaincodes.push(chaincode)
  }
  return chaincodes
}

function pkiId ({ peer }: OrgNode): Uint8Array {
  const { mspId, pem } = parseSerializedIdentity(peer.serialized)
  return createHash('sha256').update(mspId).update(pem).digest()
}

function peerTime (): gossip.PeerTime {
  const time = new gossip.PeerTime()
  time.setIncNum(incarnation)
  time.setSeqNum(1)
  return time
}

function unsigned (message: gossip.GossipMessage): gossip.Envelope {
  const open = new gossip.Envelope()
  open.setPayload(message.serializeBinary())
  return open
}

function envelope ({ peer }: OrgNode, message: gossip.GossipMessage): gossip.Envelope {
  const sealed = unsigned(message)
  sealed.setSignature(peer.sign(sealed.getPayload_asU8()))
  return sealed
}
