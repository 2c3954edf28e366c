import type { BatchHeader } from '../core/batch.js'
import type { AnchorMarks } from '../store/anchors.js'
import type { Batches } from '../store/batches.js'
import { type Mark, type SealedMark, START } from '../store/mark.js'
import type { Log } from './context.js'
import { headerIn } from './held-log-tree.js'

/** Headers that are looked at below a watermark of sealing that cannot be. */
const STEPS = 64
const UNREADABLE = 'stands behind a header that cannot be read'

type Headers = Pick<Batches, 'header'>
type Found = AnchorMarks & { readonly sealed: SealedMark | 'unreadable' }

/** The watermarks to begin with. */
export interface SoundMarks {
  readonly sealed: Mark
  readonly anchored: Mark
  readonly final: Mark
  /** What is wrong with the one of sealing, in words: below it, the sealer would begin where batches are already. */
  readonly damage: string | undefined
}

/**
 * Watermarks are held to the headers: each stands where its last batch ends. Those of anchoring and finality that were lost or changed on the disk
 * begin lower, which costs a repetition that the ledger recognizes, and writes them right. That of sealing cannot.
 */
export async function soundMarks (batches: Headers, found: Found, log: Log): Promise<SoundMarks> {
  const damage = await wrongWithSealed(batches, found.sealed)
  const sealed = found.sealed === 'unreadable' ? START : found.sealed
  const atMost = damage === undefined ? sealed.batches : Infinity // nothing is known of that then
  const sound = async (name: string, mark: Mark | 'unreadable'): Promise<Mark | undefined> => {
    const says = await wrongWith(batches, mark)
    // A header that is there and cannot be read speaks against itself: the stage that needs it will say so. So does one that is gone where two marks
    // agree.
    const isMarks = says === undefined || says === UNREADABLE || isSame(mark, found.sealed)
    if (mark !== 'unreadable' && mark.batches <= atMost && isMarks) return mark
    log.warn({ mark: name }, `the watermark ${name} ${says ?? 'is beyond that of sealing'}: its stage begins lower, and repeats what is done already`)
    return undefined
  }
  const [soundFinal = START, soundAnchored] = [await sound('final', found.final), await sound('anchored', found.anchored)]
  const anchored = soundAnchored ?? soundFinal
  const final = lower(soundFinal, anchored)
  if (damage === undefined) return { sealed, final, anchored, damage }
  return { sealed: await lastBelow(batches, Math.max(sealed.batches, anchored.batches), anchored), final, anchored, damage: `the watermark sealed ${damage}` }
}

/** Steps down to the last header that can be read, where that is not far: what is there is shown, though nothing goes on from it. */
async function lastBelow (batches: Headers, most: number, least: Mark): Promise<Mark> {
  for (let number = most - 1; number >= Math.max(least.batches, most - STEPS); number--) {
    const header = headerIn(await batches.header(number))
    if (header !== undefined) return { batches: number + 1, sequence: endOf(header) }
  }
  return least
}

async function wrongWithSealed (batches: Headers, mark: Found['sealed']): Promise<string | undefined> {
  const says = await wrongWith(batches, mark)
  if (says !== undefined) return says
  const { batches: next } = mark as SealedMark
  return await batches.header(next) === undefined ? undefined : `stands before batch ${next}, which is there`
}

function isSame (one: Mark | 'unreadable', other: Mark | 'unreadable'): boolean {
  return one !== 'unreadable' && other !== 'unreadable' && one.batches === other.batches && one.sequence === other.sequence
}

/** Where one of two that do not agree is wrong, the lower one loses nothing. */
function lower (mark: Mark, most: Mark): Mark {
  return mark.batches <= most.batches ? mark : most
}

/** By the header before it, or the one after it: one of them may be what changed. */
async function wrongWith (batches: Headers, mark: SealedMark | 'unreadable'): Promise<string | undefined> {
  if (mark === 'unreadable') return 'cannot be read'
  const says = await wrongWithEnd(batches, mark)
  const next = says === undefined ? undefined : headerIn(await batches.header(mark.batches))
  return next !== undefined && Number(next.first) === mark.sequence ? undefined : says
}

/** Only the one of sealing has a time. */
async function wrongWithEnd (batches: Headers, mark: SealedMark): Promise<string | undefined> {
  if (mark.batches === 0) return mark.sequence === 0 ? undefined : 'stands among the records of no batch'
  const bytes = await batches.header(mark.batches - 1)
  if (bytes === undefined) return `stands behind batch ${mark.batches - 1}, which is not there`
  const last = headerIn(bytes)
  if (last === undefined) return UNREADABLE
  if (mark.sequence !== endOf(last)) return `does not stand where batch ${mark.batches - 1} ends`
  return mark.sealedAt === undefined || mark.sealedAt === last.sealedAt ? undefined : `has another time than batch ${mark.batches - 1}`
}

function endOf ({ first, size }: BatchHeader): number {
  return Number(first) + Number(size)
}
