import { equalBytes, toHex } from '../bytes.js'
import type { Crypto } from '../crypto.js'
import { type BlockHeader, dataHash, headerDer, ordererSignedBytes } from './block.js'
import type { ChannelConfig } from './config.js'
import { verifyLowS } from './ecdsa.js'
import { decodeAny, decodeExact } from './message.js'
import * as messages from './messages.js'
import { type Msp, serializeIdentity, validateIdentity } from './msp.js'
import { attempt, FabricRefusal, type FabricResult } from './refusal.js'
import { frame } from './wire.js'
import type { Certificate } from './x509.js'

/** A block as evidence carries it: what is signed, and nothing else. The data hash is computed, never given. */
export interface BlockEvidence {
  readonly number: bigint
  readonly previousHash: Uint8Array
  readonly data: readonly Uint8Array[]
  /** The SIGNATURES entry of the block's metadata. */
  readonly signatures: Uint8Array
}

/** The blocks that one configuration is in force for: those after `from`, the block that set it, up to and with `until`, the next one. */
export interface ConfigRange {
  readonly config: ChannelConfig
  readonly from: bigint
  /** Absent: the last configuration known. */
  readonly until?: bigint
}

/** A consenter whose signature verified. */
export interface SigningConsenter {
  readonly id: number
  readonly mspId: string
  readonly certificate: Certificate
}

/** A block that a quorum of the orderers signed. */
export interface OrderedBlock {
  readonly header: BlockHeader
  /** SHA-256 of the header. */
  readonly hash: Uint8Array
  readonly consenters: readonly SigningConsenter[]
  /** Signatures that were needed, and consenters that there are. */
  readonly quorum: number
  readonly of: number
}

const CONFIG = 1

/**
 * Ordering (PROOF.md section 4a): the block is the one that a quorum of the consenters in force signed. Nothing is said about the
 * validity of its transactions, which nobody signs.
 */
export function verifyOrderedBlock (crypto: Crypto, channel: string, range: ConfigRange, block: BlockEvidence): FabricResult<OrderedBlock> {
  return attempt(() => requireOrderedBlock(crypto, channel, range, block))
}

/** @internal As `verifyOrderedBlock`, refusing by exception. */
export function requireOrderedBlock (crypto: Crypto, channel: string, range: ConfigRange, block: BlockEvidence): OrderedBlock {
  const { config } = range
  if (config.consensusType !== 'BFT') throw new FabricRefusal('UNSUPPORTED', `consensus type ${config.consensusType}`)
  const isConfig = isConfiguration(requireEnvelopes(channel, block.data))
  const header = requireHeader(crypto, block)
  const metadata = decodeExact(messages.metadata, block.signatures)
  requireLastConfig(range, header.number, isConfig, metadata.value)
  const consenters = requireSignatures(crypto, config, metadata, headerDer(header))
  return { header, hash: crypto.sha256(headerDer(header)), consenters, quorum: config.quorum, of: config.consenters.length }
}

/**
 * Each data element is exactly one envelope of this channel. The data hash covers their concatenation only, so that elements joined
 * or cut at other places would have the same hash and the same good signatures (CVE-2023-46132).
 *
 * What is within the payloads and behind the signatures is read here as Fabric reads it, not exactly: any member of the channel can have an
 * envelope with odd bytes ordered, and must not spoil the evidence of everybody else in the block. What is relied on, the one transaction or
 * configuration, is decoded exactly by whoever relies on it.
 */
export function requireEnvelopes (channel: string, data: readonly Uint8Array[]): messages.ChannelHeaderMessage[] {
  if (data.length === 0) throw new FabricRefusal('HEADER', 'a block without data')
  return data.map((element) => {
    const { header } = decodeAny(messages.payload, requirePayload(element))
    const channelHeader = decodeAny(messages.channelHeader, header?.channelHeader ?? new Uint8Array(0))
    if (channelHeader.channelId !== channel) throw new FabricRefusal('CHANNEL', 'an envelope of another channel')
    return channelHeader
  })
}

/**
 * The payload of an element: payload, signature, and whatever unknown fields its sender put behind them, which nobody signs and which Go's
 * decoders keep, so that orderers and peers accept them. They are no place to cut: the next element begins with the next field 1.
 */
function requirePayload (element: Uint8Array): Uint8Array {
  const { payload, signature } = decodeAny(messages.envelope, element)
  if (payload.length === 0) throw new FabricRefusal('TRANSACTION_FORM', 'an envelope without payload')
  const end = endOfField(element, endOfField(element, 0, 1, payload), 2, signature)
  const behind = decodeAny(messages.envelope, element.subarray(end ?? 0))
  if (end === undefined || behind.payload.length + behind.signature.length > 0) {
    throw new FabricRefusal('MALFORMED', 'an envelope in another encoding than its own')
  }
  return payload
}

