import { ask, ended, message, program } from '../child.js'
import { digestBodies, singleDeposits, type SingleLoad } from '../load.js'
import { median } from '../numbers.js'
import { atLeast } from '../row.js'
import type { Bench } from '../run.js'
import { startService } from '../service.js'

const CONNECTIONS = 64
/** Few: autocannon makes a request of each for each connection, and with thousands it is slower than what it measures. */
const BODIES = 64
/** Until the code is compiled: so many requests, or so much time. */
const WARM_UP = { requests: 120_000, stretches: 12, seconds: 2 } as const

/** Single digest deposits, each synced and receipted before its answer, against Fastify with the same schema and nothing behind it. */
export const deposits: Bench = async ({ folder, settings: { seconds, rounds }, note }) => {
  const bodies = digestBodies(BODIES)
  const bare = program('bare')
  const bareUrl = await message<string>(bare)
  const service = await startService({ data: folder })
  try {
    const load = { connections: CONNECTIONS, bodies }
    const ours = { ...load, url: service.url, headers: service.authorization }
    await service.reached('final', await warmUp(ours))
    await warmUp({ ...load, url: bareUrl })
    const cpu = { bare: { seconds: 0, requests: 0 }, ours: { seconds: 0, requests: 0 } }
    const spent = async (of: keyof typeof cpu, now: () => Promise<number>, run: () => ReturnType<typeof singleDeposits>): Promise<number> => {
      const before = await now()
      const { rate, total } = await run()
      cpu[of].seconds += await now() - before
      cpu[of].requests += total
      return rate
    }
    const bareCpu = async (): Promise<number> => await ask<number>(bare, 'cpu')
    const oursCpu = async (): Promise<number> => (await service.loopDelay()).cpu
    const rates: { ours: number[], bare: number[] } = { ours: [], bare: [] }
    for (let round = 0; round < rounds; round++) {
      rates.bare.push(await spent('bare', bareCpu, async () => await singleDeposits({ ...load, url: bareUrl, seconds })))
      rates.ours.push(await spent('ours', oursCpu, async () => await singleDeposits({ ...ours, seconds })))
      note(`bare ${Math.round(rates.bare.at(-1) ?? 0)}, ours ${Math.round(rates.ours.at(-1) ?? 0)} a second`)
    }
    // Hardly depends on what else the machine does: where it is busy, this says more than the rates.
    const each = (of: keyof typeof cpu): number => cpu[of].seconds / cpu[of].requests * 1e6
    note(`processor time a request, all threads: bare ${each('bare').toFixed(0)} us, ours ${each('ours').toFixed(0)} us`)
    return [atLeast('deposits', 'single deposits over HTTP / bare Fastify, 64 connections', '1/s', median(rates.ours), median(rates.bare), 0.5)]
  } finally {
    await Promise.all([service.stop(), ended(bare, 'SIGTERM')])
  }
}

async function warmUp (load: Omit<SingleLoad, 'seconds'>): Promise<number> {
  let total = 0
  for (let i = 0; i < WARM_UP.stretches && total < WARM_UP.requests; i++) total += (await singleDeposits({ ...load, seconds: WARM_UP.seconds })).total
  return total
}
