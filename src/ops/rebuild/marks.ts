import { equalBytes } from '../../core/bytes.js'
import { numberKey, textKey } from '../../store/keys.js'
import type { Maintenance } from '../../store/maintenance.js'
import type { Mark, SealedMark } from '../../store/mark.js'
import { endOfBatch, readMarks } from '../fsck/marks.js'
import { attestedHeader } from '../stored.js'
import { finalBatches } from './attestations.js'
import type { Rebuild } from './context.js'

/**
 * A watermark that stands where it can stand is kept. One that was lost is put where its evidence ends; too low costs a repetition
 * that changes nothing, too high would lose something.
 */
export async function rebuildMarks (rebuild: Rebuild, sealed: SealedMark): Promise<void> {
  const { db, repairs } = rebuild
  const marks = await readMarks(db)
  const write = async (name: string, mark: Mark): Promise<void> => {
    const key = textKey('w', name)
    // A stage that never ran has none.
    if (mark.batches > 0 || await db.get(key) !== undefined) await repairs.ensure('watermarks', key, Buffer.from(JSON.stringify(mark)))
  }
  if (marks.sealed === undefined && sealed.batches > 0 && await rebuild.ledgerSize() === 0) {
    rebuild.findings.couldNotCheck('whether there were more batches', 'the sealing watermark was lost, and no ledger was asked')
  }
  await write('sealed', sealed)
  const anchored = await kept(db, marks.anchored, sealed.batches) ?? await markAt(db, await anchoredBatches(rebuild, sealed.batches))
  await write('anchored', anchored)
  const final = await kept(db, marks.final, anchored.batches)
  const batches = await finalBatches(rebuild, final ?? anchored, final !== undefined)
  await write('final', batches === final?.batches ? final : await markAt(db, batches))
}

/** A watermark, if it stands at the end of a batch that there is. */
async function kept (db: Maintenance, mark: Mark | undefined, most: number): Promise<Mark | undefined> {
  const isSound = mark !== undefined && mark.batches <= most && mark.sequence === await endOfBatch(db, mark.batches)
  return isSound ? mark : undefined
}

async function markAt (db: Maintenance, batches: number): Promise<Mark> {
  return { batches, sequence: await endOfBatch(db, batches) ?? 0 }
}

async function anchoredBatches (rebuild: Rebuild, most: number): Promise<number> {
  const { db } = rebuild
  const size = await rebuild.ledgerSize()
  if (size > 0) return Math.min(size, most)
  let batches = 0
  for (; batches < most; batches++) {
    const [own, attested] = await Promise.all([db.get(numberKey('h', batches)), attestedHeader(db, batches)])
    if (own === undefined || attested === undefined || !equalBytes(own, attested)) break
  }
  return batches
}
