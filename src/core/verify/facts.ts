import type { Remark } from '../findings.js'
import type { BatchEntry, ReceiptKey } from '../ledger-values.js'
import type { FabricReadback, Identities } from '../proof.js'
import type { Problem } from './result.js'

/** An organization that endorsed, by the trust bundle's name, with what its certificate says. */
export interface Endorser {
  readonly entity: string
  readonly operator: boolean
  readonly notBefore: string
  readonly notAfter: string
  readonly organizationalUnits: readonly string[]
}

/** What the ledger's signatures say of one batch. Shared by all proofs under it. */
export interface LedgerFacts {
  readonly entry: BatchEntry
  /** The longest promise that the log allows, by the ledger's register of receipt keys; undefined when the bundle has none. */
  readonly deadlineMs: number | undefined
  /** T2. */
  readonly readAt: string
  /** Of the anchor: whose clocks bound the time. */
  readonly endorsers: readonly Endorser[]
  /** Of the read-back. */
  readonly readers: readonly Endorser[]
  /** Entities with peers on the channel at the time. */
  readonly organizations: number
  readonly orderers: number
  readonly consenters: number
  readonly quorum: number
  readonly block: string
  readonly transaction: number
  readonly txId: string
  /** The newest configuration block that the trust bundle has. */
  readonly lastConfig: string
}

/** A batch on the ledger, or what stands against it. */
export type LedgerVerdict =
  | { readonly ok: true, readonly facts: LedgerFacts, readonly problem?: Problem, readonly remarks: readonly Remark[] }
  | { readonly ok: false, readonly problem: Problem, readonly remarks: readonly Remark[] }

/** The receipt keys on the ledger, by their id. */
export type ReceiptKeys = ReadonlyMap<string, ReceiptKey>

/** T + W: the latest moment, by the endorsing organizations' clocks, at which the batch was shown to them. */
export function timeBound (time: string, skewMs: number): string {
  return new Date(Date.parse(time) + skewMs).toISOString()
}

/** An identity that no endorsement refers to: bytes that nothing authenticates. */
export function unusedIdentity (identities: Identities, attestations: readonly FabricReadback[]): string | undefined {
  const used = new Set(attestations.flatMap(({ endorsements }) => endorsements.map(({ identity }) => identity)))
  return Object.keys(identities).find((digest) => !used.has(digest))
}
