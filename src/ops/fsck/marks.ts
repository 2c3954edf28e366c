import { textKey } from '../../store/keys.js'
import { type Mark, markIn, type SealedMark } from '../../store/mark.js'
import type { View } from '../../store/maintenance.js'
import { readHeader } from '../stored.js'
import type { Sealed } from './batches.js'
import type { Check } from './check.js'

/** How far each stage says that it has come; undefined where its watermark is missing or not readable. */
export interface Marks {
  readonly sealed: SealedMark | undefined
  readonly anchored: Mark | undefined
  readonly final: Mark | undefined
}

export async function readMarks (view: View): Promise<Marks> {
  const read = async (name: string): Promise<SealedMark | undefined> => {
    const value = await view.get(textKey('w', name))
    const mark = value === undefined ? undefined : markIn(value)
    return mark === 'unreadable' ? undefined : mark
  }
  const [sealed, anchored, final] = await Promise.all(['sealed', 'anchored', 'final'].map(read))
  return { sealed, anchored, final }
}

/** Each watermark stands at the end of a batch, and none before the one that follows it. */
export async function checkMarks (check: Check, marks: Marks, found: Sealed): Promise<void> {
  const { view, findings } = check
  const differs = (name: string, position: number, says: string): void => {
    findings.differs({ layer: 'watermark', object: `watermark ${name}`, code: 'WATERMARK_DIFFERS', says }, position)
  }
  const stage = async (name: keyof Marks, position: number, most: Mark): Promise<void> => {
    const mark = marks[name]
    if (mark === undefined) {
      // A stage that never ran has none.
      const isNeeded = name === 'sealed' ? found.batches > 0 : await view.get(textKey('w', name)) !== undefined
      if (isNeeded) differs(name, position, 'it is missing or cannot be read')
      return
    }
    findings.count('watermarks')
    if (mark.batches > most.batches) differs(name, position, `it stands at batch ${mark.batches}, where there are ${most.batches}`)
    else if (mark.sequence !== await endOfBatch(view, mark.batches)) differs(name, position, `it stands at record ${mark.sequence}, which is not where batch ${mark.batches} begins`)
  }
  await stage('sealed', 0, found)
  if (await hasOtherTime(check, marks.sealed)) differs('sealed', 0, 'it has another time than its last batch')
  if (marks.sealed !== undefined && marks.sealed.batches < found.batches) differs('sealed', 0, `it stands at batch ${marks.sealed.batches}, where there are ${found.batches}`)
  await stage('anchored', 1, marks.sealed ?? found)
  await stage('final', 2, marks.anchored ?? found)
}

/** First sequence number after so many batches; undefined when the last one's header cannot be read. */
export async function endOfBatch (view: View, batches: number): Promise<number | undefined> {
  if (batches === 0) return 0
  const last = await readHeader(view, batches - 1)
  return last === undefined ? undefined : Number(last.header.first) + Number(last.header.size)
}

/** The next batch would be dated by it. A header that was named says more. */
async function hasOtherTime ({ view, findings }: Check, sealed: SealedMark | undefined): Promise<boolean> {
  if (sealed?.sealedAt === undefined || sealed.batches === 0 || findings.isNamed(`batch ${sealed.batches - 1}`)) return false
  return (await readHeader(view, sealed.batches - 1))?.header.sealedAt !== sealed.sealedAt
}
