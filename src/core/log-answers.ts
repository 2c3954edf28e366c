import { batchHeaderBytes } from './batch.js'
import { fromUtf8, toHex } from './bytes.js'
import { jcs } from './jcs.js'
import {
  type BatchEntry, batchKey, type KeysStatement, type LogStatus, parseBatchEntry, type ReadBack, rootKey
} from './ledger-values.js'
import { keysOf } from './log-keys.js'
import { headOf, openedLog } from './log.js'
import {
  type Accepted, checkClock, ledgerTime, type LogCall, LogRefusal, type Reading, settled, stored
} from './log-process.js'
import { consistencyPath, inclusionPath, leafHash, type Sha256 } from './merkle.js'
import { logOrigin } from './record.js'
import { decimal, hex } from './strict.js'

/** Most entries in one answer of getBatches. */
export const MAX_PAGE = 256
/** Largest log for which the ledger computes paths itself, reading one entry a leaf. Beyond it they come from the entries. */
export const MAX_PATH_LEAVES = 4096

/**
 * The attested read-back: exactly one read, so that an endorsement binds the entry and its version and nothing else. The clock
 * window is that of the entry; T2 is the time of this call.
 */
export const readBatch = settled(function * (_crypto: Sha256, call: LogCall, origin: string, number: string): Reading<Accepted> {
  const entry = yield * entryOf(origin, number)
  checkClock(call, entry.skewMs)
  const answer: ReadBack = { type: 'steelyard/readback/v1', channel: call.channel, entry, time: ledgerTime(call) }
  return answered(answer)
})

/** The attested register of receipt keys: one read, as readBatch. */
export const getKeys = settled(function * (_crypto: Sha256, call: LogCall, origin: string): Reading<Accepted> {
  const register = yield * keysOf(logOrigin(origin, 'origin'))
  checkClock(call, register.skewMs)
  const answer: KeysStatement = { type: 'steelyard/keys-statement/v1', channel: call.channel, register, time: ledgerTime(call) }
  return answered(answer)
})

/** The attested status: how far the log has come by this time. */
export const status = settled(function * (crypto: Sha256, call: LogCall, origin: string): Reading<Accepted> {
  const log = yield * openedLog(origin)
  checkClock(call, log.skewMs)
  const answer: LogStatus = {
    type: 'steelyard/status/v1',
    channel: call.channel,
    log: log.log,
    nextSequence: log.nextSequence,
    head: { size: log.size, root: toHex(headOf(crypto, log)) },
    time: ledgerTime(call)
  }
  return answered(answer)
})

/** The number of the batch with this root, or the empty answer. */
export const findByRoot = settled(function * (_crypto: Sha256, _call: LogCall, origin: string, root: string): Reading<Accepted> {
  const number = yield rootKey(logOrigin(origin, 'origin'), hex(32)(root, 'root'))
  return { writes: [], answer: number === undefined ? '' : fromUtf8(number) }
})

/** The log's size and root. */
export const getHead = settled(function * (crypto: Sha256, _call: LogCall, origin: string): Reading<Accepted> {
  const log = yield * openedLog(origin)
  return answered({ size: log.size, root: toHex(headOf(crypto, log)) })
})

/** At most `count` (1 to 256) entries from batch `from` on; fewer at the log's end, none beyond it. */
export const getBatches = settled(function * (
  _crypto: Sha256, _call: LogCall, origin: string, from: string, count: string
): Reading<Accepted> {
  const log = yield * openedLog(origin)
  const first = Number(decimal(from, 'from'))
  const most = Number(decimal(count, 'count'))
  if (most < 1 || most > MAX_PAGE) throw new LogRefusal('BOUNDS', `a page has 1 to ${MAX_PAGE} entries`)
  const entries: BatchEntry[] = []
  for (let number = first; number < Math.min(first + most, Number(log.size)); number++) {
    entries.push(yield * entryOf(origin, String(number)))
  }
  return answered(entries)
})

/** Leaf and inclusion path of batch `number` in the log of `size` batches, at most MAX_PATH_LEAVES. */
export const getInclusion = settled(function * (
  crypto: Sha256, _call: LogCall, origin: string, number: string, size: string
): Reading<Accepted> {
  const leaves = yield * leavesOf(crypto, origin, size)
  const leaf = leaves[Number(decimal(number, 'number'))]
  if (leaf === undefined) throw new LogRefusal('BOUNDS', `batch ${number} is not in a log of ${size}`)
  return answered({ leaf: toHex(leaf), path: inclusionPath(crypto, leaves, Number(number)).map(toHex) })
})

/** Consistency path from the log of `first` batches to that of `second`, at most MAX_PATH_LEAVES. */
export const getConsistency = settled(function * (
  crypto: Sha256, _call: LogCall, origin: string, first: string, second: string
): Reading<Accepted> {
  const leaves = yield * leavesOf(crypto, origin, second)
  const smaller = Number(decimal(first, 'first'))
  if (smaller > leaves.length) throw new LogRefusal('BOUNDS', 'the first size exceeds the second')
  return answered({ path: consistencyPath(crypto, leaves, smaller).map(toHex) })
})

function * entryOf (origin: string, number: string): Reading<BatchEntry> {
  const entry = yield * stored(batchKey(logOrigin(origin, 'origin'), decimal(number, 'number')), parseBatchEntry)
  if (entry === undefined) throw new LogRefusal('NOT_FOUND', `batch ${number} is not anchored`)
  return entry
}

function * leavesOf (crypto: Sha256, origin: string, size: string): Reading<Uint8Array[]> {
  const log = yield * openedLog(origin)
  const count = Number(decimal(size, 'size'))
  if (count > Number(log.size)) throw new LogRefusal('BOUNDS', `the log has ${log.size} batches`)
  if (count > MAX_PATH_LEAVES) throw new LogRefusal('BOUNDS', `paths are computed here for at most ${MAX_PATH_LEAVES} batches`)
  const leaves: Uint8Array[] = []
  for (let number = 0; number < count; number++) {
    leaves.push(leafHash(crypto, batchHeaderBytes((yield * entryOf(origin, String(number))).header)))
  }
  return leaves
}

function answered (value: unknown): Accepted {
  return { writes: [], answer: jcs(value) }
}
