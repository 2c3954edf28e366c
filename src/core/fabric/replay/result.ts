import { BLOCK_SAYS, DOUBTS } from '../../audit-wording.js'
import type { Sentences } from '../../findings.js'
import type { EndorserTransaction } from '../transaction.js'
import type { FabricResult } from '../refusal.js'

export type ReplayCode =
  | 'BLOCK_UNREADABLE' // bytes that are not a block, or not in its one encoding
  | 'BLOCK_CHAIN' // number, previous hash or data hash is not that of the block after the one before
  | 'BLOCK_ORDERING' // not signed by a quorum of the orderers of the configuration in force
  | 'GENESIS' // block 0 is not the one to start from
  | 'CONFIGURATION' // a configuration that does not follow the one before it
  | 'VALIDATION_CODE' // the peer's code is not the one that follows from the blocks
  | 'COMMIT_HASH' // the peer's commit hash is not the one that follows from the blocks

/** Something that a block says and that does not follow from the blocks. */
export interface ReplayDifference {
  readonly code: ReplayCode
  /** Of a single transaction: its index. */
  readonly transaction?: number
  readonly says: Sentences
}

/** Something that these rules cannot decide. */
export interface ReplayDoubt { readonly what: Sentences, readonly why: Sentences }

/** A transaction that the ledger accepted, by the blocks. */
export interface AcceptedTransaction {
  readonly index: number
  readonly transaction: EndorserTransaction
}

export interface ReplayedBlock {
  readonly number: number
  /** SHA-256 of the header. */
  readonly hash: Uint8Array
  readonly transactions: number
  readonly accepted: readonly AcceptedTransaction[]
  /** How many have each validation code, by its name. */
  readonly outcomes: Readonly<Record<string, number>>
  readonly isConfiguration: boolean
  readonly differences: readonly ReplayDifference[]
  readonly doubts: readonly ReplayDoubt[]
  /** Nothing can be said of the blocks after this one. */
  readonly ends: boolean
}

/** What is found of one block, while it is judged. */
export interface Found {
  readonly differences: ReplayDifference[]
  readonly doubts: ReplayDoubt[]
}

/** Notes what a rule refused; a rule that settles nothing is a doubt. A replay has every block: a later configuration than it knows is none. */
export function note (result: FabricResult<unknown>, code: ReplayCode, what: Sentences, { differences, doubts }: Found): void {
  if (result.ok) return
  if (result.code === 'UNSUPPORTED') doubts.push({ what, why: DOUBTS.form(result.detail) })
  else differences.push({ code, says: BLOCK_SAYS.refused(result.code, result.detail) })
}
