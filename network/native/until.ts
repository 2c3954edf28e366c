import { setTimeout as delay } from 'node:timers/promises'
import { NativeNetworkError } from './errors.js'

const READY_TIMEOUT = 60_000
const POLL = 250

/**
 * Repeats `attempt` until it does not reject: nodes answer for their health before they answer for everything.
 * @throws NativeNetworkError NOT_READY with the complaint and the last reason
 */
export async function until (complaint: string, attempt: () => Promise<void>): Promise<void> {
  const deadline = Date.now() + READY_TIMEOUT
  for (;;) {
    try {
      await attempt()
      return
    } catch (cause) {
      if (Date.now() > deadline) throw new NativeNetworkError({ code: 'NOT_READY', message: `${complaint}: ${String(cause)}`, cause })
      await delay(POLL)
    }
  }
}
