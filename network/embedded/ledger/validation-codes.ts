import { transaction } from '../proto.js'
import type { FabricCode } from '../../../src/core/fabric/refusal.js'

/** `protos.TxValidationCode`. */
export const codes = transaction.TxValidationCode

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
