import { concat, equalBytes, toHex } from '../bytes.js'
import type { Sha256 } from '../merkle.js'
import { decodeDefaulted, decodeExact } from './message.js'
import * as messages from './messages.js'
import { FabricRefusal } from './refusal.js'
import { type NsRwset, parseReadWriteSets } from './rwset.js'

/** A channel header; `bytes` are what was hashed. `extension` stays unparsed: clients write it in several encodings. */
export interface ChannelHeader {
  readonly bytes: Uint8Array
  readonly type: number
  readonly channelId: string
  readonly txId: string
  /** Seconds and nanoseconds since 1970, by the client's clock. */
  readonly timestamp: { readonly seconds: bigint, readonly nanos: number }
  readonly extension: Uint8Array
  readonly epoch: number
}

export interface SignatureHeader {
  readonly bytes: Uint8Array
  readonly creator: Uint8Array
  readonly nonce: Uint8Array
}

/** The outside of any envelope of a block: enough to know its channel and kind. */
export interface ParsedEnvelope {
  readonly payload: Uint8Array
  readonly signature: Uint8Array
  readonly channelHeader: ChannelHeader
  readonly signatureHeader: SignatureHeader
  readonly data: Uint8Array
}

export interface Endorsement {
  /** SerializedIdentity. */
  readonly endorser: Uint8Array
  readonly signature: Uint8Array
}

/** peer.ChaincodeAction: what the endorsers say that the chaincode did. */
export interface ChaincodeAction {
  readonly results: Uint8Array
  readonly events: Uint8Array
  readonly response: { readonly status: number, readonly message: string, readonly payload: Uint8Array }
  readonly chaincodeId: { readonly name: string, readonly version: string }
}

/** What endorsers sign, taken apart. */
export interface EndorsedResponse {
  /** The ProposalResponsePayload. */
  readonly responsePayload: Uint8Array
  readonly proposalHash: Uint8Array
  readonly action: ChaincodeAction
  readonly readWriteSets: readonly NsRwset[]
}

/** The one action of an endorser transaction, every member of it decoded exactly. */
export interface EndorserTransaction extends ParsedEnvelope, EndorsedResponse {
  readonly creator: Uint8Array
  readonly nonce: Uint8Array
  readonly proposalPayload: Uint8Array
  readonly chaincodeName: string
  /** The function's name and its arguments. */
  readonly args: readonly Uint8Array[]
  readonly endorsements: readonly Endorsement[]
}

const ENDORSER_TRANSACTION = 3
const EMPTY = new Uint8Array(0)

/** Takes the outside of an envelope apart: payload and signature and nothing else, each level in its one encoding. */
export function parseEnvelope (bytes: Uint8Array): ParsedEnvelope {
  const { payload, signature } = decodeExact(messages.envelope, bytes)
  if (payload.length === 0) throw new FabricRefusal('TRANSACTION_FORM', 'an envelope without payload')
  const { header, data } = decodeExact(messages.payload, payload)
  return {
    payload,
    signature,
    channelHeader: parseChannelHeader(header?.channelHeader ?? EMPTY),
    signatureHeader: parseSignatureHeader(header?.signatureHeader ?? EMPTY),
    data
  }
}

/** fabric-network writes the nanoseconds of a timestamp even when they are 0. */
export function parseChannelHeader (bytes: Uint8Array): ChannelHeader {
  const { type, channelId, txId, timestamp, extension, epoch } = decodeDefaulted(messages.channelHeader, bytes)
  return {
    bytes,
    type,
    channelId,
    txId,
    extension,
    epoch,
    timestamp: { seconds: BigInt(timestamp?.seconds ?? 0), nanos: timestamp?.nanos ?? 0 }
  }
}

export function parseSignatureHeader (bytes: Uint8Array): SignatureHeader {
  const { creator, nonce } = decodeExact(messages.signatureHeader, bytes)
  return { bytes, creator, nonce }
}

