import { equalBytes } from '../bytes.js'
import type { Crypto } from '../crypto.js'
import type { FabricReadback } from '../proof.js'
import type { Endorser } from './endorsement.js'
import { decodeExact } from './message.js'
import * as messages from './messages.js'
import type { EndorsementPolicy } from './policy.js'
import { attempt, FabricRefusal, type FabricResult } from './refusal.js'
import type { ConfigRange } from './verify-block.js'
import { decodeQuery, type IdentityLookup, rangesFrom, requireEndorsed, requireProposal, requireResponse } from './verify-query.js'

/** The transaction that the peers were asked about. */
export interface QsccQuestion {
  readonly channel: string
  readonly txId: string
  /** The block's data element. */
  readonly envelope: Uint8Array
  /** The block that holds it. */
  readonly block: bigint
  /** Whose endorsements suffice: a system chaincode has no definition of its own, so that of the transaction's chaincode. */
  readonly policy: EndorsementPolicy
}

/** Peers said that the ledger holds this transaction as valid. */
export interface AttestedTransaction {
  readonly endorsers: readonly Endorser[]
  readonly range: ConfigRange
}

const VALID = 0

/**
 * The second form of validity: an endorsed `qscc.GetTransactionByID`. It depends on no chaincode process, since peers answer it
 * themselves. The channel is an argument, so the proposal must be carried.
 */
export function verifyQscc (
  crypto: Crypto, ranges: readonly ConfigRange[], question: QsccQuestion, data: FabricReadback, identities: IdentityLookup
): FabricResult<AttestedTransaction> {
  return attempt(() => {
    const evidence = decodeQuery(crypto, data, identities)
    const response = requireResponse(evidence, 'qscc')
    if (response.readWriteSets.length > 0) throw new FabricRefusal('READ_WRITE_SET', 'a system query with reads or writes')
    if (evidence.proposal === undefined) throw new FabricRefusal('PROPOSAL', 'the proposal is missing, which alone names the channel')
    const { channel, txId } = question
    requireProposal(crypto, evidence.proposal, { channel, chaincode: 'qscc', args: ['GetTransactionByID', channel, txId] }, response)
    const { transactionEnvelope, validationCode } = decodeExact(messages.processedTransaction, response.action.response.payload)
    if (transactionEnvelope === undefined || !equalBytes(transactionEnvelope, question.envelope)) throw new FabricRefusal('ENVELOPE', 'the ledger holds another envelope under this id')
    if (validationCode !== VALID) throw new FabricRefusal('VALIDATION_CODE', `the ledger refused the transaction with code ${validationCode}`)
    return requireEndorsed(crypto, rangesFrom(ranges, question.block), question.policy, evidence)
  })
}
