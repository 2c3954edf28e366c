import { batchHeaderBytes, type BatchHeader, MAX_BATCH_SIZE, parseBatchHeader } from './batch.js'
import { equalBytes, fromBase64url, fromHex, fromUtf8, toBase64url, toHex, utf8 } from './bytes.js'
import { EvidenceError } from './errors.js'
import { jcs } from './jcs.js'
import {
  type BatchEntry, batchKey, type KeyRegister, keysKey, ledgerBytes, logKey, logState, type LogState, parseBatchEntry,
  parseKeyRegister, parseLogState, receiptKey, rootKey
} from './ledger-values.js'
import {
  type Accepted, checkClock, checkTime, checkWriter, ledgerTime, type LedgerWrite, type LogCall, LogRefusal, type Reading, settled,
  stored
} from './log-process.js'
import { appendLeaf, type CompactRange, isCompactRange, leafHash, rangeRoot, type Sha256 } from './merkle.js'
import { logOrigin } from './record.js'

/** Most headers in one anchor transaction. */
export const MAX_HEADERS = 64
/** The chaincode event of a transaction that anchors; its payload is JCS {log, from, count, head}. */
export const ANCHORED_EVENT = 'steelyard.anchored.v1'

const OPENED: Accepted = { writes: [], answer: '' }

/**
 * Opens a log: the caller's organization becomes its owner. The same parameters and key again, by the owner, write nothing.
 * `skewMs` and `deadlineMs` are decimal; `spki` the first receipt key in base64url.
 */
export const openLog = settled(function * (
  crypto: Sha256, call: LogCall, origin: string, skewMs: string, deadlineMs: string, spki: string
): Reading<Accepted> {
  if (!call.mayWrite) throw new LogRefusal('FORBIDDEN', 'the certificate lacks the attribute steelyard.anchor=true')
  const time = ledgerTime(call)
  const log = logState({
    type: 'steelyard/log/v1',
    hash: 'sha256',
    log: origin,
    owner: call.mspId,
    openedAt: time,
    skewMs: Number(skewMs),
    deadlineMs: Number(deadlineMs),
    size: '0',
    nextSequence: '0',
    range: [],
    time
  }, 'log')
  const register = firstRegister(crypto, log, spki)
  checkClock(call, log.skewMs)
  const before = yield * stored(logKey(origin), parseLogState)
  if (before === undefined) return { writes: [write(logKey(origin), log), write(keysKey(origin), register)], answer: '' }
  const keys = yield * stored(keysKey(origin), parseKeyRegister)
  const same = before.owner === log.owner && before.skewMs === log.skewMs && before.deadlineMs === log.deadlineMs
  if (!same || keys?.keys[0]?.spki !== spki) throw new LogRefusal('ALREADY_OPEN', 'the log is open with other parameters')
  return OPENED
})

function firstRegister (crypto: Sha256, { log, skewMs, deadlineMs, time }: LogState, spki: string): KeyRegister {
  return { type: 'steelyard/keys/v1', log, skewMs, deadlineMs, keys: [newReceiptKey(crypto, spki, '0', time)] }
}

/** @internal A receipt key as it enters the register. */
export function newReceiptKey (crypto: Sha256, spki: string, fromBatch: string, time: string): KeyRegister['keys'][number] {
  const keyId = toHex(crypto.sha256(fromBase64url(spki)))
  return receiptKey({ keyId, alg: 'ed25519', spki, fromBatch, registeredAt: time }, 'key')
}

/** @internal The open log, or NOT_OPEN. */
export function * openedLog (origin: string): Reading<LogState> {
  const log = yield * stored(logKey(logOrigin(origin, 'origin')), parseLogState)
  if (log === undefined) throw new LogRefusal('NOT_OPEN', `${origin} is not open on this ledger`)
  return log
}

/**
 * Anchors 1 to 64 consecutive batch headers, all or nothing. `headers` is a JSON array of their exact bytes in base64url. Those that
 * the ledger holds already, byte for byte, at the start of the list are passed over; when all are there, nothing is written.
 * Answers JCS {from, written}: the first number that was written, and how many.
 */
export const anchor = settled(function * (crypto: Sha256, call: LogCall, origin: string, headers: string): Reading<Accepted> {
  const given = parseHeaders(headers)
  const log = yield * openedLog(origin)
  checkWriter(call, log)
  const known = yield * passKnown(origin, log, given)
  const fresh = given.slice(known)
  const first = fresh[0]
  if (first === undefined) return { writes: [], answer: jcs({ from: log.size, written: '0' }) }
  checkTime(call, log)
  let state = log
  const writes: LedgerWrite[] = []
  for (const header of fresh) {
    yield * checkNext(crypto, call, state, header)
    const entry = append(crypto, call, state, header)
    state = entry.log
    const root = { key: rootKey(origin, header.root), value: utf8(header.number) }
    writes.push(write(batchKey(origin, header.number), entry.entry), root)
  }
  refuseTwins(fresh)
  writes.push(write(logKey(origin), state))
  const head = { size: state.size, root: toHex(headOf(crypto, state)) }
  return {
    writes,
    answer: jcs({ from: first.number, written: String(fresh.length) }),
    event: { name: ANCHORED_EVENT, payload: jcs({ log: origin, from: first.number, count: String(fresh.length), head }) }
  }
})

