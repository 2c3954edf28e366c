/**
 * What committing a block means: the flag of every transaction, and what the valid ones change. Nothing is written here.
 * @module
 */
import type { ChannelConfig } from '../../../src/core/fabric/config.js'
import type { EndorserTransaction } from '../../../src/core/fabric/transaction.js'
import type { Definitions } from './definitions.js'
import { checkEndorsements } from './endorsement-checks.js'
import { checkEnvelope } from './envelope-checks.js'
import { checkReads, PendingUpdates } from './state-checks.js'
import type { HistoryRecord, StateUpdate, Store } from './store.js'
import { codes } from './validation-codes.js'

/** Against what a block is validated. */
export interface ValidationContext {
  readonly store: Store
  readonly config: ChannelConfig
  readonly definitions: Definitions
}

/** The outcome of a block. */
export interface BlockVerdict {
  /** One `TxValidationCode` a transaction. */
  readonly filter: Uint8Array
  readonly updates: readonly StateUpdate[]
  readonly history: readonly HistoryRecord[]
}

interface Candidate {
  readonly transaction?: EndorserTransaction
  readonly code: number
}

/** Validates the endorser transactions of block `number`, in two passes as a peer does: each by itself, then against each other. */
export async function validateBlock (
  context: ValidationContext, number: number, envelopes: readonly Uint8Array[]
): Promise<BlockVerdict> {
  const candidates: Candidate[] = []
  for (const envelope of envelopes) candidates.push(await judgeAlone(context, envelope))
  const filter = new Uint8Array(envelopes.length)
  const pending = new PendingUpdates()
  const history: HistoryRecord[] = []
  const seen = new Set<string>()
  for (const [tx, candidate] of candidates.entries()) {
    const code = await judgeInBlock(context, candidate, seen, pending)
    filter[tx] = code
    if (code !== codes.VALID || candidate.transaction === undefined) continue
    apply(candidate.transaction, { block: number, tx }, pending, history)
  }
  return { filter, updates: pending.all(), history }
}

async function judgeAlone ({ store, config, definitions }: ValidationContext, envelope: Uint8Array): Promise<Candidate> {
  const verdict = checkEnvelope(config, envelope)
  if (!verdict.ok) return { code: verdict.code }
  const { transaction } = verdict
  if (await store.transaction(transaction.channelHeader.txId) !== undefined) return { code: codes.DUPLICATE_TXID }
  return { transaction, code: await checkEndorsements(config, definitions, transaction) }
}

async function judgeInBlock (
  { store }: ValidationContext, { transaction, code }: Candidate, seen: Set<string>, pending: PendingUpdates
): Promise<number> {
  if (transaction === undefined || code !== codes.VALID) return code
  const { txId } = transaction.channelHeader
  if (seen.has(txId)) return codes.DUPLICATE_TXID
  seen.add(txId)
  return await checkReads(store, pending, transaction)
}

function apply (
  transaction: EndorserTransaction, version: { block: number, tx: number }, pending: PendingUpdates, history: HistoryRecord[]
): void {
  const { txId, timestamp } = transaction.channelHeader
  for (const { namespace, writes } of transaction.readWriteSets) {
    for (const { key, isDelete, value } of writes) {
      const deletes = isDelete || value.length === 0 // an empty value deletes (FAB-18386)
      pending.set({ namespace, key, ...version, ...(deletes ? {} : { value }) })
      history.push({ namespace, key, tx: version.tx, txId, timestamp, isDelete: deletes, value: deletes ? new Uint8Array(0) : value })
    }
  }
}
