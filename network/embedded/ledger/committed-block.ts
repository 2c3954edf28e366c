import { EvidenceError } from '../../../src/core/errors.js'
import { parseBlock } from '../../../src/core/fabric/block.js'
import { codes } from '../../../src/core/fabric/commit/validation-codes.js'
import { FabricRefusal } from '../../../src/core/fabric/refusal.js'
import { parseEndorserTransaction, parseEnvelope } from '../../../src/core/fabric/transaction.js'
import type { CommittedBlock, CommittedTransaction } from '../channel.js'
import { common } from '../proto.js'

/** Index of the transaction filter in a block's metadata. */
const FILTER = common.BlockMetadataIndex.TRANSACTIONS_FILTER

/** What events and filtered blocks tell about a block that is committed. */
export function committedBlock (bytes: Uint8Array): CommittedBlock {
  const block = parseBlock(bytes)
  const filter = block.metadata[FILTER] ?? new Uint8Array(0)
  return {
    number: Number(block.header.number),
    bytes,
    transactions: block.data.map((envelope, i) => committedTransaction(envelope, filter[i] ?? codes.NOT_VALIDATED))
  }
}

function committedTransaction (envelope: Uint8Array, code: number): CommittedTransaction {
  const header = readable(() => parseEnvelope(envelope).channelHeader)
  const event = code === codes.VALID && header?.type === common.HeaderType.ENDORSER_TRANSACTION
    ? readable(() => parseEndorserTransaction(envelope).action.events)
    : undefined
  return {
    txId: header?.txId ?? '',
    type: header?.type ?? common.HeaderType.MESSAGE,
    code,
    ...(event === undefined || event.length === 0 ? {} : { chaincodeEvent: event })
  }
}

/** Undefined for what cannot be read: garbage is in a block too, flagged. */
function readable<T> (parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof FabricRefusal || error instanceof EvidenceError) return undefined
    throw error
  }
}
