import type { FabricCode } from './fabric/refusal.js'

/** What one finding says. `not-stated` never changes the exit code. */
export type FindingState = 'consistent' | 'differs' | 'could-not-check' | 'not-stated'
export type FindingName = 'integrity' | 'time' | 'ledger' | 'depositor' | 'before' | 'promise'
export type DocumentName = 'proof' | 'receipt' | 'bundle' | 'status'

interface InDocument { readonly document: DocumentName, readonly path?: string }
interface Digests { readonly sha256: string, readonly sm3?: string }
interface Comparison { readonly deposited: Digests, readonly found: Digests }
interface Equal extends Digests { readonly size?: string, readonly name?: string, readonly sm3Compared: boolean }
/** `by` is T + W: nobody's word but that of the clocks of `organizations`. */
export interface TimeBound {
  readonly ledgerTime: string
  readonly skewMs: number
  readonly by: string
  readonly foundBy: string
  readonly organizations: readonly string[]
}
/** Who signed: entities of the trust bundle, not MSPs. */
export interface Signers {
  readonly endorsed: readonly string[]
  readonly organizations: number
  readonly independent: number
  readonly orderers: number
  readonly consenters: number
  readonly quorum: number
  readonly block: string
  readonly transaction: number
  readonly txId: string
  readonly foundBy: string
}
interface Promised { readonly sequence: string, readonly deadline: string }
interface Fingerprint { readonly fingerprint: string }

