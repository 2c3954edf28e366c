import fc from 'fast-check'
import t from 'tap'
import { batchHeaderBytes, type BatchHeader, MAX_BATCH_SIZE } from '../../src/core/batch.js'
import { fromHex, utf8 } from '../../src/core/bytes.js'
import { batchKey, logKey, parseBatchEntry, parseKeyRegister, parseLogState, parseReadBack, keysKey } from '../../src/core/ledger-values.js'
import {
  findByRoot, getBatches, getConsistency, getHead, getInclusion, getKeys, MAX_PAGE, readBatch, status
} from '../../src/core/log-answers.js'
import { registerKey, revokeKey } from '../../src/core/log-keys.js'
import type { LogCall, LogRefusalCode, Outcome } from '../../src/core/log-process.js'
import { anchor, anchorArgument, ANCHORED_EVENT, MAX_HEADERS, openLog } from '../../src/core/log.js'
import { leafHash, verifyConsistency, verifyInclusion } from '../../src/core/merkle.js'
import { callAt, flipped, HeaderMaker, MemoryLedger, ORIGIN, sha256, spkiOf, T0 } from '../support/log-model.js'

const SKEW = 30_000
const codeOf = (outcome: Outcome): LogRefusalCode | 'ok' => 'refused' in outcome ? outcome.refused : 'ok'

function opened (): { ledger: MemoryLedger, maker: HeaderMaker, put: (headers: BatchHeader[], call?: LogCall) => Outcome } {
  const ledger = new MemoryLedger()
  ledger.run(openLog(sha256, callAt(T0), ORIGIN, String(SKEW), '86400000', spkiOf(1)))
  const put = (headers: BatchHeader[], call = callAt(T0)): Outcome =>
    ledger.run(anchor(sha256, call, ORIGIN, anchorArgument(headers.map(batchHeaderBytes))))
  return { ledger, maker: new HeaderMaker(), put }
}

/** The payload of an answer, parsed. */
function said<T> (outcome: Outcome): T {
  if ('refused' in outcome) throw new Error(outcome.refused)
  return JSON.parse(outcome.answer) as T
}

t.test('opening', async (t) => {
  const ledger = new MemoryLedger()
  const open = (change: Partial<LogCall>, skew = '30000', spki = spkiOf(1), origin = ORIGIN): Outcome =>
    ledger.run(openLog(sha256, callAt(T0, change), origin, skew, '86400000', spki))
  t.equal(codeOf(open({ mayWrite: false })), 'FORBIDDEN')
  t.equal(codeOf(open({ now: T0 + SKEW + 1 })), 'CLOCK')
  t.equal(codeOf(open({}, '999')), 'FORMAT')
  t.equal(codeOf(open({}, '30000', spkiOf(1), 'no origin')), 'FORMAT')
  t.equal(codeOf(open({}, '30000', 'AAAA')), 'FORMAT')
  t.equal(ledger.state.size, 0)
  t.equal(codeOf(open({})), 'ok')
  const before = new Map(ledger.state)
  t.equal(codeOf(open({ time: T0 + 5, now: T0 + 5 })), 'ok', 'the same again')
  t.same(ledger.state, before)
  t.equal(codeOf(open({}, '40000')), 'ALREADY_OPEN')
  t.equal(codeOf(open({ mspId: 'CourtMSP' })), 'ALREADY_OPEN')
  t.equal(codeOf(open({}, '30000', spkiOf(2))), 'ALREADY_OPEN')
  t.equal(parseLogState(ledger.state.get(logKey(ORIGIN)) as Uint8Array).owner, 'OperatorMSP')
})

