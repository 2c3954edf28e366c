import { toHex } from '../core/bytes.js'
import type { Crypto } from '../core/crypto.js'
import { HASH_SIZE, leafHash } from '../core/merkle.js'
import type { StoredGroup } from '../store/deposits.js'
import { StoreError } from '../store/errors.js'

type Group = Pick<StoredGroup, 'statement'> & { readonly leaves?: Buffer | undefined }

/**
 * A record is shown only if it is the one that was committed with its group. LevelDB checks no block that it reads: a bit that turned on the
 * disk comes back as if it had been written so.
 * @throws StoreError DAMAGED
 */
export function requireLeaf (crypto: Crypto, record: Uint8Array, sequence: number, group: Group | undefined): asserts group is Group {
  const leaf = toHex(leafHash(crypto, record))
  if (group !== undefined && leafIn(group, sequence) === leaf) return
  throw new StoreError({ code: 'DAMAGED', message: `record ${sequence} is not the one that was committed: \`steelyard fsck\` names what is damaged` })
}

function leafIn ({ leaves, statement }: Group, sequence: number): string {
  if (leaves === undefined) return statement.groupRoot
  const at = (sequence - Number(statement.firstSequence)) * HASH_SIZE
  return leaves.toString('hex', at, at + HASH_SIZE)
}