/** Every code of a finding and the evidence that goes with it. Codes are stable: they are never renamed or reused. */
export interface FindingEvidence {
  // integrity: the exhibit, the record, its batch, its receipt
  EXHIBIT_EQUAL: Equal
  EXHIBIT_EQUAL_TO_RECEIPT: Equal
  EXHIBIT_EQUAL_TO_PROOF: Equal
  EXHIBIT_DIFFERS: Comparison
  DIGESTS_DISAGREE: Comparison
  SIZE_DIFFERS: { readonly deposited: string, readonly found: string }
  EXHIBIT_IS_STORED_FORM: Comparison
  EXHIBIT_MISSING: Digests
  OTHER_LOG: { readonly expected: string, readonly found: string }
  RECORD_OUTSIDE_BATCH: { readonly sequence: string, readonly first: string, readonly size: string }
  RECORD_NOT_IN_BATCH: { readonly sequence: string, readonly batch: string }
  DISCLOSURE_DIFFERS: { readonly name: string }
  RECEIPT_DOES_NOT_BIND: { readonly verdict: string }
  RECEIPT_SIGNATURE_DIFFERS: { readonly keyId: string }
  DOCUMENT_RESAVED: InDocument
  DOCUMENT_UNREADABLE: InDocument
  DOCUMENT_TOO_LARGE: InDocument
  DOCUMENT_MALFORMED: InDocument
  DOCUMENT_OF_ANOTHER_KIND: InDocument
  NOTHING_TO_VERIFY: object
  // time
  TIME_BOUND: TimeBound
  TIME_BY_UNKNOWN_CLOCKS: TimeBound
  TIME_RECEIVED_AFTER_SEALED: { readonly receivedAt: string, readonly sealedAt: string }
  TIME_SEALED_AFTER_LEDGER: { readonly sealedAt: string, readonly by: string }
  TIME_RECEIPT_AFTER_LEDGER: { readonly signedAt: string, readonly by: string }
  TIME_READ_BEFORE_ANCHOR: { readonly ledgerTime: string, readonly readAt: string }
  TIME_WITHOUT_LEDGER: object
  // of a receipt: in time, with a proof, and in promise
  RECEIPT_BEFORE_RECEIVED: { readonly receivedAt: string, readonly signedAt: string }
  RECEIPT_DEADLINE_BEYOND_LOG: { readonly signedAt: string, readonly deadline: string, readonly deadlineMs: number }
  // ledger
  LEDGER_ENDORSED: Signers
  LEDGER_ONE_OPERATOR: Signers
  LEDGER_WITHOUT_PROOF: object
  LEDGER_INCOMPLETE: { readonly missing: readonly string[] }
  LEDGER_BLOCK_DIFFERS: { readonly reason: FabricCode }
  LEDGER_ANCHOR_DIFFERS: { readonly reason: FabricCode }
  LEDGER_READ_BACK_DIFFERS: { readonly reason: FabricCode }
  LEDGER_UNSUPPORTED: { readonly part: string }
  LEDGER_LOG_PATH_DIFFERS: { readonly batch: string }
  LEDGER_PREVIOUS_HEAD_DIFFERS: { readonly batch: string }
  LEDGER_ENTRY_DIFFERS: { readonly batch: string }
  LEDGER_HEADER_DIFFERS: { readonly batch: string }
  LEDGER_HEAD_DIFFERS: { readonly batch: string }
  LEDGER_KIND_DIFFERS: { readonly stated: string, readonly certificate: string }
  ATTESTATION_MALFORMED: { readonly type: string }
  ATTESTATION_MISPLACED: { readonly type: string }
  IDENTITY_UNUSED: { readonly identity: string }
  RECEIPT_KEY_UNKNOWN: { readonly keyId: string }
  RECEIPT_KEY_OUT_OF_RANGE: { readonly keyId: string, readonly batch: string }
  BUNDLE_MISSING: object
  BUNDLE_INVALID: { readonly reason: FabricCode }
  BUNDLE_OF_ANOTHER_LOG: { readonly expected: string, readonly found: string }
  BUNDLE_OLDER: { readonly bundleBlock: string, readonly block: string }
  TRUST_NOT_PINNED: Signers & Fingerprint & { readonly oneOperator: boolean }
  TRUST_PIN_DIFFERS: Fingerprint & { readonly pinned: readonly string[] }
  TOO_FEW_ORGANIZATIONS: { readonly required: number, readonly independent: number }
  RETIRED_NOT_LINKED: { readonly block: string, readonly lastConfig: string }
  LEDGER_CLOSED_HEAD_DIFFERS: { readonly block: string }
  CLOSED_HEAD_UNKNOWN: { readonly block: string, readonly lastConfig: string }
  // depositor
  DEPOSITOR_KEY_ONLY: { readonly organization: string, readonly keyId: string }
  DEPOSITOR_SIGNATURE_UNSUPPORTED: { readonly scheme: string }
  DEPOSITOR_SIGNED: { readonly organization: string, readonly keyId: string }
  DEPOSITOR_CLAIM_OTHER_CONTENT: { readonly keyId: string }
  DEPOSITOR_SIGNATURE_DIFFERS: { readonly keyId: string }
  DEPOSITOR_UNKNOWN: object
  // before the deposit
  BEFORE_NOT_STATED: object
  BEFORE_NOT_DISCLOSED: object
  BEFORE_CREATED: { readonly created: string, readonly days: number }
  BEFORE_CREATED_AFTER_DEPOSIT: { readonly created: string, readonly receivedAt: string }
  // promise
  PROMISE_KEPT: Promised & { readonly foundBy: string }
  PROMISE_OPEN: Promised
  PROMISE_OVERDUE: Promised
  PROMISE_FOUND_LATE: Promised & { readonly ledgerTime: string, readonly foundBy: string }
  PROMISE_POSITION_FILLED: Promised & { readonly nextSequence: string }
  PROMISE_NOT_YET_DUE: Promised & { readonly time: string, readonly nextSequence: string }
  PROMISE_BROKEN_NOT_INCLUDED: Promised & { readonly time: string, readonly nextSequence: string }
  PROMISE_BROKEN_LATE: Promised & { readonly ledgerTime: string }
  PROMISE_BROKEN_OTHER_RECORD: Promised
  PROMISE_UNSIGNED: { readonly keyId: string }
  PROMISE_KEY_UNKNOWN: { readonly keyId: string }
  PROMISE_NOT_PINNED: { readonly keyId: string } & Fingerprint
  PROMISE_RECEIPT_UNREADABLE: InDocument
  PROMISE_OF_ANOTHER_DEPOSIT: { readonly sequence: string }
  PROMISE_STATUS_DIFFERS: { readonly reason: FabricCode }
  PROMISE_STATUS_UNCHECKED: object
}
export type FindingCode = keyof FindingEvidence

