import { fromBase64url, fromUtf8, toBase64url, utf8 } from './bytes.js'
import type { Crypto } from './crypto.js'
import { EvidenceError } from './errors.js'
import type { EvidenceRecord } from './record.js'

/** The one scheme so far: ERC-191 version 0x45 ("personal message") by a secp256k1 key, as wallets sign it. `keyId` is the signer's address. */
export const CLAIM_SCHEME = 'eip191'

/** What a depositor signs and sends: the claim's text, the signer's address (0x and 40 lower-case hex) and the 65 bytes r, s, v in base64url. */
export interface SignedClaim {
  readonly claim: string
  readonly keyId: string
  readonly value: string
}

/** A claim that says no more than which content it is about. A depositor may write more lines of its own. */
export function claimText (sha256: string): string {
  return `steelyard claim v1\nsha256: ${sha256}\n`
}

export type ClaimVerdict =
  | 'ok'
  | 'scheme-unknown' // nothing can be said
  | 'malformed'
  | 'other-content' // signed, but its text does not name the record's SHA-256 in a line of its own
  | 'signature-invalid'

/** Whether a record's claim is about its content and signed by the key that its signature names. Never throws. */
export function checkClaim (
  crypto: Crypto, { claim, signature, content }: Pick<EvidenceRecord, 'claim' | 'signature' | 'content'>
): ClaimVerdict {
  if (signature === undefined || signature.scheme !== CLAIM_SCHEME) return 'scheme-unknown'
  if (claim === undefined || signature.path !== undefined) return 'malformed'
  const message = fromBase64url(claim)
  const text = textOf(message)
  if (text === undefined) return 'malformed'
  if (!text.split('\n').includes(`sha256: ${content.digests.sha256}`)) return 'other-content'
  return crypto.recoverAddress(message, fromBase64url(signature.value)) === signature.keyId ? 'ok' : 'signature-invalid'
}

/** The members of a record that hold a signed claim. */
export function claimMembers ({ claim, keyId, value }: SignedClaim): Required<Pick<EvidenceRecord, 'claim' | 'signature'>> {
  return { claim: toBase64url(utf8(claim)), signature: { scheme: CLAIM_SCHEME, keyId, value } }
}

function textOf (bytes: Uint8Array): string | undefined {
  try {
    return fromUtf8(bytes)
  } catch (error) {
    if (error instanceof EvidenceError) return undefined
    throw error
  }
}
