/** How far a stage has come: batches up to `batches`, so deposits up to `sequence`, both without. */
export interface Mark { readonly batches: number, readonly sequence: number }

/** Of sealing: with the time of its last batch. */
export interface SealedMark extends Mark { readonly sealedAt?: string }

export const START: Mark = { batches: 0, sequence: 0 }

/** The watermark that a value of the database says, where there is one; `unreadable` where the value is none. */
export function markIn (value: Buffer | undefined): SealedMark | 'unreadable' {
  if (value === undefined) return START
  try {
    const { batches, sequence, sealedAt } = JSON.parse(value.toString()) as SealedMark
    return isCount(batches) && isCount(sequence) ? { batches, sequence, ...(typeof sealedAt === 'string' ? { sealedAt } : {}) } : 'unreadable'
  } catch {
    return 'unreadable'
  }
}

/** Whether a value is a number of things. A changed bit makes another JSON of it as well: negative, a fraction, a text. */
export function isCount (value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value >= 0
}
