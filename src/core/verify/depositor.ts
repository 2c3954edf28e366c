import { checkClaim } from '../claim.js'
import type { Crypto } from '../crypto.js'
import type { Finding } from '../findings.js'
import { FIELD } from '../metadata.js'
import type { Proof } from '../proof.js'
import type { EvidenceRecord } from '../record.js'
import { type LedgerFacts, timeBound, timeOnLedger } from './facts.js'
import { disclosedText } from './integrity.js'
import { finding } from './result.js'

/** Who deposited, as far as the record says: an organization's key, and a signature of its own only when there is one. */
export function depositorFinding (crypto: Crypto, record: EvidenceRecord | undefined): Finding {
  if (record === undefined) return finding('depositor', 'DEPOSITOR_UNKNOWN', {})
  const { signature, submitter: { organization, keyId } } = record
  if (signature === undefined) return finding('depositor', 'DEPOSITOR_KEY_ONLY', { organization, keyId })
  const signer = { keyId: signature.keyId }
  switch (checkClaim(crypto, record)) {
    case 'ok': return finding('depositor', 'DEPOSITOR_SIGNED', { organization, ...signer })
    case 'scheme-unknown': return finding('depositor', 'DEPOSITOR_SIGNATURE_UNSUPPORTED', { scheme: signature.scheme })
    case 'other-content': return finding('depositor', 'DEPOSITOR_CLAIM_OTHER_CONTENT', signer)
    case 'malformed':
    case 'signature-invalid': return finding('depositor', 'DEPOSITOR_SIGNATURE_DIFFERS', signer)
  }
}

const CREATED = /^\d{4}-\d{2}-\d{2}(?:T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,9})?)?(?:Z|[+-]\d{2}:\d{2}))?$/
const DAY = 86_400_000

/**
 * The gap that no deposit covers: from when the content came into being, by the depositor's word, until the ledger's bound, or, without
 * one, until it was received, by the operator's word.
 */
export function beforeFinding (record: EvidenceRecord | undefined, proof: Proof | undefined, facts?: LedgerFacts): Finding {
  const created = disclosedText(proof, FIELD.created)
  if (isHidden(record, proof)) return finding('before', 'BEFORE_NOT_DISCLOSED', {})
  if (record === undefined || created === undefined || !CREATED.test(created)) return finding('before', 'BEFORE_NOT_STATED', {})
  // A date alone is a day as the reports print it (+08:00).
  const time = Date.parse(created.length === 10 ? `${created}T00:00:00+08:00` : created)
  if (Number.isNaN(time)) return finding('before', 'BEFORE_NOT_STATED', {})
  const gap = depositedBy(record, facts) - time
  return gap < 0
    ? finding('before', 'BEFORE_CREATED_AFTER_DEPOSIT', { created, receivedAt: record.receivedAt })
    : finding('before', 'BEFORE_CREATED', { created: created.slice(0, 10), days: Math.floor(gap / DAY) })
}

/** The latest moment of the deposit, in milliseconds: by the ledger's bound, else by the operator's word. */
function depositedBy ({ receivedAt }: EvidenceRecord, facts: LedgerFacts | undefined): number {
  if (facts === undefined) return Date.parse(receivedAt)
  const { time, skewMs } = timeOnLedger(facts)
  return Date.parse(timeBound(time, skewMs))
}

/** Whether the record has fields of which this proof does not show the time of creation: it may be there or not. */
function isHidden (record: EvidenceRecord | undefined, proof: Proof | undefined): boolean {
  return record?.metadata !== undefined && proof?.disclosures?.some(({ name }) => name === FIELD.created) !== true
}
