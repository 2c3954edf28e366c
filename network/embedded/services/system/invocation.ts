import { peer } from '@hyperledger/fabric-protos'
import type { Simulator } from '../../channel.js'
import type { PeerContext } from '../context.js'
import type { Proposal } from '../proposal.js'

/** What a system chaincode runs on. */
export interface SystemContext extends PeerContext {
  readonly simulator: Simulator
}

/** A call of a system chaincode: the function's name, its other arguments, and the proposal that they came in. */
export interface SystemCall {
  readonly name: string
  readonly args: readonly Uint8Array[]
  readonly proposal: Proposal
}

export type SystemFunction = (context: SystemContext, call: SystemCall) => Promise<peer.Response>

export function success (payload: Uint8Array): peer.Response {
  const response = new peer.Response()
  response.setStatus(200)
  response.setPayload(payload)
  return response
}

/** An error response, by default the status of `shim.Error`. */
export function failure (message: string, status = 500): peer.Response {
  const response = new peer.Response()
  response.setStatus(status)
  response.setMessage(message)
  return response
}

export function text (bytes: Uint8Array | undefined): string {
  return Buffer.from(bytes ?? []).toString()
}
