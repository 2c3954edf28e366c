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
  /**
   * Of signatures by keys that are retired by now: the closed head above the batch. T and T2 are then the word of keys that can sign for the
   * past for ever; what those in force attest is that the header is below this head.
   */
  readonly linked?: TimeOnLedger
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

/** T, W and T2, and the entities whose word they are. */
export interface TimeOnLedger {
  readonly time: string
  readonly skewMs: number
  readonly readAt: string
  readonly organizations: readonly string[]
}

/** The times that bound when a batch was there: its own, or, where retired keys signed them, those of the head above it. */
export function timeOnLedger ({ linked, entry, readAt, endorsers }: LedgerFacts): TimeOnLedger {
  return linked ?? { time: entry.time, skewMs: entry.skewMs, readAt, organizations: [...new Set(endorsers.map(({ entity }) => entity))] }
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
