import type { Finding, Remark } from '../findings.js'
import type { Proof } from '../proof.js'
import { type LedgerFacts, timeBound } from './facts.js'
import { asFinding, finding, type Problem, problem, remark, worst } from './result.js'

/** A read-back this much later than the anchor is worth a remark; less is a ledger at work. */
const LONG_READ_BACK_MS = 60_000

/** The time finding: T + W by the clocks of the anchor's endorsers, and the order of the times that the proof states. */
export function timeFinding (proof: Proof, facts: LedgerFacts, accepted: boolean): Finding {
  const { time, skewMs } = facts.entry
  const by = timeBound(time, skewMs)
  const wrong = checkOrder(proof, facts, by)
  if (wrong !== undefined) return asFinding('time', wrong)
  const evidence = {
    ledgerTime: time,
    skewMs,
    by,
    foundBy: timeBound(facts.readAt, skewMs),
    organizations: [...new Set(facts.endorsers.map(({ entity }) => entity))]
  }
  return finding('time', accepted ? 'TIME_BOUND' : 'TIME_BY_UNKNOWN_CLOCKS', evidence)
}

function checkOrder ({ record, header }: Proof, { entry, readAt }: LedgerFacts, by: string): Problem | undefined {
  return worst([
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

/** What the times are worth a remark for. Received and sealed times are the operator's word. */
export function timeRemarks (proof: Proof, facts: LedgerFacts, now: string): Remark[] {
  const { receivedAt } = proof.record
  const { signedAt, deadline } = proof.receipt.statement
  const { time: ledgerTime, skewMs } = facts.entry
  const promisedDelay = Date.parse(deadline) - Date.parse(signedAt)
  const remarks: Remark[] = []
  if (Date.parse(receivedAt) < Date.parse(ledgerTime) - promisedDelay) remarks.push(remark('RECEIVED_LONG_BEFORE', { receivedAt, ledgerTime }))
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
