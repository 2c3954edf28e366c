import type { Clock, Log } from './context.js'

/** What health and metrics say of one stage of the pipeline. */
export interface StageStatus {
  readonly name: string
  /** Things waiting for this stage. */
  readonly depth: number
  readonly lastSuccess: string | undefined
  readonly lastError: { readonly code: string, readonly message: string, readonly at: string } | undefined
  readonly failures: number
  /** When the first of the failures was that no success has followed; undefined while all is well. */
  readonly failingSince: string | undefined
  /** Why the stage has stopped for good, until somebody acts. */
  readonly alarm: string | undefined
}

/**
 * The loop that a stage of the pipeline runs in: one step at a time, woken by `wake`, again at once while there is work, after a
 * growing pause when a step fails. A step must be repeatable: everything it needs is durable before it starts.
 */
export interface Stage {
  wake (): void
  status (): StageStatus
  /** Stops with a named alarm; nothing but a restart starts the stage again. */
  halt (alarm: string): void
  /** Finishes the step that runs and stops. */
  close (): Promise<void>
}

export interface StageOptions {
  readonly name: string
  /** One step. Answers whether there may be more to do at once, or how many milliseconds to wait before looking again. */
  readonly step: (signal: AbortSignal) => Promise<boolean | number>
  readonly depth: () => number
  readonly clock: Clock
  readonly log: Log
  readonly pauseMs?: { readonly first: number, readonly most: number }
}

export function createStage ({ name, step, depth, clock, log, pauseMs = { first: 100, most: 5000 } }: StageOptions): Stage {
  const closing = new AbortController()
  let running: Promise<void> | undefined
  const woken = { again: false } // set while a step runs, so that what came during it is not overlooked
  let timer: NodeJS.Timeout | undefined
  let pause = pauseMs.first
  let state: Pick<StageStatus, 'lastSuccess' | 'lastError' | 'failures' | 'failingSince' | 'alarm'> = {
    lastSuccess: undefined, lastError: undefined, failures: 0, failingSince: undefined, alarm: undefined
  }
  const stopped = (): boolean => closing.signal.aborted || state.alarm !== undefined

  const isWoken = (): boolean => woken.again
  const later = (ms: number): void => {
    clearTimeout(timer)
    timer = setTimeout(wake, ms)
  }
  const now = (): string => new Date(clock()).toISOString()
  // A step that found nothing it could do yet, while things wait, is no success: it must not cover up a failure.
  const succeeded = (more: boolean | number): void => {
    if (more === true || depth() === 0) state = { ...state, lastSuccess: now(), failingSince: undefined }
  }
  const failed = (error: unknown): void => {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'UNEXPECTED'
    const message = error instanceof Error ? error.message : String(error)
    const at = now()
    state = { ...state, failures: state.failures + 1, failingSince: state.failingSince ?? at, lastError: { code, message, at } }
    log.warn({ stage: name, code, err: error }, 'a step failed and will be repeated')
    later(pause)
    pause = Math.min(pauseMs.most, pause * 2)
  }
  const run = async (): Promise<void> => {
    let more: boolean | number = true
    while (more === true && !stopped()) {
      woken.again = false
      try {
        more = await step(closing.signal)
        pause = pauseMs.first
        succeeded(more)
        more = more === true || isWoken() || more
      } catch (error) {
        if (!stopped()) failed(error)
        return
      }
    }
    if (typeof more === 'number' && !stopped()) later(more)
  }
  function wake (): void {
    woken.again = true
    if (running !== undefined || stopped()) return
    clearTimeout(timer)
    running = run().finally(() => {
      running = undefined
    })
  }
  return {
    wake,
    status: () => ({ name, depth: depth(), ...state }),
    halt (alarm) {
      state = { ...state, alarm, failingSince: state.failingSince ?? now() }
      log.error({ stage: name, alarm }, 'stopped: this needs a person')
    },
    async close () {
      closing.abort()
      clearTimeout(timer)
      await running
    }
  }
}