t.test('each rule of anchor refuses, and nothing is written', async (t) => {
  const { ledger, maker, put } = opened()
  t.equal(codeOf(put([maker.next(3), maker.next(5)])), 'ok')
  const state = new Map(ledger.state)
  const refuses = (code: LogRefusalCode, headers: BatchHeader[], call?: LogCall): void => {
    t.equal(codeOf(put(headers, call)), code)
    t.same(ledger.state, state)
  }
  const good = maker.peek(4)
  refuses('FORBIDDEN', [good], callAt(T0, { mayWrite: false }))
  refuses('FORBIDDEN', [good], callAt(T0, { mspId: 'CourtMSP' }))
  refuses('GAP', [maker.peek(4, { number: '3' })])
  refuses('GAP', [maker.peek(4, { first: '9' })])
  refuses('GAP', [maker.peek(4, { first: '7' })])
  refuses('BOUNDS', [maker.peek(4, { size: '0' })])
  refuses('BOUNDS', [maker.peek(4, { size: String(MAX_BATCH_SIZE + 1) })])
  refuses('BOUNDS', [])
  refuses('BOUNDS', Array.from({ length: MAX_HEADERS + 1 }, () => good))
  refuses('HEAD', [maker.peek(4, { previousHead: flipped(good.previousHead) })])
  refuses('SEALED_IN_FUTURE', [maker.peek(4, { sealedAt: new Date(T0 + SKEW + 1).toISOString() })])
  refuses('CLOCK', [good], callAt(T0, { now: T0 + SKEW + 1 }))
  refuses('CLOCK', [good], callAt(T0 + SKEW + 1, { now: T0 }))
  refuses('TIME_BACKWARDS', [good], callAt(T0 - 1))
  refuses('ROOT_KNOWN', [maker.peek(4, { root: new HeaderMaker().peek(3).root })])
  refuses('FORMAT', [maker.peek(4, { log: 'other.example/0011223344556677' })])
  refuses('GAP', [good, good])
  for (const change of [{ size: '4' }, { sealedAt: new Date(T0 + 1).toISOString() }, { first: '1' }, { root: good.root }, { previousHead: good.root }]) {
    refuses('FORK', [{ ...new HeaderMaker().peek(3), ...change }])
  }
  for (const text of ['', '{}', '[1]', '["=="]', '["e30"]']) {
    const outcome = ledger.run(anchor(sha256, callAt(T0), ORIGIN, text))
    t.ok(['FORMAT', 'BOUNDS'].includes(codeOf(outcome)), text)
  }
  t.equal(codeOf(ledger.run(anchor(sha256, callAt(T0), 'other/0011223344556677', anchorArgument([batchHeaderBytes(good)])))), 'NOT_OPEN')
  // The bounds themselves are allowed.
  t.equal(codeOf(put([maker.peek(MAX_BATCH_SIZE, { sealedAt: new Date(T0 + SKEW).toISOString() })], callAt(T0, { now: T0 + SKEW }))), 'ok')
})

t.test('two headers of one call cannot share a root', async (t) => {
  const { maker, put } = opened()
  const first = maker.next(1)
  t.equal(codeOf(put([first, maker.peek(1, { root: first.root })])), 'ROOT_KNOWN')
})

t.test('what anchor writes and answers', async (t) => {
  const { ledger, maker, put } = opened()
  const first = maker.next(3)
  const outcome = put([first], callAt(T0 + 250))
  t.same(said(outcome), { from: '0', written: '1' })
  if ('refused' in outcome) return
  t.equal(outcome.event?.name, ANCHORED_EVENT)
  t.same(JSON.parse(outcome.event?.payload ?? ''), { log: ORIGIN, from: '0', count: '1', head: maker.head })
  const entry = parseBatchEntry(ledger.state.get(batchKey(ORIGIN, '0')) as Uint8Array)
  t.same(entry, {
    type: 'steelyard/batch-entry/v1', header: first, time: new Date(T0 + 250).toISOString(), skewMs: SKEW, head: maker.head
  })
  // Again, late, as after an unknown outcome: found, and the clock does not matter as nothing is written.
  const before = new Map(ledger.state)
  t.same(said(put([first], callAt(T0 + 250, { now: T0 + 9 * SKEW }))), { from: '1', written: '0' })
  t.same(ledger.state, before)
  const second = maker.next(2)
  t.same(said(put([first, second], callAt(T0 + 300))), { from: '1', written: '1' }, 'the known start is passed over')
  t.equal(parseBatchEntry(ledger.state.get(batchKey(ORIGIN, '0')) as Uint8Array).time, entry.time)
})

