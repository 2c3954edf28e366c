/**
 * Loaded into a service before anything else: watches its event loop and answers questions about it over the channel to its parent. It has
 * no part in what the service does.
 */
import { subscribe } from 'node:diagnostics_channel'
import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 1
const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
histogram.enable()

const delay = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)

const SAMPLE_MS = 200
let anonymous = 0

/** Resident memory that is no file's: without the tables that LevelDB maps, whose pages the kernel takes back when it needs them. */
function sample (): void {
  anonymous = Math.max(anonymous, statusBytes('RssAnon') ?? process.memoryUsage.rss())
}
setInterval(sample, SAMPLE_MS).unref()

function statusBytes (name: string): number | undefined {
  try {
    const kB = new RegExp(`^${name}:\\s+(\\d+) kB$`, 'm').exec(readFileSync('/proc/self/status', 'utf8'))?.[1]
    return kB === undefined ? undefined : Number(kB) * 1024
  } catch {
    return undefined
  }
}

/** Milliseconds for which a tree was built without a turn of the event loop, at most. */
let treeTurn = 0
subscribe('steelyard:tree-turn', (ms) => { treeTurn = Math.max(treeTurn, ms as number) })

/** Most resident memory so far. The kernel's other figure, getrusage, includes what the parent had when it forked. */
function mostMemory (): number {
  return statusBytes('VmHWM') ?? process.memoryUsage.rss()
}

function cpuSeconds (): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

process.on('message', () => {
  sample()
  const [p99, p999] = [99, 99.9].map((percentile) => delay(histogram.percentile(percentile)))
  process.send?.({ max: delay(histogram.max), p999, p99, maxRss: mostMemory(), anonymous, cpu: cpuSeconds(), treeTurn })
  histogram.reset()
  treeTurn = 0
})
process.channel?.unref()
