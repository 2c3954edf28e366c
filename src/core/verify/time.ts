import type { Finding, Remark } from '../findings.js'
import type { Proof } from '../proof.js'
import type { CommitGroup } from '../receipt.js'
import type { EvidenceRecord } from '../record.js'
import { type LedgerFacts, timeBound, timeOnLedger } from './facts.js'
import { asFinding, finding, type Problem, problem, remark, worst } from './result.js'

/** A read-back this much later than the anchor is worth a remark; less is a ledger at work. */
const LONG_READ_BACK_MS = 60_000

/** The time finding: T + W by the clocks of the anchor's endorsers, or by the head above it, and the order of the times that the proof states. */
export function timeFinding (proof: Proof, facts: LedgerFacts, accepted: boolean): Finding {
  const wrong = checkOrder(proof, facts, timeBound(facts.entry.time, facts.entry.skewMs))
  if (wrong !== undefined) return asFinding('time', wrong)
  const { time, skewMs, readAt, organizations } = timeOnLedger(facts)
  const evidence = { ledgerTime: time, skewMs, by: timeBound(time, skewMs), foundBy: timeBound(readAt, skewMs), organizations }
  return finding('time', accepted ? 'TIME_BOUND' : 'TIME_BY_UNKNOWN_CLOCKS', evidence)
}

function checkOrder ({ record, header, receipt }: Proof, { entry, readAt, deadlineMs }: LedgerFacts, by: string): Problem | undefined {
  const { signedAt } = receipt.statement
  return worst([
    () => checkPromise(record, receipt.statement, deadlineMs),
    () => signedAt > by ? problem('TIME_RECEIPT_AFTER_LEDGER', { signedAt, by }) : undefined,
    () => record.receivedAt > header.sealedAt
      ? problem('TIME_RECEIVED_AFTER_SEALED', { receivedAt: record.receivedAt, sealedAt: header.sealedAt })
      : undefined,
    () => header.sealedAt > by ? problem('TIME_SEALED_AFTER_LEDGER', { sealedAt: header.sealedAt, by }) : undefined,
    // Both times are within the skew of clocks that may differ by as much again.
    () => timeBound(readAt, 2 * entry.skewMs) < entry.time
      ? problem('TIME_READ_BEFORE_ANCHOR', { ledgerTime: entry.time, readAt })
      : undefined
  ])
}

/**
 * Whether a receipt says what the log lets it promise. The operator signs receipts whenever it likes: only the ledger's longest promise
 * keeps it from stating an early time now and a deadline that no anchor could miss.
 */
export function checkPromise (record: EvidenceRecord, { signedAt, deadline }: CommitGroup, deadlineMs: number | undefined): Problem | undefined {
  const { receivedAt } = record
  if (receivedAt > signedAt) return problem('RECEIPT_BEFORE_RECEIVED', { receivedAt, signedAt })
  const promised = Date.parse(deadline) - Date.parse(signedAt)
  return deadlineMs === undefined || (promised >= 0 && promised <= deadlineMs)
    ? undefined
    : problem('RECEIPT_DEADLINE_BEYOND_LOG', { signedAt, deadline, deadlineMs })
}

/** What the times are worth a remark for. Received and sealed times are the operator's word. */
export function timeRemarks (proof: Proof, facts: LedgerFacts, now: string): Remark[] {
  const { receivedAt } = proof.record
  const { deadline } = proof.receipt.statement
  const { time: ledgerTime, skewMs } = facts.entry
  const remarks: Remark[] = []
  // By the ledger's longest promise: the receipt's own is the operator's word, as the received time is.
  if (facts.deadlineMs !== undefined && Date.parse(receivedAt) + facts.deadlineMs < Date.parse(ledgerTime)) {
    remarks.push(remark('RECEIVED_LONG_BEFORE', { receivedAt, ledgerTime }))
  }
  if (isLate(deadline, facts)) remarks.push(remark('DEADLINE_MISSED', { deadline, ledgerTime }))
  if (Date.parse(facts.readAt) - Date.parse(ledgerTime) > Math.max(LONG_READ_BACK_MS, 2 * skewMs)) {
    remarks.push(remark('READ_BACK_LATE', { ledgerTime, readAt: facts.readAt }))
  }
  if (Date.parse(now) < Date.parse(ledgerTime) - skewMs) remarks.push(remark('NOW_BEFORE_LEDGER', { now, ledgerTime }))
  return remarks
}

/** Whether a batch was certainly anchored after a deadline: even the earliest moment that its ledger time allows is later. */
export function isLate (deadline: string, facts: LedgerFacts): boolean {
  return Date.parse(facts.entry.time) - facts.entry.skewMs > Date.parse(deadline)
}