t.test('answers', async (t) => {
  const { ledger, maker, put } = opened()
  const headers = Array.from({ length: 7 }, (_, i) => maker.next(i + 1))
  put(headers)
  const ask = (f: typeof readBatch, ...args: [string] | [string, string]): Outcome =>
    ledger.run(f(sha256, callAt(T0 + 10), ...args as [string, string]))

  const answer = ask(readBatch, ORIGIN, '3')
  t.same(ledger.reads, [batchKey(ORIGIN, '3')], 'exactly one read')
  t.same('refused' in answer || answer.writes, [])
  const back = parseReadBack(utf8('refused' in answer ? '' : answer.answer))
  t.equal(back.channel, 'evidence')
  t.equal(back.time, new Date(T0 + 10).toISOString())
  t.same(back.entry.header, headers[3])
  t.equal(codeOf(ask(readBatch, ORIGIN, '7')), 'NOT_FOUND')
  t.equal(codeOf(ask(readBatch, ORIGIN, '03')), 'FORMAT')
  t.equal(codeOf(ledger.run(readBatch(sha256, callAt(T0, { now: T0 + SKEW + 1 }), ORIGIN, '3'))), 'CLOCK')
  t.equal(codeOf(ledger.run(status(sha256, callAt(T0, { now: T0 - SKEW - 1 }), ORIGIN))), 'CLOCK')
  t.equal(codeOf(ledger.run(getKeys(sha256, callAt(T0, { now: T0 - SKEW - 1 }), ORIGIN))), 'CLOCK')

  t.match(said(ledger.run(status(sha256, callAt(T0 + 10), ORIGIN))), {
    type: 'steelyard/status/v1', nextSequence: '28', head: maker.head, time: new Date(T0 + 10).toISOString()
  })
  t.same(ledger.reads, [logKey(ORIGIN)])
  t.same(said(ledger.run(getHead(sha256, callAt(T0), ORIGIN))), maker.head)
  t.match(ask(findByRoot, ORIGIN, headers[5]?.root ?? ''), { answer: '5' })
  t.match(ask(findByRoot, ORIGIN, flipped(headers[5]?.root ?? '')), { answer: '' })

  const page = (from: string, count: string): Outcome => ledger.run(getBatches(sha256, callAt(T0), ORIGIN, from, count))
  t.same(said<Array<{ header: BatchHeader }>>(page('2', '3')).map((entry) => entry.header), headers.slice(2, 5))
  t.equal(said<unknown[]>(page('5', String(MAX_PAGE))).length, 2)
  t.same(said(page('7', '1')), [])
  t.equal(codeOf(page('0', String(MAX_PAGE + 1))), 'BOUNDS')
  t.equal(codeOf(page('0', '0')), 'BOUNDS')
})

t.test('inclusion and consistency of every pair of sizes verify', async (t) => {
  const { ledger, maker, put } = opened()
  const headers = Array.from({ length: 9 }, () => maker.next(1))
  put(headers)
  const root = (size: number): Uint8Array => fromHex(parseBatchEntry(ledger.state.get(batchKey(ORIGIN, String(size - 1))) as Uint8Array).head.root)
  for (let size = 1; size <= 9; size++) {
    for (let i = 0; i < size; i++) {
      const { leaf, path } = said<{ leaf: string, path: string[] }>(
        ledger.run(getInclusion(sha256, callAt(T0), ORIGIN, String(i), String(size))))
      t.same(fromHex(leaf), leafHash(sha256, batchHeaderBytes(headers[i] as BatchHeader)))
      t.ok(verifyInclusion(sha256, fromHex(leaf), i, size, path.map(fromHex), root(size)))
      const between = said<{ path: string[] }>(ledger.run(getConsistency(sha256, callAt(T0), ORIGIN, String(i + 1), String(size))))
      t.ok(verifyConsistency(sha256, { size: i + 1, root: root(i + 1) }, { size, root: root(size) }, between.path.map(fromHex)))
    }
  }
  t.equal(codeOf(ledger.run(getInclusion(sha256, callAt(T0), ORIGIN, '9', '9'))), 'BOUNDS')
  t.equal(codeOf(ledger.run(getInclusion(sha256, callAt(T0), ORIGIN, '0', '10'))), 'BOUNDS')
  t.equal(codeOf(ledger.run(getConsistency(sha256, callAt(T0), ORIGIN, '5', '4'))), 'BOUNDS')
})

