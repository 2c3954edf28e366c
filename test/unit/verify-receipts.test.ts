/** What the verifier says of receipts, of the promise in them, and of the keys that sign them. */
import t from 'tap'
import { toBase64url, utf8 } from '../../src/core/bytes.js'
import type { FindingCode } from '../../src/core/findings.js'
import { receiptBytes } from '../../src/core/receipt.js'
import type { VerifyInput } from '../../src/core/verify/input.js'
import { compareReceipts } from '../../src/core/verify/promise.js'
import { verify } from '../../src/core/verify/verifier.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { DEADLINE_MS, EvidenceWorld, type Made, NOW, receiptKeyPair, T0, time } from '../support/evidence-world.js'
import { bundle, check, code, good, pins, world } from '../support/verified-world.js'

t.test('receipt keys are valid by batch', (t) => {
  const other = new EvidenceWorld()
  const next = receiptKeyPair()
  other.register(next, 1)
  const [early] = other.anchor([{}], { key: next })
  const [fits] = other.anchor([{}], { key: next, at: 10, readAt: 20 })
  other.revoke(next, 2, time(-1000), 50)
  const [late] = other.anchor([{}], { key: next, at: 60, readAt: 70 })
  const input = { bundle: other.bundleBytes(), pins: [{ fingerprint: other.fingerprint }] }
  t.equal(code(check(early as Made, input), 'ledger'), 'RECEIPT_KEY_OUT_OF_RANGE')
  t.equal(code(check(late as Made, input), 'ledger'), 'RECEIPT_KEY_OUT_OF_RANGE')
  const report = check(fits as Made, input)
  t.equal(report.exitCode, 0)
  t.match(report.remarks, [{ code: 'KEY_COMPROMISED', evidence: { from: time(-1000), registeredAt: time(50) } }])
  t.end()
})

t.test('the promise of a receipt', (t) => {
  const other = new EvidenceWorld()
  const [made] = other.anchor([{}])
  const promised = made as Made
  const trust = { bundle: other.bundleBytes(), bundleSource: 'given' as const, pins: [{ fingerprint: other.fingerprint }] }
  const promise = (input: Partial<VerifyInput>): FindingCode | undefined =>
    code(verify(nodeCrypto, { ...trust, now: NOW, receipt: promised.receiptBytes, ...input }), 'promise')
  const deadline = T0 - 2500 + DEADLINE_MS
  t.equal(promise({ proof: promised.bytes }), 'PROMISE_KEPT')
  t.equal(promise({}), 'PROMISE_OPEN')
  t.equal(promise({ now: new Date(deadline + 1).toISOString() }), 'PROMISE_OVERDUE')
  t.equal(promise({ pins: [] }), 'PROMISE_NOT_PINNED', 'the key is known, whose it is is not')
  t.equal(promise({ pins: [], status: other.status(1000), proof: promised.bytes }), 'PROMISE_NOT_PINNED', 'nothing is judged by such a bundle')
  t.equal(promise({ pins: [], bundle: world.bundleBytes() }), 'PROMISE_KEY_UNKNOWN', 'a bundle of another log')
  t.equal(promise({ pins: [{ fingerprint: '00'.repeat(32) }] }), 'PROMISE_KEY_UNKNOWN', 'a bundle that is not used')
  t.equal(promise({ receipt: utf8('x') }), 'PROMISE_RECEIPT_UNREADABLE')
  t.equal(promise({ status: other.status(1000) }), 'PROMISE_POSITION_FILLED')
  const [longer] = other.receipts([promised.proof.record], { promised: DEADLINE_MS + 1 })
  t.equal(promise({ receipt: receiptBytes(longer as NonNullable<typeof longer>), proof: promised.bytes }), 'RECEIPT_DEADLINE_BEYOND_LOG')
  // Records that the ledger never got.
  const [lost] = other.receipts([{ ...promised.proof.record, sequence: '1' }])
  const dropped = receiptBytes(lost as NonNullable<typeof lost>)
  t.equal(promise({ receipt: dropped, status: other.status(1000) }), 'PROMISE_NOT_YET_DUE')
  t.equal(promise({ receipt: dropped, status: other.status(DEADLINE_MS + 60_000) }), 'PROMISE_BROKEN_NOT_INCLUDED')
  t.equal(verify(nodeCrypto, { ...trust, now: NOW, receipt: dropped, status: other.status(DEADLINE_MS + 60_000) }).exitCode, 1)
  t.equal(promise({ receipt: dropped, status: other.status(DEADLINE_MS + 60_000, { endorsers: other.network.peers(0) }) }), 'PROMISE_STATUS_DIFFERS')
  t.equal(promise({ receipt: dropped, status: utf8('{}') }), 'DOCUMENT_OF_ANOTHER_KIND')
  t.equal(promise({ receipt: dropped, proof: promised.bytes }), 'PROMISE_OF_ANOTHER_DEPOSIT')
  // Another record at the position of the receipt.
  const [twin] = other.receipts([{ ...promised.proof.record, receivedAt: time(-2999) }])
  const equivocal = receiptBytes(twin as NonNullable<typeof twin>)
  t.equal(promise({ receipt: equivocal, proof: promised.bytes }), 'PROMISE_BROKEN_OTHER_RECORD')
  t.equal(promise({ receipt: equivocal.map((byte, i) => i === 200 ? byte ^ 1 : byte) }) === 'PROMISE_OPEN', false)
  const unsigned = { ...promised.receipt, signature: toBase64url(new Uint8Array(64)) }
  t.equal(promise({ receipt: receiptBytes(unsigned) }), 'PROMISE_UNSIGNED')
  // Anchored too late, or only found late.
  const slow = (options: Parameters<EvidenceWorld['anchor']>[1]): FindingCode | undefined => {
    const late = new EvidenceWorld()
    const [one] = late.anchor([{}], options)
    return code(verify(nodeCrypto, {
      bundle: late.bundleBytes(), bundleSource: 'given', pins: [{ fingerprint: late.fingerprint }], now: NOW, proof: one?.bytes ?? utf8(''), receipt: one?.receiptBytes ?? utf8('')
    }), 'promise')
  }
  t.equal(slow({ signedAt: -DEADLINE_MS - 30_001, receivedAt: -DEADLINE_MS - 31_000 }), 'PROMISE_BROKEN_LATE')
  t.equal(slow({ readAt: DEADLINE_MS }), 'PROMISE_FOUND_LATE')
  t.end()
})

