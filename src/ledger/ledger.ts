import type { BatchEntry, KeysStatement, LogStatus } from '../core/ledger-values.js'
import type { BlockData, FabricReadback, Identities } from '../core/proof.js'

/**
 * The ledger as the notary sees it. Adapters: fabric-network (default) and fabric-gateway. All pass one contract suite. No call
 * trusts a success without reading back; whatever is not definite is `unknown` and is settled by asking the ledger.
 */
export interface Ledger {
  readonly channel: string
  readonly chaincode: string
  /** The log's origin this adapter was opened for. */
  readonly log: string

  /** Opens the log with its parameters and first receipt key; the same parameters again change nothing. */
  openLog (parameters: LogParameters): Promise<void>

  /**
   * Anchors 1 to 64 consecutive batch headers (their exact bytes), all or nothing. Idempotent: bytes that are there already are found, not
   * written again. `onTransaction` is awaited with the transaction id before anything is sent to the orderer, so that a crash can be settled.
   * One call at a time. Resolves once the entries were read back from the ledger.
   */
  anchor (headers: readonly Uint8Array[], onTransaction: (txId: string) => Promise<void>): Promise<AnchorResult>

  /** What became of a transaction; undefined when the ledger does not know it (yet). */
  transaction (txId: string): Promise<TransactionStatus | undefined>

  /** The entry of a batch, by an unattested query; undefined when it is not on the ledger. */
  findBatch (number: string): Promise<BatchEntry | undefined>
  /** The batch with this root (hex), if any. */
  findRoot (root: string): Promise<string | undefined>

  /** The attested read-back of a batch: a query endorsed by a majority of organizations after the commit. */
  attestBatch (number: string): Promise<AttestedQuery>
  /** The attested register of receipt keys. */
  attestKeys (): Promise<AttestedQuery & { readonly statement: KeysStatement }>
  /** The attested status: time, next sequence, head. */
  attestStatus (): Promise<AttestedQuery & { readonly statement: LogStatus }>
  registerKey (spki: Uint8Array, fromBatch: string): Promise<void>

  /** One block in the form that proofs carry, and the ids of its transactions in order. */
  block (number: string): Promise<LedgerBlock>
  /** One block as a peer has it: the serialized common.Block with the validation codes that nobody signs; undefined when there is none yet. */
  peerBlock (number: string): Promise<Uint8Array | undefined>
  /** The block that holds a transaction, and its index. */
  blockOf (txId: string): Promise<{ readonly block: LedgerBlock, readonly index: number } | undefined>
  /** Blocks from a number on, for ever, across reconnections, each once and in order; ends when the signal aborts. */
  follow (from: string, signal: AbortSignal): AsyncIterable<LedgerBlock>
  /** Number of blocks. Rejects with UNAVAILABLE when no peer answers: the liveness probe of the ledger. */
  height (): Promise<string>

  /** How the organizations answer what is put to all of them: who endorses, and why the others do not. Empty until somebody was asked. */
  readonly organizations: () => readonly OrganizationStanding[]

  close (): Promise<void>
}

export interface OrganizationStanding {
  readonly mspId: string
  /** False after it failed a few times in a row; then the rest says since when and how. */
  readonly endorses: boolean
  readonly since?: string
  /** UNREACHABLE, DENIED, DIFFERS, REFUSED, or the contract's own code, such as CLOCK. */
  readonly code?: string
  readonly message?: string
}

export interface LogParameters {
  readonly skewMs: number
  readonly deadlineMs: number
  /** SPKI of the first receipt key. */
  readonly spki: Uint8Array
}

export interface AnchorResult {
  /** The transaction that wrote the last of these batches; absent when all were found on the ledger already and it is unknown. */
  readonly txId?: string
  readonly entries: readonly BatchEntry[]
}

export interface TransactionStatus {
  readonly block: string
  readonly index: number
  /** Fabric's validation code: 0 is VALID. */
  readonly code: number
}

/** An endorsed query in the form that proofs carry; the endorsers' identities beside it. */
export interface AttestedQuery {
  readonly attestation: FabricReadback
  readonly identities: Identities
}

export interface LedgerBlock {
  /** As proofs and bundles carry it; for block 0 `signatures` is empty. */
  readonly data: Omit<BlockData, 'signatures'> & { readonly signatures: string }
  readonly transactions: readonly { readonly txId: string, readonly type: number, readonly code: number }[]
}