t.test('receipt keys', async (t) => {
  const { ledger, maker, put } = opened()
  put([maker.next(1), maker.next(1)])
  const register = (seed: number, from: string, change: Partial<LogCall> = {}): Outcome =>
    ledger.run(registerKey(sha256, callAt(T0, change), ORIGIN, spkiOf(seed), from))
  t.equal(codeOf(register(2, '1')), 'BOUNDS', 'not from an anchored batch')
  t.equal(codeOf(register(2, '5', { mspId: 'CourtMSP' })), 'FORBIDDEN')
  t.equal(codeOf(register(2, '5', { time: T0 - 1, now: T0 - 1 })), 'TIME_BACKWARDS')
  t.equal(codeOf(register(2, '5')), 'ok')
  t.match(register(2, '5'), { writes: [] })
  t.equal(codeOf(register(2, '6')), 'KEY_KNOWN')
  t.match(register(1, '0'), { writes: [] }, 'the first key is registered by opening')
  const keys = (): ReturnType<typeof parseKeyRegister>['keys'] => parseKeyRegister(ledger.state.get(keysKey(ORIGIN)) as Uint8Array).keys
  const first = keys()[0]?.keyId ?? ''
  const revoke = (keyId: string, until: string, from = ''): Outcome =>
    ledger.run(revokeKey(sha256, callAt(T0 + 7), ORIGIN, keyId, until, from))
  t.equal(codeOf(revoke('00'.repeat(32), '5')), 'KEY_UNKNOWN')
  t.equal(codeOf(revoke(first, '1')), 'BOUNDS', 'not before an anchored batch')
  t.equal(codeOf(revoke(keys()[1]?.keyId ?? '', '4')), 'BOUNDS', 'not before it begins')
  t.equal(codeOf(revoke(first, '5', 'yesterday')), 'FORMAT')
  t.equal(codeOf(revoke(first, '5', '2026-11-01T00:00:00.000Z')), 'ok')
  t.match(revoke(first, '5', '2026-11-01T00:00:00.000Z'), { writes: [] })
  t.equal(codeOf(revoke(first, '6', '2026-11-01T00:00:00.000Z')), 'KEY_REVOKED')
  t.equal(codeOf(revoke(first, '5')), 'KEY_REVOKED')
  t.match(keys(), [
    { until: '5', compromisedFrom: '2026-11-01T00:00:00.000Z', revokedAt: new Date(T0 + 7).toISOString() }, { fromBatch: '5' }
  ])
  t.same(said<{ register: unknown }>(ledger.run(getKeys(sha256, callAt(T0), ORIGIN))).register,
    parseKeyRegister(ledger.state.get(keysKey(ORIGIN)) as Uint8Array))
  t.same(ledger.reads, [keysKey(ORIGIN)], 'exactly one read')
})

t.test('a value of the ledger that does not parse is the ledger\'s fault', async (t) => {
  const { ledger, maker, put } = opened()
  ledger.state.set(logKey(ORIGIN), utf8('{}'))
  t.equal(codeOf(put([maker.peek(1)])), 'STATE')
})

// A model: lists of headers with known starts, gaps and forks, at times that also go backwards. Whatever is asked, the ledger
// holds exactly the accepted history, each entry as first written, and its head is that of an independent tree.
t.test('model', async (t) => {
  const step = fc.record({
    back: fc.nat(3), fresh: fc.nat(3), fork: fc.boolean(), skip: fc.boolean(), dt: fc.integer({ min: -2, max: 20 })
  })
  fc.assert(fc.property(fc.array(step, { maxLength: 25 }), (steps) => {
    const { ledger, maker, put } = opened()
    const history: BatchHeader[] = []
    const entries = new Map<string, Uint8Array>()
    let time = T0
    let last = T0
    for (const { back, fresh, fork, skip, dt } of steps) {
      time += dt
      const known = history.slice(history.length - Math.min(back, history.length))
      const candidate = maker.peek(2)
      const bad = fork && known.length > 0
      const headers = known.map((header, i) => bad && i === 0 ? { ...header, size: String(Number(header.size) + 1) } : header)
      const extra: BatchHeader[] = []
      const late = time < last
      const accepts = !bad && !skip && !late
      if (skip && fresh > 0) extra.push({ ...candidate, number: String(history.length + 1) })
      else for (let i = 0; i < (accepts ? fresh : Math.min(fresh, 1)); i++) extra.push(accepts ? maker.next(2) : candidate)
      if (headers.length + extra.length === 0) continue
      const outcome = put([...headers, ...extra], callAt(time))
      const expected = bad ? 'FORK' : extra.length === 0 ? 'ok' : skip ? 'GAP' : late ? 'TIME_BACKWARDS' : 'ok'
      if (expected === 'GAP' && late) {
        if (!['GAP', 'TIME_BACKWARDS'].includes(codeOf(outcome))) return false
      } else if (codeOf(outcome) !== expected) return false
      if (expected === 'ok' && extra.length > 0) {
        last = time
        for (const header of extra) {
          history.push(header)
          entries.set(header.number, ledger.state.get(batchKey(ORIGIN, header.number)) as Uint8Array)
        }
      }
    }
    const log = parseLogState(ledger.state.get(logKey(ORIGIN)) as Uint8Array)
    const { head, nextSequence } = said<{ head: unknown, nextSequence: string }>(ledger.run(status(sha256, callAt(time), ORIGIN)))
    return JSON.stringify(head) === JSON.stringify({ root: maker.head.root, size: maker.head.size }) &&
      nextSequence === maker.nextSequence && log.size === String(history.length) &&
      [...entries].every(([number, bytes]) => ledger.state.get(batchKey(ORIGIN, number)) === bytes)
  }), { numRuns: 300 })
  t.pass('holds')
})
