/**
 * Validates a block with the rules of core, which every verifier of a channel has too, on the state in the store. Nothing is written here.
 * @module
 */
import { type BlockVerdict, type Judged, judgeBlock } from '../../../src/core/fabric/commit/judge-block.js'
import type { Asking, StateQuestion, StateUpdate, StateVersion } from '../../../src/core/fabric/commit/state.js'
import { codes } from '../../../src/core/fabric/commit/validation-codes.js'
import type { ChannelConfig } from '../../../src/core/fabric/config.js'
import type { CollectionRwset } from '../../../src/core/fabric/rwset.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import type { Definitions } from './definitions.js'
import { hashedNamespace } from './keys.js'
import type { HistoryRecord, Store } from './store.js'

/** Against what a block is validated. */
export interface ValidationContext {
  readonly store: Store
  readonly config: ChannelConfig
  readonly definitions: Definitions
}

/** The outcome of a block. */
export interface ValidatedBlock {
  /** One `TxValidationCode` a transaction. */
  readonly filter: Uint8Array
  readonly updates: readonly StateUpdate[]
  readonly history: readonly HistoryRecord[]
  /** Private collections that valid transactions wrote, in their order. */
  readonly collections: readonly CommittedCollection[]
}

/** A collection that a valid transaction wrote, and where the transaction is. */
export type CommittedCollection = CollectionRwset & StateVersion & { readonly namespace: string }

/** Validates the endorser transactions of block `number`. */
export async function validateBlock (context: ValidationContext, number: number, envelopes: readonly Uint8Array[]): Promise<ValidatedBlock> {
  const verdict = await settle(judgeBlock({ crypto: nodeCrypto, config: context.config, instead: decided }, number, envelopes), context)
  return { filter: verdict.filter, updates: verdict.updates, history: historyOf(verdict), collections: collectionsOf(verdict, number) }
}

/** This network has no key-level policies: what uses them is refused. What nobody here can read, nobody satisfies. */
function decided ({ code, transaction, unsure }: Judged): number {
  if (code !== codes.VALID || transaction === undefined) return code
  const setsPolicies = transaction.readWriteSets.some((set) => set.metadataWrites > 0 || set.collections.some((each) => each.metadataWrites > 0))
  if (setsPolicies) return codes.ILLEGAL_WRITESET
  return unsure === undefined ? code : codes.ENDORSEMENT_POLICY_FAILURE
}

async function settle<T> (asking: Asking<T>, context: ValidationContext): Promise<T> {
  let step = asking.next()
  while (step.done !== true) step = asking.next(await answer(context, step.value))
  return step.value
}

type Answer = Parameters<Asking<never>['next']>[0]

async function answer ({ store, config, definitions }: ValidationContext, question: StateQuestion): Promise<Answer> {
  switch (question.ask) {
    case 'version': {
      const [{ namespace, collection, key }] = question.of
      return await store.state(collection === undefined ? namespace : hashedNamespace(namespace, collection), key)
    }
    case 'range': {
      const found = []
      for await (const { key, value: { block, tx } } of store.range(...question.of)) found.push({ key, block, tx })
      return found
    }
    case 'isKnown': return await store.transaction(...question.of) !== undefined
    case 'rules': return await definitions.rules(question.of[0], config)
  }
}

/** Every write of the valid transactions, in order. */
function historyOf ({ transactions, filter }: BlockVerdict): HistoryRecord[] {
  return transactions.flatMap(({ transaction }, tx) => {
    if (filter[tx] !== codes.VALID || transaction === undefined) return []
    const { txId, timestamp } = transaction.channelHeader
    return transaction.readWriteSets.flatMap(({ namespace, writes }) => writes.map(({ key, isDelete, value }) => {
      const deletes = isDelete || value.length === 0 // an empty value deletes (FAB-18386)
      return { namespace, key, tx, txId, timestamp, isDelete: deletes, value: deletes ? new Uint8Array(0) : value }
    }))
  })
}

function collectionsOf ({ transactions, filter }: BlockVerdict, block: number): CommittedCollection[] {
  return transactions.flatMap(({ transaction }, tx) => {
    if (filter[tx] !== codes.VALID || transaction === undefined) return []
    return transaction.readWriteSets.flatMap(({ namespace, collections }) => collections.map((each) => ({ ...each, namespace, block, tx })))
  })
}
