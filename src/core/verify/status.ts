import { jcsBytes, parseCanonical } from '../jcs.js'
import { fabricReadback, identities } from '../proof.js'
import { type Infer, literal, object } from '../strict.js'

const LIMITS = { bytes: 4 * 1024 * 1024, depth: 8 } as const

/** steelyard/attested-status/v1: an endorsed answer of `status`, by which a receipt's promise is judged without a proof. */
export const attestedStatus = object({ type: literal('steelyard/attested-status/v1'), attestation: fabricReadback, identities })
export type AttestedStatus = Infer<typeof attestedStatus>

export function parseAttestedStatus (bytes: Uint8Array): AttestedStatus {
  return attestedStatus(parseCanonical(bytes, LIMITS), 'status')
}

export function attestedStatusBytes (value: AttestedStatus): Uint8Array {
  return jcsBytes(value)
}