/** Where a field ends whose content is a view of `element`, if it is written at `at` in its one encoding. An empty one is not written. */
function endOfField (element: Uint8Array, at: number | undefined, number: number, content: Uint8Array): number | undefined {
  if (at === undefined || content.length === 0) return at
  const before = frame(number, content.length)
  const start = at + before.length
  const isHere = content.byteOffset === element.byteOffset + start && equalBytes(before, element.subarray(at, start))
  return isHere ? start + content.length : undefined
}

function requireHeader (crypto: Crypto, block: BlockEvidence): BlockHeader {
  if (block.number <= 0n || block.previousHash.length !== 32) throw new FabricRefusal('HEADER', 'a block number or previous hash that cannot be')
  return { number: block.number, previousHash: block.previousHash, dataHash: dataHash(crypto, block.data) }
}

/** Whether these are the envelopes of a configuration block: one, of type CONFIG. */
export function isConfiguration (headers: readonly messages.ChannelHeaderMessage[]): boolean {
  return headers.length === 1 && headers[0]?.type === CONFIG
}

/**
 * The signed last_config says which configuration the orderers worked under: the one that is used, except in a configuration
 * block, whose metadata names the block itself although the old set signs it.
 */
function requireLastConfig (range: ConfigRange, number: bigint, isConfig: boolean, value: Uint8Array): void {
  requireInRange(range, number, isConfig)
  const { lastConfig } = decodeExact(messages.ordererBlockMetadata, value)
  if (lastConfig === undefined) throw new FabricRefusal('LAST_CONFIG', 'the signed metadata names no configuration')
  const named = BigInt(lastConfig.index)
  if (isConfig ? named === number : named === range.from) return
  if (range.until === undefined && named > range.from && named <= number) {
    throw new FabricRefusal('BUNDLE_OLDER', `the trust bundle ends before the configuration of block ${named}`)
  }
  throw new FabricRefusal('LAST_CONFIG', `the orderers signed under the configuration of block ${named}, not ${range.from}`)
}

function requireInRange (range: ConfigRange, number: bigint, isConfig: boolean): void {
  if (number <= range.from || (range.until !== undefined && number > range.until)) {
    throw new FabricRefusal('LAST_CONFIG', `block ${number} is outside the range of the configuration of block ${range.from}`)
  }
  if (range.until === number && !isConfig) throw new FabricRefusal('LAST_CONFIG', `block ${number} is known to be a configuration block`)
}

function requireSignatures (crypto: Crypto, config: ChannelConfig, metadata: messages.Metadata, header: Uint8Array): SigningConsenter[] {
  const signers = metadata.signatures.map(({ identifierHeader, signatureHeader, signature }) => {
    if (signatureHeader.length > 0 || identifierHeader.length === 0) {
      throw new FabricRefusal('ORDERER_SIGNATURE', 'a signature that does not name its consenter by number')
    }
    const signer = requireConsenter(config, decodeExact(messages.identifierHeader, identifierHeader).identifier)
    const signed = ordererSignedBytes(metadata.value, identifierHeader, header)
    if (!verifyLowS(crypto, signer.certificate.publicKey, signed, signature)) {
      throw new FabricRefusal('ORDERER_SIGNATURE', `the signature of consenter ${signer.id} does not verify`)
    }
    return signer
  })
  requireQuorum(config, signers)
  return signers
}

/** Distinct consenters, and distinct keys: one key under two numbers is one signer. */
function requireQuorum (config: ChannelConfig, signers: readonly SigningConsenter[]): void {
  const ids = new Set(signers.map(({ id }) => id))
  const keys = new Set(signers.map(({ certificate }) => toHex(certificate.publicKey.spki)))
  if (ids.size !== signers.length || keys.size !== signers.length) {
    throw new FabricRefusal('ORDERER_SIGNATURE', 'two signatures of one consenter or key')
  }
  if (signers.length < config.quorum || signers.length === 0) {
    throw new FabricRefusal('ORDERER_QUORUM', `${signers.length} of ${config.quorum} signatures`)
  }
}

function requireConsenter (config: ChannelConfig, id: number): SigningConsenter {
  const consenter = config.consenters.find((candidate) => candidate.id === id)
  if (consenter === undefined) throw new FabricRefusal('ORDERER_UNKNOWN', `no consenter has the number ${id}`)
  const verdict = validateIdentity(config.ordererMsps, serializeIdentity({ mspId: consenter.mspId, pem: consenter.identity }))
  if (verdict.ok) return { id, mspId: verdict.mspId, certificate: verdict.certificate }
  throw verdict.reason === 'IDENTITY_UNSUPPORTED'
    ? new FabricRefusal('UNSUPPORTED', `consenter ${id} has an unsupported key`)
    : new FabricRefusal('ORDERER_UNKNOWN', `consenter ${id} is no identity of ${consenter.mspId} (${verdict.reason})`)
}

/** The MSPs whose identities may create transactions: those of all organizations of the channel. */
export function creatorMsps (config: ChannelConfig): ReadonlyMap<string, Msp> {
  return new Map([...config.ordererMsps, ...config.applicationMsps])
}
