import { equalBytes } from '../../core/bytes.js'
import { appendLeaf, type CompactRange, emptyRange, rangeRoot, rootOf } from '../../core/merkle.js'
import { TILE } from '../../notary/batch-tree.js'
import { hashesOf } from '../../notary/tree-nodes.js'
import { numberKey } from '../../store/keys.js'
import type { Check } from './check.js'

/** The log's own tree, recomputed leaf by leaf and compared with its stored tiles. */
export interface LogCheck {
  /** The log so far. */
  readonly range: CompactRange
  head (): Uint8Array
  headWith (leaf: Uint8Array): Uint8Array
  /** The stored leaf at the next position. */
  stored (): Promise<Buffer | undefined>
  append (leaf: Uint8Array): Promise<void>
  finish (): Promise<void>
}

interface Level { readonly index: number, readonly hashes: Uint8Array[] }

export function createLogCheck ({ view, crypto, findings }: Check): LogCheck {
  const levels: Level[] = []
  let range = emptyRange()

  const tile = async (level: number, index: number): Promise<Buffer[]> => hashesOf(await view.get(numberKey('l', level, index)) ?? new Uint8Array(0))
  const compare = async (level: number, { index, hashes }: Level): Promise<void> => {
    findings.count('log tiles')
    const stored = await tile(level, index)
    if (stored.length === hashes.length && hashes.every((hash, i) => equalBytes(hash, stored[i] as Buffer))) return
    const says = stored.length === 0 ? 'it is missing' : 'its hashes are not those of the batches under it'
    findings.differs({ layer: 'log', object: `log tile ${level}/${index}`, code: 'LOG_TILE_DIFFERS', says }, level * 2 ** 40 + index)
  }
  const push = async (level: number, hash: Uint8Array): Promise<void> => {
    const at = levels[level] ??= { index: 0, hashes: [] }
    at.hashes.push(hash)
    if (at.hashes.length < TILE) return
    await compare(level, at)
    const root = rootOf(crypto, at.hashes)
    levels[level] = { index: at.index + 1, hashes: [] }
    await push(level + 1, root)
  }

  return {
    get range () { return range },
    head: () => rangeRoot(crypto, range),
    headWith: (leaf) => rangeRoot(crypto, appendLeaf(crypto, range, leaf)),
    stored: async () => (await tile(0, Math.floor(range.size / TILE)))[range.size % TILE],
    async append (leaf) {
      range = appendLeaf(crypto, range, leaf)
      await push(0, leaf)
    },
    async finish () {
      for (const [level, at] of levels.entries()) if (at.hashes.length > 0) await compare(level, at)
    }
  }
}
