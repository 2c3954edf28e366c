import { BLOCK_SAYS, DOUBTS } from '../../audit-wording.js'
import type { Sentences } from '../../findings.js'
import { equalBytes, toHex } from '../../bytes.js'
import { EvidenceError } from '../../errors.js'
import type { ParsedBlock } from '../block.js'
import type { BlockVerdict } from '../commit/judge-block.js'
import { codeName } from '../commit/validation-codes.js'
import { decodeExact } from '../message.js'
import * as messages from '../messages.js'
import type { Found } from './result.js'

/** What a peer added to a block when it committed it: its word, which nobody signs. */
export interface PeerWord {
  /** One validation code a transaction; empty in a block as the orderers deliver it. */
  readonly filter: Uint8Array
  /** Undefined where there is none, such as in block 0; `unreadable` where it is no such entry. */
  readonly commitHash: Uint8Array | 'unreadable' | undefined
}

/** common.BlockMetadataIndex */
const TRANSACTIONS_FILTER = 2
const COMMIT_HASH = 4

export function peerWord ({ metadata }: ParsedBlock): PeerWord {
  const entry = metadata[COMMIT_HASH] ?? new Uint8Array(0)
  return { filter: metadata[TRANSACTIONS_FILTER] ?? new Uint8Array(0), commitHash: entry.length === 0 ? undefined : valueOf(entry) }
}

function valueOf (entry: Uint8Array): Uint8Array | 'unreadable' {
  try {
    return decodeExact(messages.metadata, entry).value
  } catch (error) {
    if (error instanceof EvidenceError) return 'unreadable'
    throw error
  }
}

/** Says why a verdict is not sure enough to contradict the peer's code; undefined: it is. */
export type Doubt = (unsure: Sentences | undefined, ours: number, theirs: number) => Sentences | undefined

/** Compares the peer's validation codes with those that follow from the blocks. */
export function compareCodes ({ filter }: PeerWord, { transactions }: BlockVerdict, doubt: Doubt, { differences, doubts }: Found): void {
  if (filter.length === 0) {
    doubts.push({ what: DOUBTS.codes, why: DOUBTS.noCodes })
    return
  }
  for (const [index, { code, unsure }] of transactions.entries()) {
    const theirs = filter[index]
    // That the peer says what these rules suspect decides nothing: it could lie where they cannot tell.
    if (theirs === code && unsure === undefined) continue
    const why = theirs === undefined ? undefined : doubt(unsure, code, theirs)
    if (why !== undefined) {
      doubts.push({ what: DOUBTS.code, why })
      continue
    }
    const said = theirs === undefined ? undefined : codeName(theirs)
    differences.push({ code: 'VALIDATION_CODE', transaction: index, says: BLOCK_SAYS.otherCode(said, codeName(code)) })
  }
  if (filter.length > transactions.length) {
    differences.push({ code: 'VALIDATION_CODE', says: BLOCK_SAYS.codesLeft(filter.length, transactions.length) })
  }
}

/** Compares the peer's commit hash with the computed one, which is undefined where the block before has none to go on from. */
export function compareCommitHash (
  word: PeerWord, computed: Uint8Array | undefined, { transactions }: BlockVerdict, { differences, doubts }: Found
): void {
  const { commitHash, filter } = word
  if (commitHash === undefined || computed === undefined) {
    if (filter.length > 0) doubts.push({ what: DOUBTS.commitHash, why: DOUBTS.noCommitHash })
  } else if (commitHash === 'unreadable' || !equalBytes(commitHash, computed)) {
    if (transactions.some(({ unsure }) => unsure !== undefined)) {
      doubts.push({ what: DOUBTS.commitHash, why: DOUBTS.undecided })
    } else differences.push({ code: 'COMMIT_HASH', says: BLOCK_SAYS.otherCommitHash(toHex(computed)) })
  }
}
