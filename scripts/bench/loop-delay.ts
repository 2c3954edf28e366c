/**
 * Loaded into a service before anything else: watches its event loop and answers questions about it over the channel to its parent. It has
 * no part in what the service does.
 */
import { readFileSync } from 'node:fs'
import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 1
const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
histogram.enable()

const delay = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)

/** Most resident memory so far. The kernel's other figure, getrusage, includes what the parent had when it forked. */
function mostMemory (): number {
  try {
    return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024
  } catch {
    return process.memoryUsage.rss()
  }
}

function cpuSeconds (): number {
  const { user, system } = process.cpuUsage()
  return (user + system) / 1e6
}

process.on('message', () => {
  process.send?.({
    max: delay(histogram.max), p999: delay(histogram.percentile(99.9)), p99: delay(histogram.percentile(99)), maxRss: mostMemory(), cpu: cpuSeconds()
  })
  histogram.reset()
})
process.channel?.unref()
