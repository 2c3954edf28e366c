import type { Test } from 'tap'
import { Replay } from '../../src/core/fabric/replay/replay.js'
import { createMemoryState } from '../../src/core/fabric/replay/state.js'
import { nodeCrypto } from '../../src/platform/node.js'
import type { EmbeddedNetwork } from '../../network/embedded/network.js'

/** Whatever a network committed, a replay from its genesis block comes to the same. */
export async function replays (t: Test, { ledger }: EmbeddedNetwork): Promise<void> {
  const replay = new Replay({ crypto: nodeCrypto, state: createMemoryState() })
  const outcomes = new Set<string>()
  for (let number = 0; number < ledger.height(); number++) {
    const { differences, doubts, outcomes: counts } = replay.next(await ledger.block(number) ?? new Uint8Array(0))
    t.same({ number, differences, doubts }, { number, differences: [], doubts: [] })
    for (const name of Object.keys(counts)) outcomes.add(name)
  }
  t.ok(replay.height > 1, `${replay.height} blocks: ${[...outcomes].join(', ')}`)
}
