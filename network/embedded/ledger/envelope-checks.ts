/**
 * What a peer checks of a transaction by itself, before it looks at endorsements and state. The order is Fabric's, since the first
 * failure decides the flag.
 * @module
 */
import { equalBytes } from '../../../src/core/bytes.js'
import type { ChannelConfig } from '../../../src/core/fabric/config.js'
import { verifyLowS } from '../../../src/core/fabric/ecdsa.js'
import { type MspVerdict, validateIdentity as validateMember } from '../../../src/core/fabric/msp.js'
import { EvidenceError } from '../../../src/core/errors.js'
import { FabricRefusal } from '../../../src/core/fabric/refusal.js'
import {
  type EndorserTransaction, parseEndorserTransaction, parseEnvelope, type ParsedEnvelope, proposalHash, transactionId
} from '../../../src/core/fabric/transaction.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import { chaincodeEvent, common, proposal } from '../proto.js'
import { codeOfRefusal, codes } from './validation-codes.js'

/** A transaction that is well-formed and signed, or the flag against it. */
export type EnvelopeVerdict =
  | { readonly ok: true, readonly transaction: EndorserTransaction }
  | { readonly ok: false, readonly code: number }

/** The MSP's verdict on an identity of any organization of the channel. */
export function validateIdentity (config: ChannelConfig, serialized: Uint8Array): MspVerdict {
  const verdict = validateMember(config.applicationMsps, serialized)
  return !verdict.ok && verdict.reason === 'MSP_UNKNOWN' ? validateMember(config.ordererMsps, serialized) : verdict
}

/** Whether `signature` over `message` is by a valid identity of the channel. */
export function verifySignature (
  config: ChannelConfig, serialized: Uint8Array, message: Uint8Array, signature: Uint8Array
): Extract<MspVerdict, { ok: true }> | undefined {
  const verdict = validateIdentity(config, serialized)
  if (!verdict.ok || !verifyLowS(nodeCrypto, verdict.certificate.publicKey, message, signature)) return undefined
  return verdict
}

/** Checks form, creator, signature, transaction id and proposal hash. */
export function checkEnvelope (config: ChannelConfig, envelope: Uint8Array): EnvelopeVerdict {
  const outside = read(() => parseEnvelope(envelope))
  if ('code' in outside) return { ok: false, code: outside.code }
  const code = headerCode(config, outside.value)
  if (code !== codes.VALID) return { ok: false, code }
  const inside = read(() => parseEndorserTransaction(envelope))
  if ('code' in inside) return { ok: false, code: inside.code === codes.BAD_PAYLOAD ? codes.INVALID_ENDORSER_TRANSACTION : inside.code }
  const transaction = inside.value
  const inner = chaincodeCode(transaction)
  return inner === codes.VALID ? { ok: true, transaction } : { ok: false, code: inner }
}

function headerCode (config: ChannelConfig, { channelHeader, signatureHeader, payload, signature }: ParsedEnvelope): number {
  if (channelHeader.type !== common.HeaderType.ENDORSER_TRANSACTION) return codes.UNSUPPORTED_TX_PAYLOAD
  if (signatureHeader.nonce.length === 0 || signatureHeader.creator.length === 0) return codes.BAD_COMMON_HEADER
  if (verifySignature(config, signatureHeader.creator, payload, signature) === undefined) return codes.BAD_CREATOR_SIGNATURE
  if (channelHeader.channelId !== config.channelId) return codes.TARGET_CHAIN_NOT_FOUND
  return channelHeader.txId === transactionId(nodeCrypto, signatureHeader) ? codes.VALID : codes.BAD_PROPOSAL_TXID
}

function chaincodeCode (transaction: EndorserTransaction): number {
  const { channelHeader, signatureHeader, proposalPayload, action } = transaction
  const hash = proposalHash(nodeCrypto, channelHeader.bytes, signatureHeader.bytes, proposalPayload)
  if (!equalBytes(hash, transaction.proposalHash)) return codes.INVALID_ENDORSER_TRANSACTION
  const named = headerChaincode(channelHeader.extension)
  if (named === undefined) return codes.BAD_HEADER_EXTENSION
  if (named === '' || named !== action.chaincodeId.name || action.chaincodeId.version === '') return codes.INVALID_CHAINCODE
  return isOwnEvent(action.events, named) ? codes.VALID : codes.INVALID_OTHER_REASON
}

function headerChaincode (extension: Uint8Array): string | undefined {
  try {
    return proposal.ChaincodeHeaderExtension.deserializeBinary(extension).getChaincodeId()?.getName() ?? ''
  } catch {
    return undefined
  }
}

function isOwnEvent (events: Uint8Array, name: string): boolean {
  if (events.length === 0) return true
  try {
    return chaincodeEvent.ChaincodeEvent.deserializeBinary(events).getChaincodeId() === name
  } catch {
    return false
  }
}

function read<T> (parse: () => T): { value: T } | { code: number } {
  try {
    return { value: parse() }
  } catch (error) {
    if (error instanceof FabricRefusal) return { code: codeOfRefusal(error.code) }
    if (error instanceof EvidenceError) return { code: codes.BAD_PAYLOAD }
    throw error
  }
}
