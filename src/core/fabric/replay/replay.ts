/**
 * Replays a channel from its genesis block: what every peer computed when it committed the blocks is computed again, from their bytes alone,
 * and compared with what a peer says of them. Nobody signs a peer's word (PROOF.md section 4); after a replay nobody has to.
 * @module
 */
import { AUDIT_SAYS, BLOCK_SAYS, DOUBTS } from '../../audit-wording.js'
import type { Sentences } from '../../findings.js'
import { equalBytes, toHex } from '../../bytes.js'
import type { Crypto } from '../../crypto.js'
import { dataHash, headerHash, type ParsedBlock, parseBlock } from '../block.js'
import { commitHash } from '../commit/commit-hash.js'
import { writesMetadata } from '../commit/endorsements.js'
import { type BlockVerdict, type Judged, judgeBlock } from '../commit/judge-block.js'
import { settle } from '../commit/state.js'
import { codeName, codes } from '../commit/validation-codes.js'
import type { ChannelConfig } from '../config.js'
import { genesisHash, requireConfiguration, requireFollowing } from '../history.js'
import { decodeAny } from '../message.js'
import * as messages from '../messages.js'
import { attempt } from '../refusal.js'
import { type ConfigRange, isConfiguration, requireEnvelopes, requireOrderedBlock } from '../verify-block.js'
import { compareCodes, compareCommitHash, peerWord } from './peer-word.js'
import { type Found, note, type ReplayCode, type ReplayDifference, type ReplayedBlock } from './result.js'
import { rulesIn } from './rules.js'
import type { ReplayState } from './state.js'

export interface ReplayOptions {
  readonly crypto: Crypto
  readonly state: ReplayState
  /** Header hash of block 0, lower-case hex, as it is known from elsewhere. Absent: block 0 is taken as it is. */
  readonly genesis?: string
}

/** A replay in progress. Owns the configuration in force and what it read so far; `state` is its caller's. */
export class Replay {
  readonly #crypto: Crypto
  readonly #state: ReplayState
  readonly #genesis: string | undefined
  #range: ConfigRange | undefined
  #height = 0
  #hash = new Uint8Array(0)
  #commitHash: Uint8Array | undefined = new Uint8Array(0)
  /** A transaction was taken as valid on the peer's word, and what it wrote could not be read: later reads prove nothing. */
  #unknownWrites = false
  /** A transaction set policies of single keys, which are not read: whose endorsements suffice from there on is not known. */
  #keyPolicies = false

  constructor ({ crypto, state, genesis }: ReplayOptions) {
    this.#crypto = crypto
    this.#state = state
    this.#genesis = genesis
  }

  /** Number of blocks read; the next one has this number. */
  get height (): number {
    return this.#height
  }

  /** Header hash of the last block. */
  get hash (): Uint8Array {
    return this.#hash
  }

  /** The configuration in force; undefined before block 0. */
  get config (): ChannelConfig | undefined {
    return this.#range?.config
  }

  /** Judges the next block and goes on to it. Never throws on what a block holds. */
  next (bytes: Uint8Array): ReplayedBlock {
    const read = attempt(() => parseBlock(bytes))
    if (!read.ok) return this.#end('BLOCK_UNREADABLE', BLOCK_SAYS.refused(read.code, read.detail))
    return this.#height === 0 ? this.#first(read.value) : this.#follow(read.value, this.#range as ConfigRange)
  }

