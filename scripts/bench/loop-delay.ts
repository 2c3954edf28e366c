/**
 * Loaded into a service before anything else: watches its event loop and answers questions about it over the channel to its parent. It has
 * no part in what the service does.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks'

const RESOLUTION_MS = 1
const histogram = monitorEventLoopDelay({ resolution: RESOLUTION_MS })
histogram.enable()

const delay = (nanoseconds: number): number => Math.max(0, nanoseconds / 1e6 - RESOLUTION_MS)

process.on('message', () => {
  const { maxRSS } = process.resourceUsage()
  process.send?.({
    max: delay(histogram.max), p999: delay(histogram.percentile(99.9)), p99: delay(histogram.percentile(99)), maxRss: maxRSS * 1024
  })
  histogram.reset()
})
process.channel?.unref()
