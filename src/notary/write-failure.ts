import type { Deposits, GroupWrite } from '../store/deposits.js'
import { StoreError } from '../store/errors.js'
import type { Log } from './context.js'
import { NotaryError } from './errors.js'

/**
 * A commit group that could not be written. Nothing is accepted until it is taken back, which is a synced write itself and so shows that
 * the store writes again; it is tried again and again. Nobody was told of the group, so it must not come to light at the next start,
 * among others that were given its numbers.
 */
export interface WriteFailure {
  /** Why no deposit can be made durable now. */
  readonly error: NotaryError | undefined
  /** Begins to take the group back. `counters` are those of its organizations without it. */
  note (group: GroupWrite, cause: unknown, counters: ReadonlyMap<string, number>): void
  /** Tries once more, unless a repetition has taken it back; nothing is written after this resolves. */
  close (): Promise<void>
}

const PAUSE_MS = { first: 100, most: 2000 } as const

export function createWriteFailure (deposits: Deposits, log: Log): WriteFailure {
  let error: NotaryError | undefined
  let timer: NodeJS.Timeout | undefined
  let attempting = Promise.resolve()
  let again: (() => void) | undefined // what the timer does
  let isClosed = false

  const attempt = async (group: GroupWrite, counters: ReadonlyMap<string, number>, pause: number): Promise<void> => {
    try {
      await deposits.retract(group, counters)
      error = undefined
      log.info({ deposits: group.deposits.length }, 'the store writes again; what could not be written was taken back')
    } catch (cause) {
      error = refusal(cause)
      if (!isClosed) schedule(group, counters, Math.min(PAUSE_MS.most, 2 * pause))
    }
  }
  const schedule = (group: GroupWrite, counters: ReadonlyMap<string, number>, pause: number): void => {
    again = () => {
      again = undefined
      attempting = attempt(group, counters, pause)
    }
    timer = setTimeout(again, pause)
  }
  return {
    get error () { return error },
    note (group, cause, counters) {
      error = refusal(cause)
      schedule(group, counters, PAUSE_MS.first)
    },
    async close () {
      isClosed = true
      clearTimeout(timer)
      again?.()
      await attempting
    }
  }
}

function refusal (cause: unknown): NotaryError {
  return cause instanceof StoreError && cause.code === 'STORE_FULL'
    ? new NotaryError({ code: 'STORE_FULL', message: 'the disk of the service is full: the deposit was not made', retryAfter: 30, cause })
    : new NotaryError({ code: 'STORE_FAILED', message: 'the deposit could not be made durable', retryAfter: 5, cause })
}