t.test('a receipt alone says what was deposited, and no more', (t) => {
  const receipt = verify(nodeCrypto, { receipt: good.receiptBytes, exhibit: good.exhibit, bundle, bundleSource: 'given', pins, now: NOW })
  t.same(receipt.findings.map((one) => one.code),
    ['EXHIBIT_EQUAL_TO_RECEIPT', 'TIME_WITHOUT_LEDGER', 'LEDGER_WITHOUT_PROOF', 'DEPOSITOR_KEY_ONLY', 'BEFORE_NOT_DISCLOSED', 'PROMISE_OPEN'])
  t.equal(receipt.exitCode, 2)
  const other = verify(nodeCrypto, { receipt: good.receiptBytes, exhibit: { sha256: new Uint8Array(32) }, bundleSource: 'given', now: NOW })
  t.equal(other.exitCode, 1)
  t.end()
})

t.test('two receipts prove equivocation by themselves', (t) => {
  const { record } = good.proof
  const [a] = world.receipts([record])
  const [b] = world.receipts([{ ...record, receivedAt: time(-1) }])
  const [c] = world.receipts([{ ...record, sequence: '2' }])
  const keys = [world.key.spki]
  const bytes = (one: typeof a): Uint8Array => receiptBytes(one as NonNullable<typeof a>)
  t.equal(compareReceipts(nodeCrypto, bytes(a), bytes(b), keys), 'equivocation')
  t.equal(compareReceipts(nodeCrypto, bytes(a), good.receiptBytes, keys), 'same')
  t.equal(compareReceipts(nodeCrypto, bytes(a), bytes(c), keys), 'unrelated')
  const second = receiptKeyPair()
  const [d] = world.receipts([{ ...record, receivedAt: time(-1) }], { key: second })
  t.equal(compareReceipts(nodeCrypto, bytes(a), bytes(d), [...keys, second.spki]), 'equivocation', 'an operator that changed its key in between')
  t.equal(compareReceipts(nodeCrypto, bytes(a), bytes(d), keys), 'unsigned', 'a key that is not the log\'s')
  t.equal(compareReceipts(nodeCrypto, bytes(a), bytes(b), [receiptKeyPair().spki]), 'unsigned')
  t.equal(compareReceipts(nodeCrypto, bytes(a), utf8('{}'), keys), 'unreadable')
  t.end()
})
