/**
 * Public entry of the verifier (`steelyard/verify`): pure, synchronous, offline. Give it a `Crypto`, a proof or a receipt, a trust bundle
 * and what was computed of the file.
 * @module
 */
export type { Crypto, EcdsaInput } from './crypto.js'
export { EvidenceError, type EvidenceErrorCode } from './errors.js'
export { parseEvidenceNumber, printEvidenceNumber, type EvidenceNumberReading } from './evidence-number.js'
export type {
  Finding, FindingCode, FindingEvidence, FindingName, FindingState, Omission, Outcome, Remark, Report, Sentences, Trust, TrustState
} from './findings.js'
export { parseProof, type Proof } from './proof.js'
export { parseReceipt, type Receipt } from './receipt.js'
export { type Language, reportText } from './report-text.js'
export { type BundleSource, normalizeFingerprint, type Pin } from './trust.js'
export { fingerprint, parseTrustBundle, type TrustBundle } from './trust-bundle.js'
export type { EvidenceInput, Exhibit, TrustInput, VerifyInput } from './verify/input.js'
export { compareReceipts, type ReceiptComparison } from './verify/promise.js'
export { attestedStatusBytes, parseAttestedStatus, type AttestedStatus } from './verify/status.js'
export { createVerifier, verify, type Verifier } from './verify/verifier.js'