/** A code says its state: the same code is never once "consistent" and once not. */
export const STATES: Readonly<Record<FindingCode, FindingState>> = {
  EXHIBIT_EQUAL: 'consistent',
  EXHIBIT_EQUAL_TO_RECEIPT: 'consistent',
  EXHIBIT_EQUAL_TO_PROOF: 'could-not-check',
  EXHIBIT_DIFFERS: 'differs',
  DIGESTS_DISAGREE: 'differs',
  SIZE_DIFFERS: 'differs',
  EXHIBIT_IS_STORED_FORM: 'could-not-check',
  EXHIBIT_MISSING: 'could-not-check',
  OTHER_LOG: 'differs',
  RECORD_OUTSIDE_BATCH: 'differs',
  RECORD_NOT_IN_BATCH: 'differs',
  DISCLOSURE_DIFFERS: 'differs',
  RECEIPT_DOES_NOT_BIND: 'differs',
  RECEIPT_SIGNATURE_DIFFERS: 'differs',
  DOCUMENT_RESAVED: 'could-not-check',
  DOCUMENT_UNREADABLE: 'could-not-check',
  DOCUMENT_TOO_LARGE: 'could-not-check',
  DOCUMENT_MALFORMED: 'could-not-check',
  DOCUMENT_OF_ANOTHER_KIND: 'could-not-check',
  NOTHING_TO_VERIFY: 'could-not-check',
  TIME_BOUND: 'consistent',
  TIME_BY_UNKNOWN_CLOCKS: 'could-not-check',
  TIME_RECEIVED_AFTER_SEALED: 'differs',
  TIME_SEALED_AFTER_LEDGER: 'differs',
  TIME_RECEIPT_AFTER_LEDGER: 'differs',
  TIME_READ_BEFORE_ANCHOR: 'differs',
  TIME_WITHOUT_LEDGER: 'could-not-check',
  RECEIPT_BEFORE_RECEIVED: 'differs',
  RECEIPT_DEADLINE_BEYOND_LOG: 'differs',
  LEDGER_ENDORSED: 'consistent',
  LEDGER_ONE_OPERATOR: 'consistent',
  LEDGER_WITHOUT_PROOF: 'could-not-check',
  LEDGER_INCOMPLETE: 'could-not-check',
  LEDGER_BLOCK_DIFFERS: 'differs',
  LEDGER_ANCHOR_DIFFERS: 'differs',
  LEDGER_READ_BACK_DIFFERS: 'differs',
  LEDGER_UNSUPPORTED: 'could-not-check',
  LEDGER_LOG_PATH_DIFFERS: 'differs',
  LEDGER_PREVIOUS_HEAD_DIFFERS: 'differs',
  LEDGER_ENTRY_DIFFERS: 'differs',
  LEDGER_HEADER_DIFFERS: 'differs',
  LEDGER_HEAD_DIFFERS: 'differs',
  LEDGER_KIND_DIFFERS: 'differs',
  ATTESTATION_MALFORMED: 'could-not-check',
  ATTESTATION_MISPLACED: 'differs',
  IDENTITY_UNUSED: 'differs',
  RECEIPT_KEY_UNKNOWN: 'could-not-check',
  RECEIPT_KEY_OUT_OF_RANGE: 'differs',
  BUNDLE_MISSING: 'could-not-check',
  BUNDLE_INVALID: 'could-not-check',
  BUNDLE_OF_ANOTHER_LOG: 'could-not-check',
  BUNDLE_OLDER: 'could-not-check',
  TRUST_NOT_PINNED: 'could-not-check',
  TRUST_PIN_DIFFERS: 'could-not-check',
  TOO_FEW_ORGANIZATIONS: 'could-not-check',
  RETIRED_NOT_LINKED: 'could-not-check',
  LEDGER_CLOSED_HEAD_DIFFERS: 'differs',
  CLOSED_HEAD_UNKNOWN: 'could-not-check',
  DEPOSITOR_KEY_ONLY: 'not-stated',
  DEPOSITOR_SIGNATURE_UNSUPPORTED: 'could-not-check',
  DEPOSITOR_SIGNED: 'consistent',
  DEPOSITOR_CLAIM_OTHER_CONTENT: 'differs',
  DEPOSITOR_SIGNATURE_DIFFERS: 'differs',
  DEPOSITOR_UNKNOWN: 'could-not-check',
  BEFORE_NOT_STATED: 'not-stated',
  BEFORE_NOT_DISCLOSED: 'not-stated',
  BEFORE_CREATED: 'not-stated',
  BEFORE_CREATED_AFTER_DEPOSIT: 'not-stated',
  PROMISE_KEPT: 'consistent',
  PROMISE_OPEN: 'could-not-check',
  PROMISE_OVERDUE: 'could-not-check',
  PROMISE_FOUND_LATE: 'could-not-check',
  PROMISE_POSITION_FILLED: 'could-not-check',
  PROMISE_NOT_YET_DUE: 'could-not-check',
  PROMISE_BROKEN_NOT_INCLUDED: 'differs',
  PROMISE_BROKEN_LATE: 'differs',
  PROMISE_BROKEN_OTHER_RECORD: 'differs',
  PROMISE_UNSIGNED: 'differs',
  PROMISE_KEY_UNKNOWN: 'could-not-check',
  PROMISE_NOT_PINNED: 'could-not-check',
  PROMISE_RECEIPT_UNREADABLE: 'could-not-check',
  PROMISE_OF_ANOTHER_DEPOSIT: 'could-not-check',
  PROMISE_STATUS_DIFFERS: 'differs',
  PROMISE_STATUS_UNCHECKED: 'could-not-check'
}

