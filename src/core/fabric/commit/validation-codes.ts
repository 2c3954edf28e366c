import type { FabricCode } from '../refusal.js'
import { transaction } from '../proto.js'

/** `protos.TxValidationCode`. */
export const codes = transaction.TxValidationCode

const NAMES: ReadonlyMap<number, string> = new Map(Object.entries(codes).map(([name, code]) => [code, name]))

/** Fabric's name of a validation code. */
export function codeName (code: number): string {
  return NAMES.get(code) ?? `code ${code}`
}

/** A validation code; `unsure` says why another reader of the same bytes could come to another one. */
export interface Verdict {
  readonly code: number
  readonly unsure?: string
}

/** The peer's code for an envelope that cannot be read as an endorser transaction. */
export function codeOfRefusal (code: FabricCode): number {
  switch (code) {
    case 'TRANSACTION_TYPE': return codes.UNKNOWN_TX_TYPE
    case 'READ_WRITE_SET': return codes.ILLEGAL_WRITESET
    case 'TRANSACTION_FORM':
    case 'TRANSACTION_ACTIONS':
    case 'PROPOSAL_HASH': return codes.INVALID_ENDORSER_TRANSACTION
    default: return codes.BAD_PAYLOAD
  }
}
