import type { peer } from '@hyperledger/fabric-protos'
import type { ChaincodeDefinition, Simulator } from '../channel.js'

/** One execution of a chaincode function on a simulator. */
export interface Invocation {
  readonly simulator: Simulator
  readonly txId: string
  readonly channelId: string
  readonly input: peer.ChaincodeInput
  /** By which it is executed. */
  readonly definition: ChaincodeDefinition
  /** Goes to the chaincode, which takes creator, transient map and timestamp from it. */
  readonly signedProposal: peer.SignedProposal
}

/** What the chaincode answered. */
export interface InvocationResult {
  readonly response: peer.Response
  /** Name and payload only: the peer adds chaincode and transaction id. */
  readonly event: peer.ChaincodeEvent | undefined
}

/** Runs one chaincode on behalf of one organization's peer. */
export interface ChaincodeRunner {
  /** @throws ChaincodeError when there is no response */
  invoke (invocation: Invocation): Promise<InvocationResult>
}

/** A chaincode as one organization's peer can call it, or why it cannot. */
export type Runnable =
  | { readonly ok: true, readonly definition: ChaincodeDefinition, readonly runner: ChaincodeRunner }
  | { readonly ok: false, readonly reason: string }
