/** The gateway's calls to peers. Its own organization's peer is called as a function; the others as if over the wire. */
import * as grpc from '@grpc/grpc-js'
import type { peer } from '@hyperledger/fabric-protos'
import type { OrgNode } from '../channel.js'
import type { PeerContext } from './context.js'
import { endpoint } from './discovery-peers.js'
import type { Endorse } from './endorser.js'
import { messageOf, RpcError, type NodeFailure } from './rpc.js'

/** What the gateway works on: the network, its own organization, and the peers' endorser. */
export interface GatewayContext extends PeerContext {
  readonly endorse: Endorse
}

/** A peer's answer as the gateway judges it. `retry`: another peer may do better. */
export type PeerAnswer =
  | { readonly ok: true, readonly response: peer.ProposalResponse }
  | { readonly ok: false, readonly code: grpc.status, readonly retry: boolean, readonly failure: NodeFailure }

export async function askPeer (context: GatewayContext, org: OrgNode, signed: peer.SignedProposal): Promise<PeerAnswer> {
  if (!org.running.peer) return refused(org, grpc.status.UNAVAILABLE, unreachable(org, 'peer'), true)
  try {
    return judge(org, await context.endorse(org, signed))
  } catch (error) {
    // A proposal that the own peer refuses is the client's fault; from another peer it looks like a failing connection.
    if (org === context.org) return refused(org, grpc.status.FAILED_PRECONDITION, messageOf(error), false)
    return refused(org, grpc.status.UNAVAILABLE, rpcText(error), true)
  }
}

function judge (org: OrgNode, response: peer.ProposalResponse): PeerAnswer {
  const status = response.getResponse()?.getStatus() ?? 0
  const message = response.getResponse()?.getMessage() ?? ''
  if (status >= 200 && status < 400) return { ok: true, response }
  if (status === 500 && response.getPayload_asU8().length === 0) return refused(org, grpc.status.ABORTED, message, true)
  return refused(org, grpc.status.UNKNOWN, `chaincode response ${String(status)}, ${message}`, false)
}

function refused (org: OrgNode, code: grpc.status, message: string, retry: boolean): PeerAnswer {
  return { ok: false, code, retry, failure: { address: endpoint(org, 'peer'), mspId: org.mspId, message } }
}

/** How Go prints that nobody listens at an address. */
export function unreachable (org: OrgNode, kind: 'peer' | 'orderer'): string {
  const dial = `dial tcp 127.0.0.1:${String(org.ports[kind])}: connect: connection refused`
  return `rpc error: code = Unavailable desc = connection error: desc = "transport: Error while dialing: ${dial}"`
}

function rpcText (error: unknown): string {
  const code = error instanceof RpcError && error.code !== grpc.status.UNKNOWN ? grpc.status[error.code] : 'Unknown'
  return `rpc error: code = ${code} desc = ${messageOf(error)}`
}