function parseHeaders (text: string): BatchHeader[] {
  let items: unknown
  try {
    items = JSON.parse(text)
  } catch (cause) {
    throw new EvidenceError({ code: 'NOT_JSON', message: 'headers are not a JSON array', cause })
  }
  if (!Array.isArray(items) || items.length < 1 || items.length > MAX_HEADERS) {
    throw new LogRefusal('BOUNDS', `1 to ${MAX_HEADERS} headers can be anchored at once`)
  }
  return items.map((item) => {
    if (typeof item !== 'string') throw new LogRefusal('FORMAT', 'a header must be base64url')
    return parseBatchHeader(fromBase64url(item))
  })
}

/** The number of headers at the start that the ledger holds with the same bytes; any other byte under a known number is a fork. */
function * passKnown (origin: string, log: LogState, headers: readonly BatchHeader[]): Reading<number> {
  let known = 0
  for (const header of headers) {
    if (header.log !== origin) throw new LogRefusal('FORMAT', `the header is of log ${header.log}`)
    if (Number(header.number) >= Number(log.size)) break
    const entry = yield * stored(batchKey(origin, header.number), parseBatchEntry)
    if (entry === undefined) throw new LogRefusal('STATE', `batch ${header.number} is missing`)
    if (!equalBytes(batchHeaderBytes(entry.header), batchHeaderBytes(header))) {
      throw new LogRefusal('FORK', `another header is anchored as batch ${header.number}`)
    }
    known++
  }
  return known
}

function * checkNext (crypto: Sha256, call: LogCall, log: LogState, header: BatchHeader): Reading<void> {
  if (header.number !== log.size) throw new LogRefusal('GAP', `batch ${log.size} is next, not ${header.number}`)
  if (header.first !== log.nextSequence) throw new LogRefusal('GAP', `sequence ${log.nextSequence} is next, not ${header.first}`)
  const size = Number(header.size)
  if (size < 1 || size > MAX_BATCH_SIZE || !Number.isSafeInteger(Number(header.first) + size)) {
    throw new LogRefusal('BOUNDS', `a batch has 1 to ${MAX_BATCH_SIZE} records`)
  }
  if (header.previousHead !== toHex(headOf(crypto, log))) throw new LogRefusal('HEAD', `batch ${header.number} follows another head`)
  if (Date.parse(header.sealedAt) > call.time + log.skewMs) {
    throw new LogRefusal('SEALED_IN_FUTURE', `batch ${header.number} says it was sealed at ${header.sealedAt}`)
  }
  const holder = yield rootKey(log.log, header.root)
  if (holder !== undefined) throw new LogRefusal('ROOT_KNOWN', `this root is anchored as batch ${fromUtf8(holder)}`)
}

/** The reads see committed state only, so twins within one call are compared here. */
function refuseTwins (headers: readonly BatchHeader[]): void {
  if (new Set(headers.map((header) => header.root)).size !== headers.length) {
    throw new LogRefusal('ROOT_KNOWN', 'two of the headers have the same root')
  }
}

function append (crypto: Sha256, call: LogCall, log: LogState, header: BatchHeader): { entry: BatchEntry, log: LogState } {
  const range = appendLeaf(crypto, rangeOf(log), leafHash(crypto, batchHeaderBytes(header)))
  const head = { size: String(range.size), root: toHex(rangeRoot(crypto, range)) }
  const time = ledgerTime(call)
  return {
    entry: { type: 'steelyard/batch-entry/v1', header, time, skewMs: log.skewMs, head },
    log: {
      ...log,
      size: head.size,
      nextSequence: String(Number(header.first) + Number(header.size)),
      range: range.hashes.map(toHex),
      time
    }
  }
}

function rangeOf (log: LogState): CompactRange {
  const range = { size: Number(log.size), hashes: log.range.map(fromHex) }
  if (!isCompactRange(range)) throw new LogRefusal('STATE', 'the compact range does not fit its size')
  return range
}

/** @internal The log's root. */
export function headOf (crypto: Sha256, log: LogState): Uint8Array {
  return rangeRoot(crypto, rangeOf(log))
}

/** @internal */
export function write (key: string, value: Parameters<typeof ledgerBytes>[0]): LedgerWrite {
  return { key, value: ledgerBytes(value) }
}

/** The argument `headers` of `anchor`. */
export function anchorArgument (headers: readonly Uint8Array[]): string {
  return JSON.stringify(headers.map(toBase64url))
}
