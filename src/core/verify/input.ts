import type { TrustTerms } from '../trust.js'

/** What was computed of the file at hand. Hashing happens outside: files do not fit into one array. */
export interface Exhibit {
  readonly sha256: Uint8Array
  readonly sm3?: Uint8Array
  readonly size?: bigint
  readonly name?: string
}

/** The evidence. Files are given as the bytes that they are. */
export interface EvidenceInput {
  readonly proof?: Uint8Array
  readonly receipt?: Uint8Array
  /** An attested status of the ledger (see status.ts), to judge a receipt's promise by. */
  readonly status?: Uint8Array
  readonly exhibit?: Exhibit
  /** RFC 3339 UTC. Decides only whether a promise is due. */
  readonly now: string
}

/** Whom the verifier believes. */
export interface TrustInput extends TrustTerms {
  readonly bundle?: Uint8Array
  /** The relying party's threshold: organizations other than the operator that must have endorsed both the anchor and its read-back. */
  readonly minimumOrganizations?: number
}

export type VerifyInput = EvidenceInput & TrustInput
