import type { Deposits } from '../store/deposits.js'
import { unlessDamaged } from '../store/errors.js'
import type { Context } from './context.js'
import type { Progress } from './progress.js'

/**
 * Age of the oldest deposit that the ledger does not hold. Beyond half of what receipts promise nothing more is accepted: what
 * cannot be kept is not promised.
 */
export interface Backlog {
  /** Deposits became durable. */
  received (at: number): void
  /** The anchored watermark moved. */
  anchored (): Promise<void>
  /** Milliseconds; 0 when everything is anchored. */
  age (): number
  readonly isTooOld: boolean
}

export async function createBacklog (context: Context, deposits: Deposits, progress: Progress): Promise<Backlog> {
  let oldest: number | undefined
  const anchored = async (): Promise<void> => {
    const first = progress.anchored.sequence
    const at = first < progress.received ? await receivedAt(first) : undefined
    if (first === progress.anchored.sequence) oldest = at // else it moved on meanwhile; that move looks for itself
  }
  /** By its commit group, all of which comes before one signature: the record itself may not be what it was. */
  const receivedAt = async (sequence: number): Promise<number> => {
    const group = await unlessDamaged(deposits.groupOf(sequence))
    return group === undefined ? context.clock() : Date.parse(group.statement.signedAt)
  }
  await anchored()
  const age = (): number => oldest === undefined ? 0 : Math.max(0, context.clock() - oldest)
  return {
    received (at) {
      oldest ??= at
    },
    anchored,
    age,
    get isTooOld () { return age() > context.deadlineMs / 2 }
  }
}
