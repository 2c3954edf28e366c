import type { Endorsement } from '../../core/fabric/transaction.js'

/**
 * What the two adapters are to the code that they share: ways to put a signed proposal to peers and an envelope to orderers.
 * Every method rejects with a FabricFailure.
 */
export interface FabricClient {
  /** The answer of one peer, not attested: for questions whose answer is checked otherwise, or believed. */
  evaluate (chaincode: string, args: readonly [string, ...string[]]): Promise<Uint8Array>
  /** A signed proposal with a fresh nonce and time, sent to nobody yet. */
  propose (chaincode: string, args: readonly [string, ...string[]]): Promise<SignedProposal>
  /**
   * Hands an endorsed transaction to the orderers. Resolves when one accepted it. `unreachable` and `denied` say that it
   * certainly was not ordered, `unclear` that it may have been.
   */
  broadcast (transaction: SignedEnvelope): Promise<void>
  close (): Promise<void>
}

/** The parts of a proposal, in the bytes that were hashed. */
export interface ProposalParts {
  readonly txId: string
  readonly channelHeader: Uint8Array
  readonly signatureHeader: Uint8Array
  /** ChaincodeProposalPayload; nothing here uses transient data. */
  readonly payload: Uint8Array
}

export interface SignedProposal extends ProposalParts {
  /** Asks a peer of this organization (MSP id) for its endorsement. */
  ask (organization: string): Promise<PeerAnswer>
}

/** One peer's endorsed answer. */
export interface PeerAnswer {
  /** ProposalResponsePayload. */
  readonly responsePayload: Uint8Array
  readonly endorsement: Endorsement
}

/** common.Envelope, taken apart. */
export interface SignedEnvelope {
  readonly txId: string
  readonly payload: Uint8Array
  readonly signature: Uint8Array
}
