import { randomInt } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pace } from 'node:timers/promises'
import type { Test } from 'tap'
import { readRuntime } from '../../network/embedded/runtime.js'
import type { OtherLedger } from './kill-points.js'
import { createPromises } from './promises.js'
import { type RunningService, startService } from './service.js'

/** Longest life of anything, in milliseconds. */
const LIFE = 1500
/** Depositors at work at any moment, and what each of them waits between two rounds: a flow, which is checked one by one at the end. */
const DEPOSITORS = 4
const PACE_MS = 50
const VICTIMS = ['service', 'network', 'both'] as const

/**
 * Kills the service, its network's process or both, at any moment, under load; then holds the next start to all that was acknowledged. Where
 * the network is not up at that moment, the service alone is killed: to wait for it would leave out the moments in which it starts.
 */
export async function killAtRandom (t: Test, data: string, kills: number, ledger?: OtherLedger): Promise<void> {
  const promises = createPromises(data, ledger?.profile)
  const kill = ledger?.kill ?? (async () => await killNetwork(data))
  const killed = { service: 0, network: 0, both: 0 }
  let service: RunningService | undefined
  for (let i = 0; i < kills; i++) {
    service ??= await startService(data, ledger?.env)
    await depositFor(promises, service, randomInt(LIFE))
    const chosen = VICTIMS[randomInt(VICTIMS.length)] as typeof VICTIMS[number]
    const victim = chosen !== 'service' && await kill() ? chosen : 'service'
    if (victim !== 'network') {
      await service.kill()
      service = undefined
    }
    killed[victim]++
  }
  t.comment(`killed: ${JSON.stringify(killed)}`)
  service ??= await startService(data, ledger?.env)
  await promises.deposit(service)
  await promises.check(t, service)
  t.equal(await service.stop(), 0, 'stops by itself')
}

async function depositFor (promises: ReturnType<typeof createPromises>, service: RunningService, ms: number): Promise<void> {
  const end = Date.now() + ms
  await Promise.all(Array.from({ length: DEPOSITORS }, async () => {
    for (;;) {
      await promises.deposit(service)
      if (Date.now() >= end) return
      await pace(PACE_MS)
    }
  }))
}

/** Whether there was one to kill. */
async function killNetwork (data: string): Promise<boolean> {
  const pid = readRuntime(join(data, 'network'))?.pid
  return pid !== undefined && await isOurs(data, pid) && process.kill(pid, 'SIGKILL')
}

/** A killed process leaves its id in the folder, and somebody else may have that id by now. */
async function isOurs (data: string, pid: number): Promise<boolean> {
  try {
    return (await readFile(`/proc/${pid}/cmdline`, 'utf8')).includes(data)
  } catch {
    return false
  }
}
