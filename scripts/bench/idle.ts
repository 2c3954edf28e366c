/** Does nothing. How long its event loop is delayed is what the machine does to any, whatever runs in it. */
import './loop-delay.js'

const HOUR_MS = 3_600_000
setInterval(() => undefined, HOUR_MS)
process.once('disconnect', () => process.exit())