  #first (block: ParsedBlock): ReplayedBlock {
    const { header, data } = block
    const hash = genesisHash(this.#crypto, data)
    if (this.#genesis !== undefined && toHex(hash) !== this.#genesis) {
      return this.#end('GENESIS', BLOCK_SAYS.otherGenesis(toHex(hash), this.#genesis))
    }
    if (header.number !== 0n || !equalBytes(headerHash(this.#crypto, header), hash)) {
      return this.#end('GENESIS', BLOCK_SAYS.noGenesis)
    }
    const config = attempt(() => requireConfiguration(this.#crypto, channelOf(data), data))
    if (!config.ok) return this.#end('GENESIS', BLOCK_SAYS.refused(config.code, config.detail))
    this.#range = { config: config.value, from: 0n }
    return this.#took(block, hash, { outcomes: { [codeName(codes.VALID)]: 1 }, accepted: [], differences: [], doubts: [], isConfiguration: true })
  }

  #follow (block: ParsedBlock, range: ConfigRange): ReplayedBlock {
    if (isLater(block, this.#height, this.#hash)) return this.#gap(block.header.number)
    const found: Found = { differences: chainDifferences(this.#crypto, block, this.#height, this.#hash), doubts: [] }
    const { header, data, signatures } = block
    const evidence = { number: BigInt(this.#height), previousHash: header.previousHash, data, signatures }
    note(attempt(() => requireOrderedBlock(this.#crypto, range.config.channelId, range, evidence)), 'BLOCK_ORDERING', DOUBTS.orderers, found)
    const hash = headerHash(this.#crypto, header)
    const isConfig = attempt(() => isConfiguration(requireEnvelopes(range.config.channelId, data)))
    return isConfig.ok && isConfig.value ? this.#configure(block, hash, range, found) : this.#judge(block, hash, range, found)
  }

  #configure (block: ParsedBlock, hash: Uint8Array, { config: current }: ConfigRange, found: Found): ReplayedBlock {
    const config = attempt(() => requireConfiguration(this.#crypto, { channel: current.channelId }, block.data))
    if (!config.ok) return this.#end('CONFIGURATION', BLOCK_SAYS.refused(config.code, config.detail), found.differences)
    note(attempt(() => { requireFollowing(current, config.value) }), 'CONFIGURATION', DOUBTS.configuration, found)
    this.#range = { config: config.value, from: BigInt(this.#height) }
    const verdict: BlockVerdict = { transactions: [{ code: codes.VALID }], filter: Uint8Array.of(codes.VALID), updates: [] }
    return this.#judged(block, hash, verdict, { ...found, isConfiguration: true })
  }

  #judge (block: ParsedBlock, hash: Uint8Array, { config }: ConfigRange, found: Found): ReplayedBlock {
    const { filter } = peerWord(block)
    const instead = ({ code, unsure, transaction }: Judged, index: number): number => {
      const theirs = filter[index] ?? code
      if (theirs === code || this.#doubt(unsure, code, theirs) === undefined) return code
      if (theirs === codes.VALID && transaction === undefined) this.#unknownWrites = true
      return theirs
    }
    const state = { ...this.#state, rules: (namespace: string) => rulesIn(this.#state, config, namespace) }
    const verdict = settle(judgeBlock({ crypto: this.#crypto, config, instead }, this.#height, block.data), state)
    return this.#judged(block, hash, verdict, { ...found, isConfiguration: false })
  }

  /** Why the peer's code may stand against ours. */
  readonly #doubt = (unsure: Sentences | undefined, ours: number, theirs: number): Sentences | undefined => unsure ??
    (this.#keyPolicies && [ours, theirs].includes(codes.ENDORSEMENT_POLICY_FAILURE) ? DOUBTS.keyPolicies : undefined) ??
    (this.#unknownWrites && [ours, theirs].some((code) => READ_CONFLICTS.includes(code)) ? DOUBTS.unknownWrites : undefined)

  #judged (block: ParsedBlock, hash: Uint8Array, verdict: BlockVerdict, found: Found & { readonly isConfiguration: boolean }): ReplayedBlock {
    const word = peerWord(block)
    compareCodes(word, verdict, this.#doubt, found)
    const before = this.#commitHash
    compareCommitHash(word, before === undefined ? undefined : commitHash(this.#crypto, verdict.filter, verdict.updates, before), verdict, found)
    this.#commitHash = word.commitHash === 'unreadable' ? undefined : word.commitHash
    this.#state.commit(verdict.updates, block.data.map(txIdOf))
    const accepted = verdict.transactions.flatMap(({ transaction }, index) =>
      verdict.filter[index] === codes.VALID && transaction !== undefined ? [{ index, transaction }] : [])
    this.#keyPolicies ||= accepted.some(({ transaction }) => transaction.readWriteSets.some(writesMetadata))
    return this.#took(block, hash, { ...found, accepted, outcomes: countOf(verdict.filter) })
  }

  #took (block: ParsedBlock, hash: Uint8Array, found: Pick<ReplayedBlock, 'accepted' | 'outcomes' | 'differences' | 'doubts' | 'isConfiguration'>): ReplayedBlock {
    const number = this.#height
    this.#height++
    this.#hash = Uint8Array.from(hash)
    return { number, hash, transactions: block.data.length, ends: false, ...found }
  }

  /** A block that is left out is evidence of nothing, and nothing can be judged after it. */
  #gap (comes: bigint): ReplayedBlock {
    const doubt = { what: AUDIT_SAYS.block(this.#height), why: BLOCK_SAYS.missing(comes) }
    return { ...this.#end('BLOCK_CHAIN', BLOCK_SAYS.missing(comes)), differences: [], doubts: [doubt] }
  }

  #end (code: ReplayCode, says: Sentences, before: readonly ReplayDifference[] = []): ReplayedBlock {
    return {
      number: this.#height,
      hash: new Uint8Array(0),
      transactions: 0,
      accepted: [],
      outcomes: {},
      isConfiguration: false,
      differences: [...before, { code, says }],
      doubts: [],
      ends: true
    }
  }
}

const READ_CONFLICTS: readonly number[] = [codes.MVCC_READ_CONFLICT, codes.PHANTOM_READ_CONFLICT]

function isLater ({ header }: ParsedBlock, height: number, previous: Uint8Array): boolean {
  return header.number > BigInt(height) && !equalBytes(header.previousHash, previous)
}

function chainDifferences (crypto: Crypto, { header, data }: ParsedBlock, height: number, previous: Uint8Array): ReplayDifference[] {
  const says = [
    ...(header.number === BigInt(height) ? [] : [BLOCK_SAYS.otherNumber(header.number)]),
    ...(equalBytes(header.previousHash, previous) ? [] : [BLOCK_SAYS.otherPrevious(toHex(header.previousHash), height - 1, toHex(previous))]),
    ...(equalBytes(header.dataHash, dataHash(crypto, data)) ? [] : [BLOCK_SAYS.otherData])
  ]
  return says.map((each) => ({ code: 'BLOCK_CHAIN', says: each }))
}

/** The channel that block 0 itself names, as far as it can be read. */
function channelOf (data: readonly Uint8Array[]): { channel: string } {
  return { channel: headerOf(data[0])?.channelId ?? '' }
}

/** As a peer indexes it: whatever the header says, of a valid transaction or of another. */
function txIdOf (element: Uint8Array): string {
  return headerOf(element)?.txId ?? ''
}

function headerOf (element: Uint8Array | undefined): messages.ChannelHeaderMessage | undefined {
  const header = attempt(() => {
    const { payload } = decodeAny(messages.envelope, element ?? new Uint8Array(0))
    return decodeAny(messages.channelHeader, decodeAny(messages.payload, payload).header?.channelHeader ?? new Uint8Array(0))
  })
  return header.ok ? header.value : undefined
}

function countOf (filter: Uint8Array): Record<string, number> {
  const counts: Record<string, number> = {}
  for (const code of filter) counts[codeName(code)] = (counts[codeName(code)] ?? 0) + 1
  return counts
}
