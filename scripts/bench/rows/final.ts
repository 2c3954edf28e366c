import { setTimeout as sleep } from 'node:timers/promises'
import { digestBodies } from '../load.js'
import { quantile } from '../numbers.js'
import { createQuietClient } from '../quiet-client.js'
import { atMost } from '../row.js'
import type { Bench } from '../run.js'
import { startService } from '../service.js'

const RATE = 1000
const TICK_MS = 5
/** Every so many deposits one is followed to `final`. */
const FOLLOWED = 20
const WARM_UP_SECONDS = 4

/** Acknowledgement and finality of deposits that arrive at a steady rate, whether or not the earlier ones were answered. */
export const final: Bench = async ({ folder, settings: { seconds }, note }) => {
  const service = await startService({ data: folder, env: { STEELYARD_ORGS: '4' } })
  const deposit = createQuietClient(service.url, service.authorization, 128)
  const waiting = createQuietClient(service.url, service.authorization, 512)
  const bodies = digestBodies(4096)
  let acknowledged: number[] = []
  let finished: number[] = []

  const one = async (index: number): Promise<void> => {
    const began = performance.now()
    const body = bodies[index % bodies.length] as string
    const { status, text, ms } = await deposit.call({ method: 'POST', path: '/v1/evidence/digests', body, keep: index % FOLLOWED === 0 })
    if (status !== 201) throw new Error(`a deposit was answered ${status}`)
    acknowledged.push(ms)
    if (index % FOLLOWED !== 0) return
    const { number } = JSON.parse(text) as { number: string }
    const found = await waiting.call({ method: 'GET', path: `/v1/evidence/${number}?wait=final&timeout=60`, keep: true })
    if ((JSON.parse(found.text) as { state: string }).state !== 'final') throw new Error('a deposit did not become final in a minute')
    finished.push(performance.now() - began)
  }
  const load = async (forSeconds: number): Promise<void> => {
    const all: Promise<void>[] = []
    const began = performance.now()
    while (all.length < forSeconds * RATE) {
      const due = Math.min(forSeconds * RATE, Math.floor((performance.now() - began) / 1000 * RATE))
      while (all.length < due) all.push(one(all.length))
      await sleep(TICK_MS)
    }
    await Promise.all(all)
  }
  try {
    await service.reached('final', (await one(0), 1))
    await load(WARM_UP_SECONDS)
    acknowledged = []
    finished = []
    await load(4 * seconds)
    const ack = quantile(acknowledged, 0.99)
    const [p50, p99] = [quantile(finished, 0.5), quantile(finished, 0.99)]
    note(`acknowledged p50 ${quantile(acknowledged, 0.5).toFixed(1)} ms, p99 ${ack.toFixed(1)} ms; final p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`)
    const under = `${RATE} deposits/s, 4 organizations`
    return [
      atMost('final p50', `deposit to final under ${under} / limit`, 'ms', p50, 1500),
      atMost('final p99', `deposit to final under ${under} / limit`, 'ms', p99, 3000),
      atMost('acknowledgement p99', `answer to a deposit under ${under} / limit`, 'ms', ack, 50)
    ]
  } finally {
    deposit.close()
    waiting.close()
    await service.stop()
  }
}
