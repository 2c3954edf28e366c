import type { Crypto } from '../crypto.js'
import type { Finding, Remark } from '../findings.js'
import { jcs } from '../jcs.js'
import { createMemo } from '../memo.js'
import { leafHash } from '../merkle.js'
import type { Proof } from '../proof.js'
import { type EvidenceRecord, recordBytes } from '../record.js'
import { isAccepted } from '../trust.js'
import { checkBatchOnLedger } from './batch-on-ledger.js'
import { beforeFinding, depositorFinding } from './depositor.js'
import type { LedgerFacts, LedgerVerdict } from './facts.js'
import type { EvidenceInput, TrustInput } from './input.js'
import { checkProofLinks, compareExhibit } from './integrity.js'
import { checkEntry, checkLogPath, isReceiptSigned, ledgerFinding, otherLog } from './ledger.js'
import type { ProvenDeposit } from './promise.js'
import { asFinding, finding, type Problem, problem, remark } from './result.js'
import { timeFinding, timeRemarks } from './time.js'
import type { Trusted, TrustRoot } from './trust-root.js'

/** Everything that one proof was found to be. */
export interface Judged {
  readonly findings: readonly Finding[]
  readonly remarks: readonly Remark[]
  /** What the proof shows against a receipt; undefined unless the operator signed it: otherwise anybody could write one. */
  readonly deposit: ProvenDeposit | undefined
}

export type Judge = (proof: Proof, input: EvidenceInput) => Judged

/** Judges proofs by one trust bundle. It owns two bounded memos: of batches on the ledger, and of receipt signatures, which groups share. */
export function createJudge (crypto: Crypto, trusted: Trusted, terms: TrustInput): Judge {
  const batches = createMemo<LedgerVerdict>(crypto)
  const signatures = createMemo<boolean | undefined>(crypto)
  const onLedger = (root: TrustRoot, proof: Proof): LedgerVerdict => {
    const { header, attestations = [], identities = {}, closedHead = {} } = proof
    return batches([header.log, header.number, JSON.stringify([attestations, identities, closedHead])], () => checkBatchOnLedger(crypto, root, proof))
  }
  const isSigned = (root: TrustRoot, { receipt: { statement, signature } }: Proof): boolean | undefined =>
    signatures([jcs(statement), signature], () => isReceiptSigned(crypto, root.keys, statement, signature))
  return (proof, input) => {
    const root = otherLog(trusted, proof) === undefined ? trusted.root : undefined
    const verdict = root === undefined ? undefined : onLedger(root, proof)
    const signed = root === undefined ? undefined : isSigned(root, proof)
    return judge(crypto, { trusted, terms, input, proof, verdict, signed })
  }
}

interface Case {
  readonly trusted: Trusted
  readonly terms: TrustInput
  readonly input: EvidenceInput
  readonly proof: Proof
  readonly verdict: LedgerVerdict | undefined
  /** Undefined: no key to check the receipt with. */
  readonly signed: boolean | undefined
}

function judge (crypto: Crypto, it: Case): Judged {
  const { trusted, terms, input, proof, verdict, signed } = it
  const { record } = proof
  const wrong = checkProofLinks(crypto, proof) ?? checkSigned(it)
  const facts = wrong === undefined ? soundFacts(crypto, it) : undefined
  return {
    findings: [
      wrong === undefined ? compareExhibit(record, input.exhibit, signed === true || facts !== undefined ? 'deposited' : 'proof', proof) : asFinding('integrity', wrong),
      facts === undefined ? finding('time', 'TIME_WITHOUT_LEDGER', {}) : timeFinding(proof, facts, isAccepted(trusted.trust.state)),
      ledgerFinding(crypto, proof, trusted, verdict, terms),
      depositorFinding(crypto, record),
      beforeFinding(record, wrong === undefined ? proof : undefined, facts)
    ],
    remarks: remarksOf(it, facts),
    deposit: wrong === undefined && signed === true ? { leaf: leafHash(crypto, recordBytes(record)), record, facts } : undefined
  }
}

function remarksOf ({ trusted, input, proof, verdict }: Case, facts: LedgerFacts | undefined): Remark[] {
  return [
    ...recordRemarks(proof.record, input),
    ...(facts === undefined ? [] : timeRemarks(proof, facts, input.now)),
    ...keyRemarks(trusted, proof),
    ...registerRemarks(trusted, facts),
    ...(verdict?.remarks ?? [])
  ]
}

function checkSigned ({ signed, proof }: Case): Problem | undefined {
  return signed === false ? problem('RECEIPT_SIGNATURE_DIFFERS', { keyId: proof.receipt.statement.keyId }) : undefined
}

/** What the ledger says of the proof's batch, when nothing at all stands against it. */
function soundFacts (crypto: Crypto, { proof, verdict }: Case): LedgerFacts | undefined {
  if (verdict?.ok !== true || verdict.problem !== undefined) return undefined
  const against = checkLogPath(crypto, proof) ?? checkEntry(crypto, proof, verdict.facts)
  return against === undefined ? verdict.facts : undefined
}

function recordRemarks ({ content, digestedBy }: EvidenceRecord, { exhibit }: EvidenceInput): Remark[] {
  const remarks: Remark[] = []
  if (content.digests.sm3 === undefined) remarks.push(remark('SM3_NOT_DEPOSITED', {}))
  else if (exhibit !== undefined && exhibit.sm3 === undefined) remarks.push(remark('SM3_NOT_RECOMPUTED', {}))
  if (digestedBy === 'submitter') remarks.push(remark('DIGESTED_BY_SUBMITTER', {}))
  return remarks
}

/** What the ledger says of a receipt key besides its range. */
export function keyRemarks ({ root }: Pick<Trusted, 'root'>, { receipt }: { readonly receipt: { readonly statement: Pick<Proof['receipt']['statement'], 'keyId'> } }): Remark[] {
  const key = root?.keys.get(receipt.statement.keyId)
  return key?.compromisedFrom === undefined
    ? []
    : [remark('KEY_COMPROMISED', { keyId: key.keyId, from: key.compromisedFrom, registeredAt: key.revokedAt ?? key.registeredAt })]
}

/** What was revoked after the register of keys was read is not known: worth a word when the anchor is later still. */
function registerRemarks ({ root }: Trusted, facts: LedgerFacts | undefined): Remark[] {
  const readAt = root?.statement?.time
  return readAt === undefined || facts === undefined || facts.entry.time <= readAt
    ? []
    : [remark('KEYS_READ_BEFORE_LEDGER', { keysReadAt: readAt, ledgerTime: facts.entry.time })]
}
