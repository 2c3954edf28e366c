import { type BatchHeader, parseBatchHeader } from '../core/batch.js'
import { EvidenceError } from '../core/errors.js'
import type { AnchorMarks } from '../store/anchors.js'
import type { Batches, SealedMark } from '../store/batches.js'

type Marks = AnchorMarks & { readonly sealed: SealedMark }

/**
 * What is wrong with the watermarks, in words; undefined where each stands where its last batch ends, and none before the one that follows it.
 * One that was lost or changed on the disk would let the sealer begin where batches are already.
 */
export async function misplacedMark (batches: Pick<Batches, 'header'>, marks: Marks): Promise<string | undefined> {
  for (const name of ['sealed', 'anchored', 'final'] as const) {
    const says = await placeOf(batches, marks[name])
    if (says !== undefined) return `the watermark ${name} ${says}`
  }
  const { sealed, anchored, final } = marks
  if (final.batches > anchored.batches || anchored.batches > sealed.batches) return 'the watermarks are not in their order'
  return await batches.header(sealed.batches) === undefined ? undefined : `the watermark sealed stands before batch ${sealed.batches}, which is there`
}

/** What is wrong with the place of one. Only that of sealing has a time. */
async function placeOf (batches: Pick<Batches, 'header'>, mark: SealedMark): Promise<string | undefined> {
  if (mark.batches === 0) return mark.sequence === 0 ? undefined : 'stands among the records of no batch'
  const last = readable(await batches.header(mark.batches - 1))
  if (last === undefined) return `stands behind batch ${mark.batches - 1}, whose header cannot be read`
  if (mark.sequence !== Number(last.first) + Number(last.size)) return `does not stand where batch ${mark.batches - 1} ends`
  return mark.sealedAt === undefined || mark.sealedAt === last.sealedAt ? undefined : `has another time than batch ${mark.batches - 1}`
}

function readable (header: Uint8Array | undefined): BatchHeader | undefined {
  try {
    return header === undefined ? undefined : parseBatchHeader(header)
  } catch (error) {
    if (error instanceof EvidenceError) return undefined
    throw error
  }
}
