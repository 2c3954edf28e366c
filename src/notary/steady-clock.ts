import type { Clock } from './context.js'

/**
 * The time that records, receipts and batches state. The system's clock may step, by hours and in either direction: by hand, by a time server, by a
 * virtual machine that stood still. A step is not followed until the ledger's organizations have agreed with the new time; until then the
 * time goes on from before the step. It never goes back: after a step back that was right it stands still.
 */
export interface SteadyClock {
  readonly now: Clock
  /** Milliseconds by which the system's clock stepped, and nobody has confirmed it; 0 when it did not. */
  readonly stepMs: number
  /** Milliseconds by which times that were given already are ahead of the clock. */
  readonly aheadMs: number
  /** Follows a step of that size from now on. */
  confirm (stepMs: number): void
}

/** A smaller step is what time servers do, and is followed. */
const TOLERANCE_MS = 1000

/** `latest`: the last time that was given before the start; `monotonic`: milliseconds that pass, whatever the system's clock says. */
export function createSteadyClock (system: Clock, monotonic: Clock, latest: number): SteadyClock {
  let base = system() - monotonic()
  let given = latest
  const step = (): number => {
    const stepped = system() - monotonic() - base
    return Math.abs(stepped) > TOLERANCE_MS ? stepped : 0
  }
  const followed = (): number => step() === 0 ? system() : Math.round(base + monotonic())
  return {
    now () {
      given = Math.max(given, followed())
      return given
    },
    get stepMs () { return Math.round(step()) },
    get aheadMs () { return Math.max(0, given - followed()) },
    confirm (stepMs) { base += stepMs }
  }
}
