import { HASH_SIZE } from '../../core/merkle.js'
import { TILE } from '../../notary/batch-tree.js'
import { numberKey } from '../../store/keys.js'
import { createLogLevels, type LogLevels } from '../log-levels.js'
import type { Rebuild } from './context.js'

/** Writes the log's tiles. `finish` only when there is no more batch, or what was sealed later is cut off. */
export interface LogTiles extends LogLevels {
  /** The leaf of the next batch as it lies in the tiles that there were; undefined where those are lost or end before it. */
  stored (): Promise<Buffer | undefined>
}

export function createLogTiles ({ db, crypto, repairs }: Rebuild): LogTiles {
  const levels = createLogLevels(crypto, async ({ level, index, hashes }) => {
    await repairs.ensure('log tiles', numberKey('l', level, index), Buffer.concat(hashes))
  })
  return {
    get range () { return levels.range },
    append: (leaf) => levels.append(leaf),
    finish: () => levels.finish(),
    async stored () {
      const { size } = levels.range
      const tile = await db.get(numberKey('l', 0, Math.floor(size / TILE)))
      const at = (size % TILE) * HASH_SIZE
      return tile === undefined || tile.length < at + HASH_SIZE ? undefined : tile.subarray(at, at + HASH_SIZE)
    }
  }
}
