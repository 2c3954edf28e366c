import type { Crypto } from '../core/crypto.js'
import { appendLeaf, type CompactRange, emptyRange, rootOf } from '../core/merkle.js'
import { TILE } from '../notary/batch-tree.js'

/** A tile of the log's tree: the roots of 256^level leaves each, from number 256 * `index` on. */
export interface LogTile { readonly level: number, readonly index: number, readonly hashes: readonly Uint8Array[] }

/** The log's own tree made again leaf by leaf, for the tools: each tile is told once, when it is full. */
export interface LogLevels {
  /** The log so far. */
  readonly range: CompactRange
  append (leaf: Uint8Array): Promise<void>
  /** Tells the tiles that are not full. */
  finish (): Promise<void>
}

interface Level { readonly index: number, readonly hashes: Uint8Array[] }

export function createLogLevels (crypto: Crypto, onTile: (tile: LogTile) => Promise<void>): LogLevels {
  const levels: Level[] = []
  let range = emptyRange()
  const push = async (level: number, hash: Uint8Array): Promise<void> => {
    const at = levels[level] ??= { index: 0, hashes: [] }
    at.hashes.push(hash)
    if (at.hashes.length < TILE) return
    await onTile({ level, ...at })
    levels[level] = { index: at.index + 1, hashes: [] }
    await push(level + 1, rootOf(crypto, at.hashes))
  }
  return {
    get range () { return range },
    async append (leaf) {
      range = appendLeaf(crypto, range, leaf)
      await push(0, leaf)
    },
    async finish () {
      for (const [level, at] of levels.entries()) if (at.hashes.length > 0) await onTile({ level, ...at })
    }
  }
}
