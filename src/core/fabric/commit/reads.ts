/**
 * Multi-version concurrency control: a transaction is valid only if what it read is still what is committed, counting the writes
 * of earlier valid transactions of the same block.
 * @module
 */
import { compareBytes, equalBytes, utf8 } from '../../bytes.js'
import type { Sha256 } from '../../merkle.js'
import { kvrwset } from '../proto.js'
import type { Read } from '../rwset.js'
import type { EndorserTransaction } from '../transaction.js'
import { kvRead, RangeReads } from './range-reads.js'
import { ask, type Asking, type PendingUpdates, type StateKey, type StateVersion } from './state.js'
import { codes } from './validation-codes.js'

/** VALID, or which kind of conflict. */
export function * checkReads (crypto: Sha256, pending: PendingUpdates, { readWriteSets }: EndorserTransaction): Asking<number> {
  for (const { namespace, reads, rangeQueries, collections } of readWriteSets) {
    if (!(yield * areCurrent(pending, { namespace }, reads))) return codes.MVCC_READ_CONFLICT
    for (const range of rangeQueries) {
      if (!isSameRange(crypto, range, yield * currentRange(pending, namespace, range))) return codes.PHANTOM_READ_CONFLICT
    }
    for (const { name, reads: hashed } of collections) {
      if (!(yield * areCurrent(pending, { namespace, collection: name }, hashed))) return codes.MVCC_READ_CONFLICT
    }
  }
  return codes.VALID
}

function * areCurrent (pending: PendingUpdates, where: Omit<StateKey, 'key'>, reads: readonly Read[]): Asking<boolean> {
  for (const { key, version } of reads) {
    const of: StateKey = { ...where, key }
    if (pending.get(of) !== undefined || !isSame(yield * ask('version', of), version)) return false
  }
  return true
}

function isSame (committed: StateVersion | undefined, version: Read['version']): boolean {
  if (committed === undefined || version === undefined) return committed === undefined && version === undefined
  return BigInt(committed.block) === version.block && BigInt(committed.tx) === version.tx
}

type Entry = StateVersion & { readonly key: string }

function isSameRange (crypto: Sha256, range: kvrwset.RangeQueryInfo, current: readonly Entry[]): boolean {
  const summary = range.getReadsMerkleHashes()
  if (summary !== undefined) return hasSummary(crypto, summary, current)
  const now = new kvrwset.QueryReads()
  for (const entry of current) now.addKvReads(kvRead(entry.key, entry))
  return equalBytes(now.serializeBinary(), (range.getRawReads() ?? new kvrwset.QueryReads()).serializeBinary())
}

function hasSummary (crypto: Sha256, summary: kvrwset.QueryReadsMerkleSummary, current: readonly Entry[]): boolean {
  if (summary.getMaxDegree() < 2) return false // no tree has such nodes
  const reads = new RangeReads(crypto, summary.getMaxDegree())
  for (const entry of current) reads.add(kvRead(entry.key, entry))
  const now = reads.finish()
  return 'summary' in now && equalBytes(now.summary.serializeBinary(), summary.serializeBinary())
}

/** What the same query gives now. A query that was not read to its end includes the last key that it saw. */
function * currentRange (pending: PendingUpdates, namespace: string, range: kvrwset.RangeQueryInfo): Asking<Entry[]> {
  const start = utf8(range.getStartKey())
  const end = range.getEndKey()
  const inclusive = !range.getItrExhausted()
  const updated = pending.all().filter((update) => update.namespace === namespace && update.collection === undefined &&
    inRange(utf8(update.key), start, utf8(end), inclusive))
  const replaced = new Set(updated.map(({ key }) => key))
  const committed = yield * ask('range', namespace, range.getStartKey(), inclusive && end !== '' ? `${end}\0` : end)
  const entries: Entry[] = committed.filter(({ key }) => !replaced.has(key))
  for (const update of updated) if (update.value !== undefined) entries.push(update)
  return entries.sort((a, b) => compareBytes(utf8(a.key), utf8(b.key)))
}

function inRange (key: Uint8Array, start: Uint8Array, end: Uint8Array, inclusive: boolean): boolean {
  if (compareBytes(key, start) < 0) return false
  if (end.length === 0) return true
  const order = compareBytes(key, end)
  return order < 0 || (inclusive && order === 0)
}
