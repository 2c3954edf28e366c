/**
 * Multi-version concurrency control: a transaction is valid only if what it read is still what is committed, counting the writes
 * of earlier valid transactions of the same block.
 * @module
 */
import { compareBytes, equalBytes, utf8 } from '../../../src/core/bytes.js'
import type { EndorserTransaction } from '../../../src/core/fabric/transaction.js'
import type { Read } from '../../../src/core/fabric/rwset.js'
import { kvrwset, rwset } from '../proto.js'
import { kvRead, RangeReads } from './range-reads.js'
import type { StateUpdate, StateVersion, Store } from './store.js'
import { codes } from './validation-codes.js'

/** The state changes of a block so far; owned by the block's validation. */
export class PendingUpdates {
  readonly #updates = new Map<string, StateUpdate>()

  get (namespace: string, key: string): StateUpdate | undefined {
    return this.#updates.get(`${namespace}\0${key}`)
  }

  set (update: StateUpdate): void {
    this.#updates.set(`${update.namespace}\0${update.key}`, update)
  }

  all (): StateUpdate[] {
    return [...this.#updates.values()]
  }
}

/** VALID, or which kind of conflict. */
export async function checkReads (store: Store, pending: PendingUpdates, transaction: EndorserTransaction): Promise<number> {
  for (const [index, set] of transaction.readWriteSets.entries()) {
    for (const read of set.reads) {
      if (!await isCurrent(store, pending, set.namespace, read)) return codes.MVCC_READ_CONFLICT
    }
    for (const range of set.rangeQueries > 0 ? rangesOf(transaction, index) : []) {
      if (!await isSameRange(store, pending, set.namespace, range)) return codes.PHANTOM_READ_CONFLICT
    }
  }
  return codes.VALID
}

async function isCurrent (store: Store, pending: PendingUpdates, namespace: string, { key, version }: Read): Promise<boolean> {
  if (pending.get(namespace, key) !== undefined) return false
  const committed = await store.state(namespace, key)
  if (committed === undefined || version === undefined) return committed === undefined && version === undefined
  return BigInt(committed.block) === version.block && BigInt(committed.tx) === version.tx
}

function rangesOf (transaction: EndorserTransaction, index: number): kvrwset.RangeQueryInfo[] {
  const set = rwset.TxReadWriteSet.deserializeBinary(transaction.action.results).getNsRwsetList()[index]
  return set === undefined ? [] : kvrwset.KVRWSet.deserializeBinary(set.getRwset_asU8()).getRangeQueriesInfoList()
}

async function isSameRange (
  store: Store, pending: PendingUpdates, namespace: string, range: kvrwset.RangeQueryInfo
): Promise<boolean> {
  const summary = range.getReadsMerkleHashes()
  if (summary !== undefined) return await hasSummary(summary, currentRange(store, pending, namespace, range))
  const now = new kvrwset.QueryReads()
  for await (const { key, version } of currentRange(store, pending, namespace, range)) now.addKvReads(kvRead(key, version))
  return equalBytes(now.serializeBinary(), (range.getRawReads() ?? new kvrwset.QueryReads()).serializeBinary())
}

async function hasSummary (
  summary: kvrwset.QueryReadsMerkleSummary, current: AsyncIterable<{ key: string, version: StateVersion }>
): Promise<boolean> {
  if (summary.getMaxDegree() < 2) return false // no tree has such nodes
  const reads = new RangeReads(summary.getMaxDegree())
  for await (const { key, version } of current) reads.add(kvRead(key, version))
  const now = reads.finish()
  return 'summary' in now && equalBytes(now.summary.serializeBinary(), summary.serializeBinary())
}

/** What the same query gives now. A query that was not read to its end includes the last key that it saw. */
async function * currentRange (
  store: Store, pending: PendingUpdates, namespace: string, range: kvrwset.RangeQueryInfo
): AsyncGenerator<{ key: string, version: StateVersion }> {
  const start = utf8(range.getStartKey())
  const end = range.getEndKey()
  const inclusive = !range.getItrExhausted()
  const updated = pending.all().filter((update) => update.namespace === namespace && inRange(utf8(update.key), start, utf8(end), inclusive))
  const deleted = new Set(updated.map(({ key }) => key))
  const entries: Array<{ key: string, version: StateVersion }> = []
  for await (const { key, value } of store.range(namespace, range.getStartKey(), inclusive && end !== '' ? `${end}\0` : end)) {
    if (!deleted.has(key)) entries.push({ key, version: value })
  }
  for (const update of updated) if (update.value !== undefined) entries.push({ key: update.key, version: update })
  yield * entries.sort((a, b) => compareBytes(utf8(a.key), utf8(b.key)))
}

function inRange (key: Uint8Array, start: Uint8Array, end: Uint8Array, inclusive: boolean): boolean {
  if (compareBytes(key, start) < 0) return false
  if (end.length === 0) return true
  const order = compareBytes(key, end)
  return order < 0 || (inclusive && order === 0)
}
