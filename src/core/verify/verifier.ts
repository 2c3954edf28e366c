import type { Crypto } from '../crypto.js'
import { exitCodeOf, type Finding, type Omission, type Outcome, type Remark, type Report, type Trust } from '../findings.js'
import { leafHash } from '../merkle.js'
import { parseProof, type Proof } from '../proof.js'
import { checkReceiptPosition, parseReceipt, type Receipt } from '../receipt.js'
import { type EvidenceRecord, recordBytes } from '../record.js'
import { isAccepted } from '../trust.js'
import { HEADLINES } from '../wording.js'
import { checkBatchOnLedger } from './batch-on-ledger.js'
import { beforeFinding, depositorFinding } from './depositor.js'
import { type Read, readDocument } from './documents.js'
import type { LedgerVerdict } from './facts.js'
import type { EvidenceInput, TrustInput, VerifyInput } from './input.js'
import { checkProofLinks, compareExhibit } from './integrity.js'
import { checkEntry, checkLogPath, isReceiptSigned, ledgerFinding, otherLog } from './ledger.js'
import { promiseFinding, type ProvenDeposit } from './promise.js'
import { asFinding, finding, omission, problem, remark } from './result.js'
import { parseAttestedStatus } from './status.js'
import { timeFinding, timeRemarks } from './time.js'
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
  return { trust: trusted.trust, verify: (evidence) => verifyWith(crypto, trusted, input, evidence) }
}

/**
 * Verifies a proof or a receipt, offline and without side effects: the same input gives the same report. Bad evidence is a finding,
 * never an exception.
 */
export function verify (crypto: Crypto, input: VerifyInput): Report {
  return createVerifier(crypto, input).verify(input)
}

/** Everything that one proof was found to be. */
interface Judged {
  readonly proof: Proof
  readonly findings: readonly Finding[]
  readonly remarks: readonly Remark[]
  readonly deposit: ProvenDeposit | undefined
}

function verifyWith (crypto: Crypto, trusted: Trusted, terms: TrustInput, input: EvidenceInput): Report {
  const proof = input.proof === undefined ? undefined : readDocument('proof', input.proof, parseProof)
  const receipt = input.receipt === undefined ? undefined : readDocument('receipt', input.receipt, parseReceipt)
  const judged = proof?.ok === true ? judgeProof(crypto, trusted, terms, input, proof.value) : undefined
  const findings = [
    ...(judged?.findings ?? withoutProof(crypto, trusted, input, proof, receipt)),
    ...(receipt === undefined ? [] : [judgeReceipt(crypto, trusted, input, receipt, judged?.deposit)])
  ]
  const record = judged?.proof.record ?? (receipt?.ok === true ? receipt.value.record : undefined)
  return report(trusted, input, record, findings, judged?.remarks ?? [])
}

function judgeProof (crypto: Crypto, trusted: Trusted, terms: TrustInput, input: EvidenceInput, proof: Proof): Judged {
  const { record } = proof
  const { root } = trusted
  const usable = root !== undefined && otherLog(trusted, proof) === undefined ? root : undefined
  const verdict = usable === undefined ? undefined : checkBatchOnLedger(usable, proof)
  const signed = isReceiptSigned(crypto, usable?.keys, proof)
  const wrong = checkProofLinks(crypto, proof) ??
    (signed === false ? problem('RECEIPT_SIGNATURE_DIFFERS', { keyId: proof.receipt.statement.keyId }) : undefined)
  const linked = wrong === undefined && checkLogPath(crypto, proof) === undefined
  const facts = verdict?.ok === true && linked && checkEntry(crypto, proof, verdict.facts) === undefined ? verdict.facts : undefined
  const accepted = isAccepted(trusted.trust.state)
  return {
    proof,
    findings: [
      wrong === undefined ? compareExhibit(record, input.exhibit, 'proof', proof) : asFinding('integrity', wrong),
      facts === undefined ? finding('time', 'TIME_WITHOUT_LEDGER', {}) : timeFinding(proof, facts, accepted),
      ledgerFinding(crypto, proof, trusted, verdict, terms),
      depositorFinding(record),
      beforeFinding(record, wrong === undefined ? proof : undefined)
    ],
    remarks: [
      ...recordRemarks(record, input), ...(facts === undefined ? [] : timeRemarks(proof, facts, input.now)), ...keyRemarks(trusted, proof),
      ...(verdict?.remarks ?? [])
    ],
    // A proof counts against a receipt only when the operator signed it: otherwise anybody could write one.
    deposit: wrong === undefined && signed === true ? deposit(crypto, proof, verdict, facts !== undefined) : undefined
  }
}

function deposit (
  crypto: Crypto, { record }: Proof, verdict: LedgerVerdict | undefined, usable: boolean
): ProvenDeposit {
  return {
    leaf: leafHash(crypto, recordBytes(record)),
    log: record.log,
    sequence: record.sequence,
    facts: usable && verdict?.ok === true && verdict.problem === undefined ? verdict.facts : undefined
  }
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
    depositorFinding(record),
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

function judgeReceipt (
  crypto: Crypto, trusted: Trusted, input: EvidenceInput, receipt: Read<Receipt>, proven: ProvenDeposit | undefined
): Finding {
  if (!receipt.ok) return finding('promise', 'PROMISE_RECEIPT_UNREADABLE', { document: 'receipt' })
  const root = isAccepted(trusted.trust.state) && otherLog(trusted, receipt.value) === undefined ? trusted.root : undefined
  return promiseFinding(crypto, {
    receipt: receipt.value,
    keys: root?.keys,
    now: input.now,
    ...(proven === undefined ? {} : { proof: proven }),
    ...(input.status === undefined ? {} : { status: readStatus(root, input.status) })
  })
}

function readStatus (root: Trusted['root'], bytes: Uint8Array): ReturnType<NonNullable<Trusted['root']>['status']> {
  const read = readDocument('status', bytes, parseAttestedStatus)
  if (!read.ok) return read
  return root?.status(read.value.attestation, read.value.identities) ?? { ok: false, problem: problem('PROMISE_STATUS_UNCHECKED', {}) }
}

function recordRemarks ({ content, digestedBy }: EvidenceRecord, { exhibit }: EvidenceInput): Remark[] {
  const remarks: Remark[] = []
  if (content.digests.sm3 === undefined) remarks.push(remark('SM3_NOT_DEPOSITED', {}))
  else if (exhibit !== undefined && exhibit.sm3 === undefined) remarks.push(remark('SM3_NOT_RECOMPUTED', {}))
  if (digestedBy === 'submitter') remarks.push(remark('DIGESTED_BY_SUBMITTER', {}))
  return remarks
}

function keyRemarks ({ root }: Trusted, { receipt }: Proof): Remark[] {
  const key = root?.keys.get(receipt.statement.keyId)
  return key?.compromisedFrom === undefined
    ? []
    : [remark('KEY_COMPROMISED', { keyId: key.keyId, from: key.compromisedFrom, registeredAt: key.revokedAt ?? key.registeredAt })]
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
    ...(root === undefined ? [] : [omission('REVOCATION', { block: String(root.fabric.history.lastBlock) }), omission('CODE', {})])
  ]
}
