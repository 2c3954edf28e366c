import type { Crypto } from '../crypto.js'
import { exitCodeOf, type Finding, type Omission, type Outcome, type Remark, type Report, type Trust } from '../findings.js'
import { parseProof, type Proof } from '../proof.js'
import { checkReceiptPosition, parseReceipt, type Receipt } from '../receipt.js'
import type { EvidenceRecord } from '../record.js'
import { HEADLINES } from '../wording.js'
import { beforeFinding, depositorFinding } from './depositor.js'
import { type Read, readDocument } from './documents.js'
import type { EvidenceInput, TrustInput, VerifyInput } from './input.js'
import { compareExhibit } from './integrity.js'
import { createJudge, type Judge } from './judge-proof.js'
import { judgeReceipt } from './judge-receipt.js'
import { otherLog } from './ledger.js'
import { asFinding, finding, omission } from './result.js'
import { openTrust, type Trusted } from './trust-root.js'

/** Verifies any number of proofs against one trust bundle; what they share is checked once. */
export interface Verifier {
  readonly trust: Trust
  /** Never throws on bad evidence. */
  verify (input: EvidenceInput): Report
}

/** Opens a trust bundle once, for many proofs. */
export function createVerifier (crypto: Crypto, input: TrustInput): Verifier {
  const trusted = openTrust(crypto, input)
  const judge = createJudge(crypto, trusted, input)
  return { trust: trusted.trust, verify: (evidence) => verifyWith(crypto, trusted, judge, evidence) }
}

/**
 * Verifies a proof or a receipt, offline and without side effects: the same input gives the same report. Bad evidence is a finding,
 * never an exception.
 *
 * @example
 * const report = verify(nodeCrypto, { proof, exhibit: { sha256, sm3, size }, bundle, bundleSource: 'given', pins: [{ fingerprint }], now })
 * process.exitCode = report.exitCode
 */
export function verify (crypto: Crypto, input: VerifyInput): Report {
  return createVerifier(crypto, input).verify(input)
}

function verifyWith (crypto: Crypto, trusted: Trusted, judge: Judge, input: EvidenceInput): Report {
  const proof = input.proof === undefined ? undefined : readDocument('proof', input.proof, parseProof)
  const receipt = input.receipt === undefined ? undefined : readDocument('receipt', input.receipt, parseReceipt)
  if (proof?.ok === true) {
    const { findings, remarks, deposit } = judge(proof.value, input)
    const promise = receipt === undefined ? [] : [judgeReceipt(crypto, trusted, input, receipt, deposit)]
    return report(trusted, input, proof.value.record, [...findings, ...promise], remarks)
  }
  const promise = receipt === undefined ? [] : [judgeReceipt(crypto, trusted, input, receipt, undefined)]
  const record = receipt?.ok === true ? receipt.value.record : undefined
  return report(trusted, input, record, [...withoutProof(crypto, trusted, input, proof, receipt), ...promise], [])
}

/** Findings when there is no proof, or one that cannot be read. A receipt alone still lets the exhibit be compared with it. */
function withoutProof (
  crypto: Crypto, trusted: Trusted, input: EvidenceInput, proof: Read<Proof> | undefined, receipt: Read<Receipt> | undefined
): Finding[] {
  const record = proof === undefined && receipt?.ok === true ? receipt.value.record : undefined
  return [
    integrityWithoutProof(crypto, input, proof, receipt),
    finding('time', 'TIME_WITHOUT_LEDGER', {}),
    ledgerWithoutProof(trusted, record),
    depositorFinding(crypto, record),
    beforeFinding(record, undefined)
  ]
}

function integrityWithoutProof (
  crypto: Crypto, input: EvidenceInput, proof: Read<Proof> | undefined, receipt: Read<Receipt> | undefined
): Finding {
  if (proof?.ok === false) return asFinding('integrity', proof.problem)
  if (receipt === undefined) return finding('integrity', 'NOTHING_TO_VERIFY', {})
  if (!receipt.ok) return asFinding('integrity', receipt.problem)
  const verdict = checkReceiptPosition(crypto, receipt.value, receipt.value.record)
  return verdict === 'ok'
    ? compareExhibit(receipt.value.record, input.exhibit, 'receipt')
    : finding('integrity', 'RECEIPT_DOES_NOT_BIND', { verdict })
}

/** A bundle that cannot be used is said also when there is nothing to check with it; a missing one is not. */
function ledgerWithoutProof (trusted: Trusted, record: EvidenceRecord | undefined): Finding {
  const against = trusted.problem ?? (record === undefined ? undefined : otherLog(trusted, { record }))
  return against === undefined || against.code === 'BUNDLE_MISSING' ? finding('ledger', 'LEDGER_WITHOUT_PROOF', {}) : asFinding('ledger', against)
}

const OUTCOMES: readonly Outcome[] = ['consistent', 'differs', 'could-not-check']

function report (
  trusted: Trusted, input: EvidenceInput, record: EvidenceRecord | undefined, findings: readonly Finding[], remarks: readonly Remark[]
): Report {
  const exitCode = exitCodeOf(findings)
  const outcome = OUTCOMES[exitCode] as Outcome
  return {
    type: 'steelyard/report/v1',
    exitCode,
    outcome,
    headline: HEADLINES[outcome],
    checkedAt: input.now,
    ...(record === undefined ? {} : { number: record.number, log: record.log, sequence: record.sequence, receivedAt: record.receivedAt }),
    findings,
    trust: trusted.trust,
    remarks,
    notChecked: omissions(trusted, input)
  }
}

function omissions ({ root }: Trusted, { exhibit }: EvidenceInput): Omission[] {
  return [
    ...(exhibit === undefined ? [omission('EXHIBIT', {})] : []),
    omission('CONTENT', {}),
    omission('MAKER', {}),
    ...(root === undefined ? [] : [omission('REVOCATION', { block: String(root.fabric.history.lastBlock) }), omission('CODE', {})]),
    ...(root?.statement === undefined ? [] : [omission('KEY_REVOCATION', { after: root.statement.time })])
  ]
}
