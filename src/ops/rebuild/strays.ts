import { parseBatchHeader } from '../../core/batch.js'
import { numberKey, readNumber } from '../../store/keys.js'
import { MOST_GAP, readable } from '../stored.js'
import type { Rebuild } from './context.js'

/** What stands under the keys of headers behind the last batch. */
export interface Beyond {
  /** Batches that there were, by what it says: more than there are now, where some are lost. */
  readonly batches: number
  /** Headers of batches that are there, under another's key. */
  readonly strays: ReadonlyArray<{ readonly key: Buffer, readonly at: number, readonly says: string }>
}

/** A key that changed on the disk puts a header where no batch was: it would count as one that is lost, and keep the service from going on. */
export async function headersBeyond ({ db }: Rebuild, batches: number): Promise<Beyond> {
  const strays: Array<Beyond['strays'][number]> = []
  let end = batches
  for await (const [key, bytes] of db.entries('h', numberKey('h', batches))) {
    if (key.length !== 9) continue // no header: fsck names it
    const at = readNumber(key, 1)
    const says = readable(() => parseBatchHeader(bytes))?.number
    if (says !== undefined && Number(says) < batches) strays.push({ key, at, says })
    else if (at <= end + MOST_GAP) end = at + 1
  }
  return { batches: end, strays }
}

/** Only where every batch is there: else a stray may be the one copy of a header that is lost. */
export async function removeStrayHeaders ({ repairs, findings }: Rebuild, { strays }: Beyond): Promise<void> {
  for (const { key } of strays) await repairs.remove('stray headers', key)
  const [first] = strays
  if (first === undefined) return
  const others = strays.length === 1 ? '' : `, and ${strays.length - 1} more like it`
  findings.note(`what lies under the key of batch ${first.at} says that it is batch ${first.says}${others}: it is removed`)
}
