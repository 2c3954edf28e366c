import { fromBase64url, fromHex, toHex } from '../bytes.js'
import type { Crypto } from '../crypto.js'
import type { BlockData } from '../proof.js'
import type { TrustHistory, TrustIdentity } from '../trust-bundle.js'
import { dataHash, headerHash } from './block.js'
import { type ChannelConfig, parseConfigEnvelope } from './config.js'
import { type ChaincodeDefinition, LIFECYCLE_POLICY, readDefinition } from './definition.js'
import { requireEndorsements, requirePolicy } from './endorsement.js'
import { attempt, FabricRefusal, type FabricResult } from './refusal.js'
import type { Version } from './rwset.js'
import { type BlockEvidence, type ConfigRange, isConfiguration, requireEnvelopes, requireOrderedBlock } from './verify-block.js'
import { requireTransaction } from './verify-transaction.js'

/** What a trust bundle's history says once every entry was verified, from the identity on. */
export interface FabricHistory {
  readonly channel: string
  readonly chaincode: string
  /** In order, without gaps; the last one is open-ended. */
  readonly ranges: readonly ConfigRange[]
  /** In order of sequence. */
  readonly definitions: readonly ChaincodeDefinition[]
  /** The highest block that the bundle holds: it knows of nothing later. */
  readonly lastBlock: bigint
}

/** The members of a trust identity that the ledger's history follows from. */
export type HistoryIdentity = Pick<TrustIdentity, 'channel' | 'genesis' | 'chaincode'>

/**
 * Verifies a trust bundle's history: block 0 by the hash in the identity, each further configuration block by a quorum of its
 * predecessor's consenters, each chaincode definition by its block and the endorsements of the organizations.
 */
export function verifyHistory (
  crypto: Crypto, identity: HistoryIdentity, history: Pick<TrustHistory, 'genesis' | 'configs' | 'definitions'>
): FabricResult<FabricHistory> {
  return attempt(() => {
    const ranges = requireRanges(crypto, identity, history)
    const definitions: ChaincodeDefinition[] = []
    for (const { block, transaction } of history.definitions) {
      definitions.push(requireCommit(crypto, identity, ranges, decodeBlock(block), Number(transaction), definitions.at(-1)))
    }
    const blocks = [...ranges.map(({ from }) => from), ...definitions.map(({ at }) => at.block)]
    const lastBlock = blocks.reduce((most, block) => block > most ? block : most, 0n)
    return { channel: identity.channel, chaincode: identity.chaincode, ranges, definitions, lastBlock }
  })
}

/** A block's evidence from its members in a document, whose parser checked their form. */
export function decodeBlock (block: BlockData): BlockEvidence {
  return {
    number: BigInt(block.number),
    previousHash: fromHex(block.previousHash),
    data: block.data.map(fromBase64url),
    signatures: fromBase64url(block.signatures)
  }
}

/**
 * The configuration in force for a block: after the block that set it, up to and with the one that set the next. Only blocks from 1 on
 * are signed by anybody.
 */
export function rangeOf (ranges: readonly ConfigRange[], block: bigint): ConfigRange {
  const range = ranges.find(({ from, until }) => block > from && (until === undefined || block <= until))
  if (range === undefined) throw new FabricRefusal('HEADER', `no configuration is in force for block ${block}`)
  return range
}

/** A block under the newest configuration: what is read without a version must be as new, since retired keys could answer anything about the past. */
export function newestBlock ({ ranges }: Pick<FabricHistory, 'ranges'>): bigint {
  return (ranges.at(-1)?.from ?? 0n) + 1n
}

function requireRanges (
  crypto: Crypto, identity: HistoryIdentity, history: Pick<TrustHistory, 'genesis' | 'configs'>
): ConfigRange[] {
  let current: ConfigRange = { config: requireGenesis(crypto, identity, history.genesis.data.map(fromBase64url)), from: 0n }
  const closed: ConfigRange[] = []
  for (const entry of history.configs) {
    const block = decodeBlock(entry)
    const config = requireNext(crypto, identity, current, block)
    closed.push({ ...current, until: block.number })
    current = { config, from: block.number }
  }
  return [...closed, current]
}

function requireGenesis (crypto: Crypto, identity: HistoryIdentity, data: readonly Uint8Array[]): ChannelConfig {
  if (toHex(genesisHash(crypto, data)) !== identity.genesis) throw new FabricRefusal('GENESIS', 'block 0 is not the one that the identity names')
  return requireConfiguration(crypto, identity, data)
}

/** @internal Header hash of a block 0 with this data. */
export function genesisHash (crypto: Crypto, data: readonly Uint8Array[]): Uint8Array {
  return headerHash(crypto, { number: 0n, previousHash: new Uint8Array(0), dataHash: dataHash(crypto, data) })
}

function requireNext (crypto: Crypto, identity: HistoryIdentity, current: ConfigRange, block: BlockEvidence): ChannelConfig {
  requireOrderedBlock(crypto, identity.channel, { ...current, until: block.number }, block)
  const config = requireConfiguration(crypto, identity, block.data)
  requireFollowing(current.config, config)
  return config
}

/** @internal One change follows the other, and none is left out. */
export function requireFollowing (current: ChannelConfig, next: ChannelConfig): void {
  if (next.sequence !== current.sequence + 1n) throw new FabricRefusal('CONFIG', `configuration ${next.sequence} after ${current.sequence}`)
}

/** @internal The configuration in the data of a configuration block of the channel. */
export function requireConfiguration (crypto: Crypto, identity: Pick<HistoryIdentity, 'channel'>, data: readonly Uint8Array[]): ChannelConfig {
  const [element] = data
  if (element === undefined || !isConfiguration(requireEnvelopes(identity.channel, data))) {
    throw new FabricRefusal('CONFIG', 'not a configuration block')
  }
  const config = parseConfigEnvelope(crypto, element)
  if (config.channelId !== identity.channel) throw new FabricRefusal('CHANNEL', 'the configuration of another channel')
  return config
}

function requireCommit (
  crypto: Crypto, identity: HistoryIdentity, ranges: readonly ConfigRange[], block: BlockEvidence, index: number,
  previous: ChaincodeDefinition | undefined
): ChaincodeDefinition {
  const range = rangeOf(ranges, block.number)
  requireOrderedBlock(crypto, identity.channel, range, block)
  const element = block.data[index]
  if (element === undefined) throw new FabricRefusal('TRANSACTION_INDEX', `the block has no transaction ${index}`)
  const transaction = requireTransaction(crypto, identity.channel, range, element)
  requirePolicy(range.config, LIFECYCLE_POLICY,
    requireEndorsements(crypto, range.config, transaction.responsePayload, transaction.endorsements))
  const at: Version = { block: block.number, tx: BigInt(index) }
  if (previous !== undefined && previous.at.block >= at.block) throw new FabricRefusal('DEFINITION', 'definitions out of order')
  return readDefinition(identity.chaincode, transaction, at, previous)
}
