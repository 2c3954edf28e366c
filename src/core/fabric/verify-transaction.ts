import { equalBytes } from '../bytes.js'
import type { Crypto } from '../crypto.js'
import { verifyLowS } from './ecdsa.js'
import { type ChaincodeDefinition, definitionBefore, requireDefinition } from './definition.js'
import { type Endorser, requireEndorsements, requirePolicy } from './endorsement.js'
import { validateIdentity } from './msp.js'
import { attempt, FabricRefusal, type FabricResult } from './refusal.js'
import { isBefore, type Version } from './rwset.js'
import { type EndorserTransaction, parseEndorserTransaction, proposalHash, transactionId } from './transaction.js'
import { type BlockEvidence, type ConfigRange, creatorMsps, type OrderedBlock, requireOrderedBlock } from './verify-block.js'

/** A transaction of a signed block that its endorsers and its creator signed. Whether the ledger accepted it is for the read-back. */
export interface OrderedTransaction {
  readonly block: OrderedBlock
  /** Where its writes are, if it is valid. */
  readonly at: Version
  readonly transaction: EndorserTransaction
  /** The data element of the block: the serialized envelope. */
  readonly element: Uint8Array
  readonly endorsers: readonly Endorser[]
  /** The definition of the chaincode that endorsed it. */
  readonly definition: ChaincodeDefinition
}

/** What a transaction must be of. */
export interface Expected {
  readonly channel: string
  readonly chaincode: string
  readonly definitions: readonly ChaincodeDefinition[]
}

/** Verifies the block and the transaction at `index` in it (PROOF.md section 4a). */
export function verifyBlockTransaction (
  crypto: Crypto, expected: Expected, range: ConfigRange, block: BlockEvidence, index: number
): FabricResult<OrderedTransaction> {
  return attempt(() => {
    const ordered = requireOrderedBlock(crypto, expected.channel, range, block)
    const element = block.data[index]
    if (element === undefined) throw new FabricRefusal('TRANSACTION_INDEX', `the block has no transaction ${index}`)
    const transaction = requireTransaction(crypto, expected.channel, range, element)
    const at: Version = { block: block.number, tx: BigInt(index) }
    const inForce = definitionBefore(expected.definitions, at)
    const definition = requireDefinition(expected.chaincode, expected.definitions, inForce, transaction)
    if (!isBefore(definition.at, at)) throw new FabricRefusal('CHAINCODE', 'the definition was committed later than the transaction')
    const endorsers = requireEndorsements(crypto, range.config, transaction.responsePayload, transaction.endorsements)
    requirePolicy(range.config, definition.policy, endorsers)
    return { block: ordered, at, transaction, element, endorsers, definition }
  })
}

/** @internal What holds for every endorser transaction, whatever chaincode it calls: channel, id, creator, proposal hash, status. */
export function requireTransaction (crypto: Crypto, channel: string, range: ConfigRange, element: Uint8Array): EndorserTransaction {
  const transaction = parseEndorserTransaction(element)
  const { channelHeader, signatureHeader } = transaction
  if (channelHeader.channelId !== channel) throw new FabricRefusal('CHANNEL', 'a transaction of another channel')
  if (transaction.nonce.length === 0 || channelHeader.txId !== transactionId(crypto, transaction)) {
    throw new FabricRefusal('TRANSACTION_ID', 'the transaction id is not that of nonce and creator')
  }
  const creator = validateIdentity(creatorMsps(range.config), transaction.creator)
  if (!creator.ok) {
    throw new FabricRefusal(creator.reason === 'IDENTITY_UNSUPPORTED' ? 'UNSUPPORTED' : 'CREATOR',
      `the creator is no identity of the channel (${creator.reason})`)
  }
  if (!verifyLowS(crypto, creator.certificate.publicKey, transaction.payload, transaction.signature)) {
    throw new FabricRefusal('CREATOR', 'the signature of the creator does not verify')
  }
  const hash = proposalHash(crypto, channelHeader.bytes, signatureHeader.bytes, transaction.proposalPayload)
  if (!equalBytes(hash, transaction.proposalHash)) throw new FabricRefusal('PROPOSAL_HASH', 'the endorsers answered another proposal')
  if (transaction.action.response.status !== 200) {
    throw new FabricRefusal('RESPONSE_STATUS', `status ${transaction.action.response.status}`)
  }
  return transaction
}
