import { equalBytes } from '../../core/bytes.js'
import { appendLeaf, rangeRoot } from '../../core/merkle.js'
import { TILE } from '../../notary/batch-tree.js'
import { hashesOf } from '../../notary/tree-nodes.js'
import { numberKey } from '../../store/keys.js'
import { createLogLevels, type LogLevels } from '../log-levels.js'
import type { Check } from './check.js'

/** Compares the log's own tree with its stored tiles. */
export interface LogCheck extends LogLevels {
  head (): Uint8Array
  headWith (leaf: Uint8Array): Uint8Array
  /** The stored leaf at the next position. */
  stored (): Promise<Buffer | undefined>
}

export function createLogCheck ({ view, crypto, findings }: Check): LogCheck {
  const tile = async (level: number, index: number): Promise<Buffer[]> => hashesOf(await view.get(numberKey('l', level, index)) ?? new Uint8Array(0))
  const levels = createLogLevels(crypto, async ({ level, index, hashes }) => {
    findings.count('log tiles')
    const stored = await tile(level, index)
    if (stored.length === hashes.length && hashes.every((hash, i) => equalBytes(hash, stored[i] as Buffer))) return
    const says = stored.length === 0 ? 'it is missing' : 'its hashes are not those of the batches under it'
    findings.differs({ layer: 'log', object: `log tile ${level}/${index}`, code: 'LOG_TILE_DIFFERS', says }, level * 2 ** 40 + index)
  })
  return {
    get range () { return levels.range },
    append: (leaf) => levels.append(leaf),
    finish: () => levels.finish(),
    head: () => rangeRoot(crypto, levels.range),
    headWith: (leaf) => rangeRoot(crypto, appendLeaf(crypto, levels.range, leaf)),
    stored: async () => (await tile(0, Math.floor(levels.range.size / TILE)))[levels.range.size % TILE]
  }
}
