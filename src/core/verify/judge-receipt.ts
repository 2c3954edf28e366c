import type { Crypto } from '../crypto.js'
import type { Finding } from '../findings.js'
import type { LogStatus } from '../ledger-values.js'
import type { Receipt } from '../receipt.js'
import { isAccepted } from '../trust.js'
import { type Read, readDocument } from './documents.js'
import type { EvidenceInput } from './input.js'
import { otherLog } from './ledger.js'
import { promiseFinding, type ProvenDeposit } from './promise.js'
import { finding, problem } from './result.js'
import { parseAttestedStatus } from './status.js'
import type { Trusted, TrustRoot } from './trust-root.js'

/** The promise of a receipt file. What its key promised, and a status, count only by a trust bundle that was accepted. */
export function judgeReceipt (
  crypto: Crypto, trusted: Trusted, input: EvidenceInput, receipt: Read<Receipt>, proven: ProvenDeposit | undefined
): Finding {
  if (!receipt.ok) return finding('promise', 'PROMISE_RECEIPT_UNREADABLE', { document: 'receipt' })
  const root = otherLog(trusted, receipt.value) === undefined ? trusted.root : undefined
  return promiseFinding(crypto, {
    receipt: receipt.value,
    keys: root?.keys,
    unpinned: isAccepted(trusted.trust.state) ? undefined : trusted.trust.fingerprint,
    terms: root?.statement?.register,
    now: input.now,
    ...(proven === undefined ? {} : { proof: proven }),
    ...(input.status === undefined ? {} : { status: readStatus(root, input.status) })
  })
}

function readStatus (root: TrustRoot | undefined, bytes: Uint8Array): Read<LogStatus> {
  const read = readDocument('status', bytes, parseAttestedStatus)
  if (!read.ok) return read
  return root?.status(read.value.attestation, read.value.identities) ?? { ok: false, problem: problem('PROMISE_STATUS_UNCHECKED', {}) }
}
