import { type BatchHeader, parseBatchHeader } from '../core/batch.js'
import { equalBytes, toHex } from '../core/bytes.js'
import type { Crypto } from '../core/crypto.js'
import { unlessRefused } from '../core/errors.js'
import { appendLeaf, HASH_SIZE, leafHash, rangeRoot, verifyConsistency } from '../core/merkle.js'
import { StoreError } from '../store/errors.js'
import type { Batches } from '../store/batches.js'
import { TILE } from './batch-tree.js'
import type { LogTree } from './log-tree.js'

/**
 * The tree of the log, whose heads are held to the batches: a head over a tile that changed on the disk is none that there was, and would be signed,
 * told or sealed on. A head of n batches is the one that the header of batch n - 1 continues, with that header as its last leaf.
 */
export function holdToHeaders (crypto: Crypto, tree: LogTree, batches: Pick<Batches, 'header'>): LogTree {
  const head = async (size: number): Promise<Uint8Array> => {
    if (size === 0) return await tree.head(0)
    const [root, before, header] = await Promise.all([tree.head(size), tree.range(size - 1), batches.header(size - 1)])
    const isContinued = headerIn(header)?.previousHead === toHex(rangeRoot(crypto, before))
    if (header !== undefined && isContinued && equalBytes(rangeRoot(crypto, appendLeaf(crypto, before, leafHash(crypto, header))), root)) return root
    throw damaged(size)
  }
  return {
    ...tree,
    head,
    async consistency (first, second) {
      const [path, ...roots] = await Promise.all([tree.consistency(first, second), head(first), head(second)])
      if (verifyConsistency(crypto, { size: first, root: roots[0] }, { size: second, root: roots[1] }, path)) return path
      throw damaged(second)
    }
  }
}

/** A header as it can be read; undefined for one that is not there or has no form any more. */
export function headerIn (bytes: Uint8Array | undefined): BatchHeader | undefined {
  return bytes === undefined ? undefined : unlessRefused(() => parseBatchHeader(bytes))
}

/** Holds a header to its leaf in the log. */
export async function requireInLog (crypto: Crypto, batches: Pick<Batches, 'logTile'>, number: number, header: Uint8Array): Promise<void> {
  const tile = await batches.logTile(0, Math.floor(number / TILE))
  const at = number % TILE * HASH_SIZE
  if (tile !== undefined && equalBytes(tile.subarray(at, at + HASH_SIZE), leafHash(crypto, header))) return
  throw new StoreError({ code: 'DAMAGED', message: `the header of batch ${number} is not the one in the log` })
}

function damaged (size: number): StoreError {
  const message = `the stored tree of the log and the header of batch ${size - 1} do not fit: \`steelyard fsck\` names what is damaged`
  return new StoreError({ code: 'DAMAGED', message })
}
