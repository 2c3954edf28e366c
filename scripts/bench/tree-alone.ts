/** Builds trees of a full batch one after the other and answers with the delays of its event loop, in which nothing else goes on. */
import { randomBytes } from 'node:crypto'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { buildBatchTree } from '../../src/notary/batch-tree.js'
import { nodeCrypto } from '../../src/platform/node.js'

const LEAVES = 8192
const TREES = 20

const leaves = randomBytes(32 * LEAVES)
await buildBatchTree(nodeCrypto, leaves)
const delay = monitorEventLoopDelay({ resolution: 1 })
delay.enable()
const began = performance.now()
for (let i = 0; i < TREES; i++) await buildBatchTree(nodeCrypto, leaves)
const each = (performance.now() - began) / TREES
process.send?.({ max: delay.max / 1e6 - 1, each }, () => process.exit())
