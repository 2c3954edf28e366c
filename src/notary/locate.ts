import { fromBase64url } from '../core/bytes.js'
import { parseResponsePayload } from '../core/fabric/transaction.js'
import type { FabricReadback } from '../core/proof.js'
import { LedgerError } from '../ledger/errors.js'
import type { Location } from '../store/anchors.js'

/**
 * Where the ledger holds a batch: an attested read-back endorses the version of the one key that it read, which is the block and the
 * transaction that wrote it. So a batch is located also when its transaction id was lost.
 */
export function locate (readback: FabricReadback, chaincode: string): Location {
  const { readWriteSets } = parseResponsePayload(fromBase64url(readback.responsePayload))
  const version = readWriteSets.find(({ namespace }) => namespace === chaincode)?.reads[0]?.version
  if (version === undefined) throw new LedgerError({ code: 'PROTOCOL', message: 'a read-back that read nothing' })
  return { block: String(version.block), transaction: Number(version.tx) }
}