/** Statements beside the findings: they never change the exit code. */
export interface RemarkEvidence {
  ENDORSER_CERTIFICATE_EXPIRED: { readonly organization: string, readonly notAfter: string }
  ENDORSER_CERTIFICATE_NOT_YET_VALID: { readonly organization: string, readonly notBefore: string }
  READ_BACK_LATE: { readonly ledgerTime: string, readonly readAt: string }
  RECEIVED_LONG_BEFORE: { readonly receivedAt: string, readonly ledgerTime: string }
  DEADLINE_MISSED: { readonly deadline: string, readonly ledgerTime: string }
  KEY_COMPROMISED: { readonly keyId: string, readonly from: string, readonly registeredAt: string }
  KEYS_READ_BEFORE_LEDGER: { readonly keysReadAt: string, readonly ledgerTime: string }
  RETIRED_LINKED: { readonly block: string }
  DEVELOPMENT_NETWORK: object
  ATTESTATION_UNKNOWN: { readonly type: string }
  SM3_NOT_DEPOSITED: object
  SM3_NOT_RECOMPUTED: object
  DIGESTED_BY_SUBMITTER: object
  NOW_BEFORE_LEDGER: { readonly now: string, readonly ledgerTime: string }
}
export type RemarkCode = keyof RemarkEvidence

/** What a verification never says, or did not look at this time. */
export interface OmissionEvidence {
  CONTENT: object
  MAKER: object
  REVOCATION: { readonly block: string }
  CODE: object
  KEY_REVOCATION: { readonly after: string }
  EXHIBIT: object
}
export type OmissionCode = keyof OmissionEvidence

/** One sentence in both languages of the reports. */
export interface Sentences {
  readonly en: string
  readonly zh: string
}

/** One separate statement of a verification. `evidence` is what the sentence was made of. */
export interface Finding<C extends FindingCode = FindingCode> {
  readonly name: FindingName
  readonly state: FindingState
  readonly code: C
  readonly evidence: FindingEvidence[C]
  readonly sentences: Sentences
}

export interface Remark<C extends RemarkCode = RemarkCode> {
  readonly code: C
  readonly evidence: RemarkEvidence[C]
  readonly sentences: Sentences
}

export interface Omission<C extends OmissionCode = OmissionCode> {
  readonly code: C
  readonly evidence: OmissionEvidence[C]
  readonly sentences: Sentences
}

/** Where the trust comes from. `operator` and `proof`: from those whom it would have to check. */
export type TrustState = 'pinned' | 'as-given' | 'given' | 'operator' | 'proof' | 'pin-differs' | 'none'
export interface TrustEvidence {
  readonly fingerprint?: string
  readonly pinnedOn?: string
  readonly from?: string
  readonly kind?: string
}
export interface Trust extends TrustEvidence {
  readonly state: TrustState
  readonly sentences: Sentences
}

export type Outcome = 'consistent' | 'differs' | 'could-not-check'

/** The result of a verification: data only, and the same for the same input. */
export interface Report {
  readonly type: 'steelyard/report/v1'
  /** 0 consistent, 1 something differs, 2 something could not be checked. */
  readonly exitCode: 0 | 1 | 2
  readonly outcome: Outcome
  readonly headline: Sentences
  readonly checkedAt: string
  /** Canonical evidence number, when a record could be read. */
  readonly number?: string
  readonly log?: string
  readonly sequence?: string
  readonly receivedAt?: string
  readonly findings: readonly Finding[]
  readonly trust: Trust
  readonly remarks: readonly Remark[]
  readonly notChecked: readonly Omission[]
}

/** PROOF.md section 6: any `differs` 1; else 0 if integrity, time and ledger are consistent; else 2. */
export function exitCodeOf (findings: readonly Pick<Finding, 'name' | 'state'>[]): 0 | 1 | 2 {
  if (findings.some(({ state }) => state === 'differs')) return 1
  const decisive: readonly FindingName[] = ['integrity', 'time', 'ledger']
  return decisive.every((name) => findings.some((finding) => finding.name === name && finding.state === 'consistent')) ? 0 : 2
}
