/**
 * Multi-version concurrency control: a transaction is valid only if what it read is still what is committed, counting the writes
 * of earlier valid transactions of the same block.
 * @module
 */
import { compareBytes, equalBytes, utf8 } from '../../bytes.js'
import type { Sha256 } from '../../merkle.js'
import type { RangeQueryInfo } from '../messages.js'
import type { Read } from '../rwset.js'
import type { EndorserTransaction } from '../transaction.js'
import { type RangeRead, RangeReads, type RangeSummary } from './range-reads.js'
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

function isSameRange (crypto: Sha256, { readsMerkleHashes, rawReads }: RangeQueryInfo, current: readonly RangeRead[]): boolean {
  if (readsMerkleHashes !== undefined) return hasSummary(crypto, readsMerkleHashes, current)
  const read = rawReads?.kvReads ?? []
  return read.length === current.length && read.every(({ key, version }, i) => {
    const now = current[i] as RangeRead
    return key === now.key && version?.blockNum === now.block && version.txNum === now.tx
  })
}

function hasSummary (crypto: Sha256, { maxDegree, maxLevel, maxLevelHashes }: RangeSummary, current: readonly RangeRead[]): boolean {
  if (maxDegree < 2) return false // no tree has such nodes
  const reads = new RangeReads(crypto, maxDegree)
  for (const entry of current) reads.add(entry)
  const now = reads.finish()
  return 'summary' in now && now.summary.maxLevel === maxLevel && now.summary.maxLevelHashes.length === maxLevelHashes.length &&
    maxLevelHashes.every((hash, i) => equalBytes(hash, now.summary.maxLevelHashes[i] as Uint8Array))
}

/** What the same query gives now. A query that was not read to its end includes the last key that it saw. */
function * currentRange (pending: PendingUpdates, namespace: string, { startKey, endKey: end, itrExhausted }: RangeQueryInfo): Asking<RangeRead[]> {
  const start = utf8(startKey)
  const inclusive = !itrExhausted
  const updated = pending.all().filter((update) => update.namespace === namespace && update.collection === undefined &&
    inRange(utf8(update.key), start, utf8(end), inclusive))
  const replaced = new Set(updated.map(({ key }) => key))
  const committed = yield * ask('range', namespace, startKey, inclusive && end !== '' ? `${end}\0` : end)
  const entries: RangeRead[] = committed.filter(({ key }) => !replaced.has(key))
  for (const update of updated) if (update.value !== undefined) entries.push(update)
  return entries.sort((a, b) => compareBytes(utf8(a.key), utf8(b.key)))
}

function inRange (key: Uint8Array, start: Uint8Array, end: Uint8Array, inclusive: boolean): boolean {
  if (compareBytes(key, start) < 0) return false
  if (end.length === 0) return true
  const order = compareBytes(key, end)
  return order < 0 || (inclusive && order === 0)
}
