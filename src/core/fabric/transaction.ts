import { concat, equalBytes, toHex } from '../bytes.js'
import type { Sha256 } from '../merkle.js'
import type { MessageShape } from './explicit-defaults.js'
import { chaincode, common, decodeDefaulted, decodeExact, proposal, proposalResponse, transaction } from './proto.js'
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

// ChaincodeInvocationSpec: 1 ChaincodeSpec {1 type, 2 ChaincodeID, 3 ChaincodeInput {1 args, 2 decorations, 3 is_init}, 4 timeout}.
const INPUT: MessageShape = { repeated: new Set([1, 2]) }
const SPEC: MessageShape = { messages: new Map([[2, {}], [3, INPUT]]) }
const INVOCATION: MessageShape = { messages: new Map([[1, SPEC]]) }

// ChannelHeader: 3 is the timestamp, whose nanoseconds fabric-network writes even when they are 0.
const CHANNEL_HEADER: MessageShape = { messages: new Map([[3, {}]]) }

/** Takes the outside of an envelope apart: payload and signature and nothing else, each level in its one encoding. */
export function parseEnvelope (bytes: Uint8Array): ParsedEnvelope {
  const envelope = decodeExact(common.Envelope, bytes)
  const payloadBytes = envelope.getPayload_asU8()
  if (payloadBytes.length === 0) throw new FabricRefusal('TRANSACTION_FORM', 'an envelope without payload')
  const payload = decodeExact(common.Payload, payloadBytes)
  const header = payload.getHeader()
  return {
    payload: payloadBytes,
    signature: envelope.getSignature_asU8(),
    channelHeader: parseChannelHeader(header?.getChannelHeader_asU8() ?? EMPTY),
    signatureHeader: parseSignatureHeader(header?.getSignatureHeader_asU8() ?? EMPTY),
    data: payload.getData_asU8()
  }
}

export function parseChannelHeader (bytes: Uint8Array): ChannelHeader {
  const header = decodeDefaulted(common.ChannelHeader, bytes, CHANNEL_HEADER)
  const timestamp = header.getTimestamp()
  return {
    bytes,
    type: header.getType(),
    channelId: header.getChannelId(),
    txId: header.getTxId(),
    timestamp: { seconds: BigInt(timestamp?.getSeconds() ?? 0), nanos: timestamp?.getNanos() ?? 0 },
    extension: header.getExtension_asU8(),
    epoch: header.getEpoch()
  }
}

export function parseSignatureHeader (bytes: Uint8Array): SignatureHeader {
  const header = decodeExact(common.SignatureHeader, bytes)
  return { bytes, creator: header.getCreator_asU8(), nonce: header.getNonce_asU8() }
}

/**
 * Parses an ENDORSER_TRANSACTION envelope: exactly one action, whose header is the payload's signature header; an input without
 * transient data; the chaincode called and the one that answered are the same. Hashes and signatures are not checked here.
 */
export function parseEndorserTransaction (bytes: Uint8Array): EndorserTransaction {
  const envelope = parseEnvelope(bytes)
  const { channelHeader, signatureHeader } = envelope
  if (channelHeader.type !== ENDORSER_TRANSACTION) throw new FabricRefusal('TRANSACTION_TYPE', 'not an endorser transaction')
  const actions = decodeExact(transaction.Transaction, envelope.data).getActionsList()
  const [only] = actions
  if (only === undefined || actions.length !== 1) throw new FabricRefusal('TRANSACTION_ACTIONS', `${actions.length} actions`)
  if (!equalBytes(only.getHeader_asU8(), signatureHeader.bytes)) {
    throw new FabricRefusal('TRANSACTION_FORM', 'the action has another signature header than the payload')
  }
  const payload = decodeExact(transaction.ChaincodeActionPayload, only.getPayload_asU8())
  const endorsed = payload.getAction()
  const input = parseProposalPayload(payload.getChaincodeProposalPayload_asU8())
  const response = parseResponsePayload(endorsed?.getProposalResponsePayload_asU8() ?? EMPTY)
  if (response.action.chaincodeId.name !== input.chaincodeName) {
    throw new FabricRefusal('TRANSACTION_FORM', 'another chaincode answered than was called')
  }
  return {
    ...envelope,
    ...input,
    ...response,
    creator: signatureHeader.creator,
    nonce: signatureHeader.nonce,
    endorsements: (endorsed?.getEndorsementsList() ?? []).map((endorsement) => ({
      endorser: endorsement.getEndorser_asU8(), signature: endorsement.getSignature_asU8()
    }))
  }
}

/** Parses a ChaincodeProposalPayload as it is hashed and stored: without transient data. */
export function parseProposalPayload (bytes: Uint8Array): Pick<EndorserTransaction, 'proposalPayload' | 'chaincodeName' | 'args'> {
  const payload = decodeExact(proposal.ChaincodeProposalPayload, bytes)
  if (payload.getTransientmapMap().getLength() > 0) throw new FabricRefusal('TRANSACTION_FORM', 'a proposal with transient data')
  const spec = decodeDefaulted(chaincode.ChaincodeInvocationSpec, payload.getInput_asU8(), INVOCATION).getChaincodeSpec()
  return {
    proposalPayload: bytes,
    chaincodeName: spec?.getChaincodeId()?.getName() ?? '',
    args: spec?.getInput()?.getArgsList_asU8() ?? []
  }
}

/** Parses a ProposalResponsePayload, down to its read/write sets. */
export function parseResponsePayload (bytes: Uint8Array): EndorsedResponse {
  const payload = decodeExact(proposalResponse.ProposalResponsePayload, bytes)
  const action = decodeExact(proposal.ChaincodeAction, payload.getExtension_asU8())
  const results = action.getResults_asU8()
  return {
    responsePayload: bytes,
    proposalHash: payload.getProposalHash_asU8(),
    action: {
      results,
      events: action.getEvents_asU8(),
      response: readResponse(action.getResponse()),
      chaincodeId: readChaincodeId(action.getChaincodeId())
    },
    readWriteSets: parseReadWriteSets(results)
  }
}

function readResponse (response: proposalResponse.Response | undefined): ChaincodeAction['response'] {
  if (response === undefined) throw new FabricRefusal('TRANSACTION_FORM', 'an action without response')
  return { status: response.getStatus(), message: response.getMessage(), payload: response.getPayload_asU8() }
}

function readChaincodeId (id: chaincode.ChaincodeID | undefined): ChaincodeAction['chaincodeId'] {
  if (id === undefined) throw new FabricRefusal('TRANSACTION_FORM', 'an action without chaincode')
  return { name: id.getName(), version: id.getVersion() }
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
