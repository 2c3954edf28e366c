import { HASH_SIZE } from '../core/merkle.js'
import type { Leaves } from './commit-group.js'

/**
 * Leaves that are durable and in no batch, in order of their sequence. They are kept as they came, a commit group at a time: an
 * object for each of some ten thousand would cost more to keep than its hash.
 */
export interface Unsealed {
  readonly count: number
  /** When the first of them came. */
  readonly first: number | undefined
  add (leaves: Leaves): void
  /** The first of them, at most so many. `latest` may be that of one that just does not belong to them. */
  peek (most: number): Omit<Leaves, 'first'>
  drop (count: number): void
}

export function createUnsealed (): Unsealed {
  let groups: Leaves[] = []
  let count = 0
  return {
    get count () { return count },
    get first () { return groups[0]?.first },
    add (leaves) {
      groups.push(leaves)
      count += leaves.hashes.length / HASH_SIZE
    },
    peek (most) {
      const bytes = Math.min(most, count) * HASH_SIZE
      const hashes: Buffer[] = []
      let latest = 0
      let taken = 0
      for (const group of groups) {
        if (taken >= bytes) break
        hashes.push(group.hashes)
        taken += group.hashes.length
        latest = Math.max(latest, group.latest)
      }
      return { hashes: Buffer.concat(hashes, bytes), latest }
    },
    drop (dropped) {
      let rest = dropped * HASH_SIZE
      const kept = groups.findIndex(({ hashes }) => {
        if (hashes.length > rest) return true
        rest -= hashes.length
        return false
      })
      groups = kept < 0 ? [] : groups.slice(kept)
      if (groups[0] !== undefined) groups[0] = { ...groups[0], hashes: groups[0].hashes.subarray(rest) }
      count -= dropped
    }
  }
}
