import { LedgerError } from '../../ledger/errors.js'
import type { Ledger } from '../../ledger/ledger.js'

/** Questions that are under way at once: a peer answers one in a few milliseconds. */
const AHEAD = 8

/** The blocks that a peer has, from 0 to before `height`, in order. */
export async function * peerBlocks (ledger: Pick<Ledger, 'peerBlock'>, height: number): AsyncGenerator<Uint8Array> {
  const asked: Array<Promise<Uint8Array | undefined>> = []
  for (let number = 0; number < height; number++) {
    for (let next = number + asked.length; next < Math.min(height, number + AHEAD); next++) {
      const answer = ledger.peerBlock(String(next))
      answer.catch(() => undefined) // it is awaited below, in its turn
      asked.push(answer)
    }
    const bytes = await asked.shift()
    if (bytes === undefined) throw new LedgerError({ code: 'PROTOCOL', message: `the peer counts ${height} blocks and does not give block ${number}` })
    yield bytes
  }
}
