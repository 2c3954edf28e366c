import type { Mark } from '../store/mark.js'

export type DepositState = 'received' | 'sealed' | 'anchored' | 'final'
const ORDER: Readonly<Record<DepositState, number>> = { received: 0, sealed: 1, anchored: 2, final: 3 }

/**
 * How far each stage has come, in memory. The state of a deposit follows from its sequence number and these marks, so that no
 * deposit is ever written again. Each mark is moved by its stage alone, after the synced write that says the same.
 */
export interface Progress {
  /** Deposits that are durable. */
  readonly received: number
  readonly sealed: Mark
  readonly anchored: Mark
  readonly final: Mark
  state (sequence: number): DepositState
  /** Moves marks and wakes whoever waits. */
  move (marks: Partial<Pick<Progress, 'received' | 'sealed' | 'anchored' | 'final'>>): void
  /** Resolves when a deposit has reached a state, or after the time or the signal; the state reached is the answer. */
  reach (sequence: number, state: DepositState, timeoutMs: number, signal?: AbortSignal): Promise<DepositState>
  /** Deposits that are waited for. */
  readonly waiting: number
}

interface Waiter { readonly sequence: number, readonly state: DepositState, readonly done: () => void }

export function createProgress (start: { received: number, sealed: Mark, anchored: Mark, final: Mark }): Progress {
  let marks = start
  const waiters = new Set<Waiter>()

  const state = (sequence: number): DepositState => {
    if (sequence < marks.final.sequence) return 'final'
    if (sequence < marks.anchored.sequence) return 'anchored'
    return sequence < marks.sealed.sequence ? 'sealed' : 'received'
  }
  const reached = (waiter: Waiter): boolean => ORDER[state(waiter.sequence)] >= ORDER[waiter.state]

  return {
    get received () { return marks.received },
    get sealed () { return marks.sealed },
    get anchored () { return marks.anchored },
    get final () { return marks.final },
    get waiting () { return waiters.size },
    state,
    move (change) {
      marks = { ...marks, ...change }
      if (change.final === undefined && change.anchored === undefined && change.sealed === undefined) return
      for (const waiter of waiters) if (reached(waiter)) waiter.done()
    },
    async reach (sequence, wanted, timeoutMs, signal) {
      if (ORDER[state(sequence)] < ORDER[wanted] && signal?.aborted !== true) {
        await new Promise<void>((resolve) => {
          const done = (): void => {
            clearTimeout(timer)
            waiters.delete(waiter)
            signal?.removeEventListener('abort', done)
            resolve()
          }
          const waiter: Waiter = { sequence, state: wanted, done }
          const timer = setTimeout(done, timeoutMs)
          signal?.addEventListener('abort', done)
          waiters.add(waiter)
        })
      }
      return state(sequence)
    }
  }
}
