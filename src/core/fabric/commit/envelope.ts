/**
 * What a peer checks of a transaction by itself, before it looks at endorsements and state. The order is Fabric's, since the first
 * failure decides the code. Fabric reads more encodings than are read here: a transaction that is refused for its form only is not
 * surely refused by a peer, and its verdict says so.
 * @module
 */
import { DOUBTS } from '../../audit-wording.js'
import type { Sentences } from '../../findings.js'
import { equalBytes } from '../../bytes.js'
import type { Crypto } from '../../crypto.js'
import { EvidenceError } from '../../errors.js'
import type { ChannelConfig } from '../config.js'
import { verifyLowS } from '../ecdsa.js'
import { decodeAny } from '../message.js'
import * as messages from '../messages.js'
import { type MspReason, type MspVerdict, validateIdentity as validateMember } from '../msp.js'
import { FabricRefusal } from '../refusal.js'
import {
  type EndorserTransaction, parseEndorserTransaction, parseEnvelope, type ParsedEnvelope, proposalHash, transactionId
} from '../transaction.js'
import { codeOfRefusal, codes, type Verdict } from './validation-codes.js'

/** A transaction that is well-formed and signed, or the verdict against it. */
export type EnvelopeVerdict =
  | { readonly ok: true, readonly transaction: EndorserTransaction }
  | { readonly ok: false } & Verdict

const VALID: Verdict = { code: codes.VALID }
/** common.HeaderType */
const HeaderType = { CONFIG: 1, CONFIG_UPDATE: 2, ENDORSER_TRANSACTION: 3 } as const
const TYPES: readonly number[] = Object.values(HeaderType)
/** Reasons against an identity for which a peer, which reads more algorithms and encodings, might not refuse it. */
const UNSURE: readonly MspReason[] = ['IDENTITY_MALFORMED', 'IDENTITY_UNSUPPORTED']

/** The MSP's verdict on an identity of any organization of the channel. */
export function validateIdentity (config: ChannelConfig, serialized: Uint8Array): MspVerdict {
  const verdict = validateMember(config.applicationMsps, serialized)
  return !verdict.ok && verdict.reason === 'MSP_UNKNOWN' ? validateMember(config.ordererMsps, serialized) : verdict
}

/** Whether `signature` over `message` is by a valid identity of the channel. */
export function verifySignature (
  crypto: Crypto, config: ChannelConfig, serialized: Uint8Array, message: Uint8Array, signature: Uint8Array
): Extract<MspVerdict, { ok: true }> | undefined {
  const verdict = validateIdentity(config, serialized)
  if (!verdict.ok || !verifyLowS(crypto, verdict.certificate.publicKey, message, signature)) return undefined
  return verdict
}

/** Why an identity that is not accepted here might be by a peer. */
export function unsureOf (config: ChannelConfig, serialized: Uint8Array): Sentences | undefined {
  const verdict = validateIdentity(config, serialized)
  return !verdict.ok && UNSURE.includes(verdict.reason) ? DOUBTS.identity(verdict.reason) : undefined
}

/** Checks form, creator, signature, transaction id and proposal hash. */
export function checkEnvelope (crypto: Crypto, config: ChannelConfig, envelope: Uint8Array): EnvelopeVerdict {
  const outside = read(() => parseEnvelope(envelope))
  if ('code' in outside) return { ok: false, ...outside }
  const header = headerVerdict(crypto, config, outside.value)
  if (header.code !== codes.VALID) return { ok: false, ...header }
  const inside = read(() => parseEndorserTransaction(envelope))
  if ('code' in inside) {
    return { ok: false, ...inside, code: inside.code === codes.BAD_PAYLOAD ? codes.INVALID_ENDORSER_TRANSACTION : inside.code }
  }
  const transaction = inside.value
  const { channelHeader, signatureHeader, proposalPayload } = transaction
  const hash = proposalHash(crypto, channelHeader.bytes, signatureHeader.bytes, proposalPayload)
  return equalBytes(hash, transaction.proposalHash)
    ? { ok: true, transaction }
    : { ok: false, code: codes.INVALID_ENDORSER_TRANSACTION }
}

function headerVerdict (crypto: Crypto, config: ChannelConfig, { channelHeader, signatureHeader, payload, signature }: ParsedEnvelope): Verdict {
  if (!TYPES.includes(channelHeader.type) || channelHeader.epoch !== 0) return { code: codes.BAD_COMMON_HEADER }
  const { creator, nonce } = signatureHeader
  if (nonce.length === 0 || creator.length === 0) return { code: codes.BAD_COMMON_HEADER }
  if (verifySignature(crypto, config, creator, payload, signature) === undefined) {
    return unsure(codes.BAD_CREATOR_SIGNATURE, unsureOf(config, creator))
  }
  if (channelHeader.type !== HeaderType.ENDORSER_TRANSACTION) return { code: codes.UNSUPPORTED_TX_PAYLOAD }
  if (channelHeader.txId !== transactionId(crypto, signatureHeader)) return { code: codes.BAD_PROPOSAL_TXID }
  return channelHeader.channelId === config.channelId ? VALID : { code: codes.TARGET_CHAIN_NOT_FOUND }
}

/** Checks what the transaction says of the chaincode that it called: a peer does so after it has looked for the id on the ledger. */
export function checkChaincode ({ channelHeader, action }: EndorserTransaction): Verdict {
  const named = headerChaincode(channelHeader.extension)
  if (named === undefined) return { code: codes.BAD_HEADER_EXTENSION }
  if (named === '' || named !== action.chaincodeId.name || action.chaincodeId.version === '') return { code: codes.INVALID_CHAINCODE }
  return isOwnEvent(action.events, named) ? VALID : { code: codes.INVALID_OTHER_REASON }
}

function headerChaincode (extension: Uint8Array): string | undefined {
  try {
    return decodeAny(messages.chaincodeHeaderExtension, extension).chaincodeId?.name ?? ''
  } catch {
    return undefined
  }
}

function isOwnEvent (events: Uint8Array, name: string): boolean {
  if (events.length === 0) return true
  try {
    return decodeAny(messages.chaincodeEvent, events).chaincodeId === name
  } catch {
    return false
  }
}

function unsure (code: number, why: Sentences | undefined): Verdict {
  return why === undefined ? { code } : { code, unsure: why }
}

function read<T> (parse: () => T): { value: T } | Verdict {
  try {
    return { value: parse() }
  } catch (error) {
    if (error instanceof FabricRefusal) {
      return unsure(codeOfRefusal(error.code), error.code === 'TRANSACTION_ACTIONS' ? undefined : DOUBTS.form(error.message))
    }
    if (error instanceof EvidenceError) return { code: codes.BAD_PAYLOAD, unsure: DOUBTS.form(error.message) }
    throw error
  }
}
