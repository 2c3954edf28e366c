import type { Test } from 'tap'
import { FAULT_POINTS, type FaultPoint } from '../../src/store/fault-points.js'
import { createPromises, type Promises } from './promises.js'
import { EndedAtStart, type RunningService, startService, until } from './service.js'

/** A ledger other than the embedded network in the service's own folder. */
export interface OtherLedger {
  /** The operator's connection profile. */
  readonly profile: string
  /** What the service is told of it. */
  readonly env: Readonly<Record<string, string>>
  /** Kills something of it, or answers that there was nothing to kill. */
  readonly kill: () => Promise<boolean>
}

/** Ends the service by SIGKILL at every point between two steps; then holds the next start to all that was acknowledged. */
export async function killAtEveryPoint (t: Test, data: string, ledger?: OtherLedger): Promise<void> {
  const promises = createPromises(data, ledger?.profile)
  for (const point of FAULT_POINTS) {
    t.equal(await diesAt(point, data, promises, ledger?.env), 'SIGKILL', `died at ${point}`)
  }
  const service = await startService(data, ledger?.env)
  await promises.check(t, service)
  t.equal(await service.stop(), 0, 'stops by itself')
}

/** Runs with a fault point until the process is gone. A start may pass the point already, by resuming what the one before left. */
async function diesAt (
  point: FaultPoint, data: string, promises: Promises, env: OtherLedger['env'] = {}
): Promise<string | null> {
  let service: RunningService
  try {
    service = await startService(data, { ...env, STEELYARD_FAULT_POINT: point })
  } catch (error) {
    if (error instanceof EndedAtStart) return error.signal
    throw error
  }
  let isGone = false
  void service.gone.then(() => { isGone = true })
  await until(async () => {
    if (!isGone) await promises.deposit(service)
    return isGone
  })
  return (await service.gone).signal
}