/**
 * Parses an ENDORSER_TRANSACTION envelope: exactly one action, whose header is the payload's signature header; an input without
 * transient data; the chaincode called and the one that answered are the same. Hashes and signatures are not checked here.
 */
export function parseEndorserTransaction (bytes: Uint8Array): EndorserTransaction {
  const envelope = parseEnvelope(bytes)
  const { channelHeader, signatureHeader } = envelope
  if (channelHeader.type !== ENDORSER_TRANSACTION) throw new FabricRefusal('TRANSACTION_TYPE', 'not an endorser transaction')
  const { actions } = decodeExact(messages.transaction, envelope.data)
  const [only] = actions
  if (only === undefined || actions.length !== 1) throw new FabricRefusal('TRANSACTION_ACTIONS', `${actions.length} actions`)
  if (!equalBytes(only.header, signatureHeader.bytes)) {
    throw new FabricRefusal('TRANSACTION_FORM', 'the action has another signature header than the payload')
  }
  const { chaincodeProposalPayload, action } = decodeExact(messages.chaincodeActionPayload, only.payload)
  const input = parseProposalPayload(chaincodeProposalPayload)
  const response = parseResponsePayload(action?.proposalResponsePayload ?? EMPTY)
  if (response.action.chaincodeId.name !== input.chaincodeName) {
    throw new FabricRefusal('TRANSACTION_FORM', 'another chaincode answered than was called')
  }
  return {
    ...envelope,
    ...input,
    ...response,
    creator: signatureHeader.creator,
    nonce: signatureHeader.nonce,
    endorsements: action?.endorsements ?? []
  }
}

/** Parses a ChaincodeProposalPayload as it is hashed and stored: without transient data. */
export function parseProposalPayload (bytes: Uint8Array): Pick<EndorserTransaction, 'proposalPayload' | 'chaincodeName' | 'args'> {
  const { input, transientMap } = decodeExact(messages.chaincodeProposalPayload, bytes)
  if (transientMap.size > 0) throw new FabricRefusal('TRANSACTION_FORM', 'a proposal with transient data')
  const spec = decodeDefaulted(messages.chaincodeInvocationSpec, input).chaincodeSpec
  return { proposalPayload: bytes, chaincodeName: spec?.chaincodeId?.name ?? '', args: spec?.input?.args ?? [] }
}

/** Parses a ProposalResponsePayload, down to its read/write sets. */
export function parseResponsePayload (bytes: Uint8Array): EndorsedResponse {
  const { proposalHash, extension } = decodeExact(messages.proposalResponsePayload, bytes)
  const { results, events, response, chaincodeId } = decodeExact(messages.chaincodeAction, extension)
  if (response === undefined) throw new FabricRefusal('TRANSACTION_FORM', 'an action without response')
  if (chaincodeId === undefined) throw new FabricRefusal('TRANSACTION_FORM', 'an action without chaincode')
  return {
    responsePayload: bytes,
    proposalHash,
    action: { results, events, response, chaincodeId },
    readWriteSets: parseReadWriteSets(results)
  }
}

/** The transaction id that a nonce and a creator give: lower-case hex of SHA-256(nonce || creator). */
export function transactionId (crypto: Sha256, header: Pick<SignatureHeader, 'nonce' | 'creator'>): string {
  return toHex(crypto.sha256(concat(header.nonce, header.creator)))
}

/** SHA-256(channel header || signature header || chaincode proposal payload without transient data). */
export function proposalHash (crypto: Sha256, channelHeader: Uint8Array, signatureHeader: Uint8Array, payload: Uint8Array): Uint8Array {
  return crypto.sha256(concat(channelHeader, signatureHeader, payload))
}

/** What an endorser signs: the response payload followed by its own identity. */
export function endorsedBytes (responsePayload: Uint8Array, endorser: Uint8Array): Uint8Array {
  return concat(responsePayload, endorser)
}
