import type { Crypto } from '../crypto.js'
import { equalBytes, fromBase64url, toHex } from '../bytes.js'
import type { Finding } from '../findings.js'
import type { KeyRegister, LogStatus, ReceiptKey } from '../ledger-values.js'
import { leafHash } from '../merkle.js'
import { checkReceipt, checkReceiptPosition, parseReceipt, type Receipt } from '../receipt.js'
import { type EvidenceRecord, recordBytes } from '../record.js'
import type { Read } from './documents.js'
import { type LedgerFacts, type ReceiptKeys, timeBound, timeOnLedger } from './facts.js'
import { asFinding, finding } from './result.js'
import { checkPromise, isLate } from './time.js'

/** What a receipt is judged by. */
export interface PromiseInput {
  readonly receipt: Receipt
  /** Undefined: no trust bundle of this log that was verified. */
  readonly keys: ReceiptKeys | undefined
  /** The fingerprint of that bundle when nobody said that it is to be believed: then nothing is judged by it. */
  readonly unpinned: string | undefined
  /** The longest promise and the clocks' skew, by the ledger's register of receipt keys. */
  readonly terms: Pick<KeyRegister, 'deadlineMs' | 'skewMs'> | undefined
  /** The proof of the same log, when its links hold: leaf, sequence, and what the ledger says of its batch. */
  readonly proof?: ProvenDeposit
  readonly status?: Read<LogStatus>
  readonly now: string
}

export interface ProvenDeposit {
  readonly leaf: Uint8Array
  readonly record: EvidenceRecord
  /** Undefined when the ledger's part of the proof did not hold. */
  readonly facts: LedgerFacts | undefined
}

/** The finding "promise": kept, open until, or broken (PROOF.md section 2). */
export function promiseFinding (crypto: Crypto, input: PromiseInput): Finding {
  const unusable = checkSigned(crypto, input)
  if (unusable !== undefined) return unusable
  return byProof(crypto, input) ?? byStatus(input) ?? byClock(input)
}

function promised ({ receipt }: PromiseInput): { sequence: string, deadline: string } {
  return { sequence: receipt.record.sequence, deadline: receipt.statement.deadline }
}

function checkSigned (crypto: Crypto, input: PromiseInput): Finding | undefined {
  const { receipt, keys } = input
  const { keyId } = receipt.statement
  if (checkReceiptPosition(crypto, receipt, receipt.record) !== 'ok') return finding('promise', 'PROMISE_UNSIGNED', { keyId })
  const key = keys?.get(keyId)
  if (key === undefined) return finding('promise', 'PROMISE_KEY_UNKNOWN', { keyId })
  if (!verifiesWith(crypto, receipt, key)) return finding('promise', 'PROMISE_UNSIGNED', { keyId })
  if (input.unpinned !== undefined) return finding('promise', 'PROMISE_NOT_PINNED', { keyId, fingerprint: input.unpinned })
  const wrong = checkPromise(receipt.record, receipt.statement, input.terms?.deadlineMs)
  return wrong === undefined ? undefined : asFinding('promise', wrong)
}

function verifiesWith (crypto: Crypto, receipt: Receipt, key: ReceiptKey): boolean {
  return checkReceipt(crypto, receipt, receipt.record, fromBase64url(key.spki)) === 'ok'
}

function byProof (crypto: Crypto, input: PromiseInput): Finding | undefined {
  const { receipt, proof } = input
  if (proof === undefined) return undefined
  if (proof.record.log !== receipt.record.log || proof.record.sequence !== receipt.record.sequence) {
    return finding('promise', 'PROMISE_OF_ANOTHER_DEPOSIT', { sequence: proof.record.sequence })
  }
  if (!equalBytes(proof.leaf, leafHash(crypto, recordBytes(receipt.record)))) {
    // The proof's own receipt, or the ledger, gives the position to another record.
    return finding('promise', 'PROMISE_BROKEN_OTHER_RECORD', promised(input))
  }
  return proof.facts === undefined ? undefined : byLedger(input, proof.facts)
}

function byLedger (input: PromiseInput, facts: LedgerFacts): Finding {
  const { deadline } = input.receipt.statement
  const { time: ledgerTime, readAt, skewMs } = timeOnLedger(facts)
  const foundBy = timeBound(readAt, skewMs)
  // A head above the batch says how late it was at most, not at least.
  if (facts.linked === undefined && isLate(deadline, facts)) return finding('promise', 'PROMISE_BROKEN_LATE', { ...promised(input), ledgerTime })
  // Judged by T2 plus W, not by T: an endorsed transaction can be held back (PROOF.md section 5).
  return foundBy <= deadline
    ? finding('promise', 'PROMISE_KEPT', { ...promised(input), foundBy })
    : finding('promise', 'PROMISE_FOUND_LATE', { ...promised(input), ledgerTime, foundBy })
}

function byStatus (input: PromiseInput): Finding | undefined {
  const { status } = input
  if (status === undefined) return undefined
  if (!status.ok) return asFinding('promise', status.problem)
  const { time, nextSequence } = status.value
  const evidence = { ...promised(input), time, nextSequence }
  if (Number(nextSequence) > Number(evidence.sequence)) return finding('promise', 'PROMISE_POSITION_FILLED', evidence)
  // Broken only when even the earliest moment that the clocks allow is too late.
  return Date.parse(time) - (input.terms?.skewMs ?? 0) > Date.parse(evidence.deadline)
    ? finding('promise', 'PROMISE_BROKEN_NOT_INCLUDED', evidence)
    : finding('promise', 'PROMISE_NOT_YET_DUE', evidence)
}

function byClock (input: PromiseInput): Finding {
  return finding('promise', Date.parse(input.now) <= Date.parse(input.receipt.statement.deadline) ? 'PROMISE_OPEN' : 'PROMISE_OVERDUE', promised(input))
}

/** Two receipts side by side. `equivocation`: one log and position, two records, each signed by a receipt key of the log. */
export type ReceiptComparison = 'same' | 'unrelated' | 'equivocation' | 'unreadable' | 'unsigned'

/**
 * Compares two receipt files by themselves: with the log's receipt keys (SPKI), two different records at one position prove that the operator
 * promised the position twice (PROOF.md section 2). Nobody's help is needed, and no ledger. Which of the keys signed which does not matter: a log
 * has one owner, and whoever could escape by changing keys would. What is said of a key that was stolen stands beside it and changes nothing.
 */
export function compareReceipts (crypto: Crypto, first: Uint8Array, second: Uint8Array, keys: readonly Uint8Array[]): ReceiptComparison {
  const pair = [first, second].map((bytes) => tryParse(bytes))
  const [a, b] = pair
  if (a === undefined || b === undefined) return 'unreadable'
  const signed = [a, b].every((one) => keys.some((spki) => checkReceipt(crypto, one, one.record, spki) === 'ok'))
  if (!signed) return 'unsigned'
  if (a.record.log !== b.record.log || a.record.sequence !== b.record.sequence) return 'unrelated'
  const [leafA, leafB] = [a, b].map((one) => toHex(leafHash(crypto, recordBytes(one.record))))
  return leafA === leafB ? 'same' : 'equivocation'
}

function tryParse (bytes: Uint8Array): Receipt | undefined {
  try {
    return parseReceipt(bytes)
  } catch {
    return undefined
  }
}
