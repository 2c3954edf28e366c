/**
 * What committing a block means: the validation code of every transaction, and what the valid ones change. Nothing is written here.
 * @module
 */
import type { Crypto } from '../../crypto.js'
import type { ChannelConfig } from '../config.js'
import type { EndorserTransaction } from '../transaction.js'
import { checkEndorsements } from './endorsements.js'
import { checkChaincode, checkEnvelope } from './envelope.js'
import { checkReads } from './reads.js'
import { ask, type Asking, PendingUpdates, type StateUpdate } from './state.js'
import { codes, type Verdict } from './validation-codes.js'

/** By what a block is judged. */
export interface JudgeOptions {
  readonly crypto: Crypto
  readonly config: ChannelConfig
  /** A code that stands in place of an unsure verdict, where somebody else's word for it is taken; also against a valid one. */
  readonly instead?: (verdict: Judged, index: number) => number
}

/** One transaction of a block. */
export interface Judged extends Verdict {
  /** Absent: it cannot be read, or not trusted, so far that there is no telling what it would do. */
  readonly transaction?: EndorserTransaction
}

/** The outcome of a block. */
export interface BlockVerdict {
  /** By the rules alone, in order. */
  readonly transactions: readonly Judged[]
  /** One `TxValidationCode` a transaction: what the updates follow from. */
  readonly filter: Uint8Array
  /** The last change of each key, in the order of the first. */
  readonly updates: readonly StateUpdate[]
}

/** Judges the endorser transactions of block `number`, in two passes as a peer does: each by itself, then against each other. */
export function * judgeBlock (options: JudgeOptions, number: number, envelopes: readonly Uint8Array[]): Asking<BlockVerdict> {
  const alone: Judged[] = []
  for (const envelope of envelopes) alone.push(yield * judgeAlone(options, envelope))
  const filter = new Uint8Array(envelopes.length)
  const pending = new PendingUpdates()
  const transactions: Judged[] = []
  const seen = new Set<string>()
  for (const [tx, candidate] of alone.entries()) {
    const judged = yield * judgeInBlock(options, candidate, seen, pending)
    const code = options.instead?.(judged, tx) ?? judged.code
    transactions.push(judged)
    filter[tx] = code
    if (code === codes.VALID && judged.transaction !== undefined) apply(judged.transaction, { block: number, tx }, pending)
  }
  return { transactions, filter, updates: pending.all() }
}

function * judgeAlone ({ crypto, config }: JudgeOptions, envelope: Uint8Array): Asking<Judged> {
  const verdict = checkEnvelope(crypto, config, envelope)
  if (!verdict.ok) return verdict
  const { transaction } = verdict
  if (yield * ask('isKnown', transaction.channelHeader.txId)) return { transaction, code: codes.DUPLICATE_TXID }
  const called = checkChaincode(transaction)
  if (called.code !== codes.VALID) return { transaction, ...called }
  return { transaction, ...yield * checkEndorsements(crypto, config, transaction) }
}

function * judgeInBlock ({ crypto }: JudgeOptions, judged: Judged, seen: Set<string>, pending: PendingUpdates): Asking<Judged> {
  const { transaction, code } = judged
  if (transaction === undefined || code !== codes.VALID) return judged
  const { txId } = transaction.channelHeader
  if (seen.has(txId)) return { ...judged, code: codes.DUPLICATE_TXID }
  seen.add(txId)
  return { ...judged, code: yield * checkReads(crypto, pending, transaction) }
}

function apply (transaction: EndorserTransaction, version: { block: number, tx: number }, pending: PendingUpdates): void {
  for (const { namespace, writes, collections } of transaction.readWriteSets) {
    for (const { key, isDelete, value } of writes) {
      // An empty value deletes (FAB-18386).
      pending.set({ namespace, key, ...version, ...(isDelete || value.length === 0 ? {} : { value }) })
    }
    for (const { name: collection, writes: hashed } of collections) {
      for (const { key, isDelete, value } of hashed) {
        pending.set({ namespace, collection, key, ...version, ...(isDelete || value.length === 0 ? {} : { value }) })
      }
    }
  }
}
