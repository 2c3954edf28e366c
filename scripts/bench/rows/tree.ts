import { ask, ended, message, program } from '../child.js'
import { createClient, digestBodies } from '../load.js'
import { bulkBodies, bulkDeposits } from '../ndjson.js'
import { atMost } from '../row.js'
import type { Bench } from '../run.js'
import { type LoopDelay, startService } from '../service.js'

const DEPOSITS = 100_000

/** Delays of the service's event loop while bulk deposits keep it busy and trees of 8,192 leaves are built. */
export const tree: Bench = async ({ folder, note }) => {
  const service = await startService({ data: folder })
  const client = createClient(service.url, service.authorization)
  const idle = program('idle')
  try {
    const bodies = bulkBodies(digestBodies(4096))
    const warm = await bulkDeposits(client, bodies, DEPOSITS / 2)
    await service.reached('final', warm.deposits)
    await Promise.all([service.loopDelay(), ask(idle, 'reset')])
    const { deposits } = await bulkDeposits(client, bodies, DEPOSITS)
    await service.reached('anchored', warm.deposits + deposits)
    const [{ max, p999, p99, treeTurn }, beside] = await Promise.all([service.loopDelay(), ask<LoopDelay>(idle, 'loop-delay')])
    if (treeTurn === 0) throw new Error('no tree was built under load')
    note(`event loop delayed by p99 ${p99.toFixed(1)} ms, p99.9 ${p999.toFixed(1)} ms, max ${max.toFixed(1)} ms; ` +
      `of a process beside it that does nothing: ${beside.p99.toFixed(1)}, ${beside.p999.toFixed(1)} and ${beside.max.toFixed(1)} ms`)
    const alone = await message<{ max: number, each: number }>(program('tree-alone'))
    note(`trees of 8192 leaves alone: ${alone.each.toFixed(0)} ms each, event loop delayed by at most ${alone.max.toFixed(1)} ms`)
    return [
      atMost('tree alone', 'longest delay of an event loop that only builds trees of 8192 leaves / limit', 'ms', alone.max, 20),
      atMost('tree, loaded', 'longest time for which a tree was built without a turn of the event loop, under bulk load / limit', 'ms', treeTurn, 20),
      atMost('event loop', `longest delay of the event loop under bulk load, whatever caused it / limit (a process beside it that does nothing: ${beside.max.toFixed(1)} ms)`, 'ms', max, 20)
    ]
  } finally {
    client.close()
    await Promise.all([service.stop(), ended(idle, 'SIGTERM')])
  }
}
