import { appendLeaf, type CompactRange, emptyRange, HASH_SIZE, rootOf } from '../../core/merkle.js'
import { TILE } from '../../notary/batch-tree.js'
import { numberKey } from '../../store/keys.js'
import type { Rebuild } from './context.js'

/** The log's own tree, made again leaf by leaf. */
export interface LogTiles {
  range (): CompactRange
  /** The leaf of the next batch as it lies in the tiles that there were; undefined where those are lost or end before it. */
  stored (): Promise<Buffer | undefined>
  append (leaf: Uint8Array): Promise<void>
  /** Writes the tiles that are not full: only when there is no more batch, or what was sealed later is cut off. */
  finish (): Promise<void>
}

interface Level { readonly index: number, readonly hashes: Uint8Array[] }

export function createLogTiles ({ db, crypto, repairs }: Rebuild): LogTiles {
  const levels: Level[] = []
  let range = emptyRange()
  const store = async (level: number, { index, hashes }: Level): Promise<void> => {
    await repairs.ensure('log tiles', numberKey('l', level, index), Buffer.concat(hashes))
  }
  const push = async (level: number, hash: Uint8Array): Promise<void> => {
    const at = levels[level] ??= { index: 0, hashes: [] }
    at.hashes.push(hash)
    if (at.hashes.length < TILE) return
    await store(level, at)
    levels[level] = { index: at.index + 1, hashes: [] }
    await push(level + 1, rootOf(crypto, at.hashes))
  }
  return {
    range: () => range,
    async stored () {
      const tile = await db.get(numberKey('l', 0, Math.floor(range.size / TILE)))
      const at = (range.size % TILE) * HASH_SIZE
      return tile === undefined || tile.length < at + HASH_SIZE ? undefined : tile.subarray(at, at + HASH_SIZE)
    },
    async append (leaf) {
      range = appendLeaf(crypto, range, leaf)
      await push(0, leaf)
    },
    async finish () {
      for (const [level, at] of levels.entries()) if (at.hashes.length > 0) await store(level, at)
    }
  }
}
