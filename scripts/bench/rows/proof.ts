import { compare, grow, type GrownLog, type Measured, STRETCH } from '../grown-log.js'
import { atMost, flat, type Row } from '../row.js'
import type { Bench } from '../run.js'

const FIRST = 100_000
const MOST_MEMORY = 500 * 1024 ** 2
const MOST_BYTES = 700
const LARGE_BATCH = '8192'
const SMALL_BATCH = '512'

/** A log of 10^5 deposits, one that has grown, and one of small batches: proofs, memory, start-up and the write rate must not notice. */
export const proof: Bench = async (run) => {
  const { settings: { deposits } } = run
  if (deposits <= FIRST) throw new RangeError(`BENCH_DEPOSITS must be more than ${FIRST}, with which it is compared`)
  const first = await grow(run, 'first', FIRST, LARGE_BATCH)
  const last = await grow(run, 'last', deposits, LARGE_BATCH)
  const small = await grow(run, 'small', FIRST, SMALL_BATCH)
  const [atFirst, atLast, inSmall] = await compare(run, [first, last, small]) as [Measured, Measured, Measured]
  const p99Of = ({ deposits, sealSize }: GrownLog, { p99, bare }: Measured): Row => atMost(
    `proof p99 at ${deposits}${sealSize === SMALL_BATCH ? `, batches of ${SMALL_BATCH}` : ''}`,
    `GET proof, one client / limit (a bare Fastify, asked in turn for as large a body: ${bare.toFixed(2)} ms)`, 'ms', p99, 5
  )
  const growth = `${first.deposits} and ${last.deposits} deposits, in turn`
  return [
    p99Of(first, atFirst),
    p99Of(last, atLast),
    p99Of(small, inSmall),
    flat('proof flat over growth', `GET proof p50, ${growth}`, 'ms', atFirst.p50, atLast.p50, 0.2),
    flat('proof flat over batch size', `GET proof p50, batches of ${LARGE_BATCH} and of ${SMALL_BATCH}, in turn`, 'ms', atFirst.p50, inSmall.p50, 0.2),
    flat('start flat over growth', `restart until it listens, ${growth}`, 'ms', atFirst.start, atLast.start, 0.2),
    flat('write rate flat over growth', `bulk deposits, ${growth}; each turn adds ${STRETCH} to both`, '1/s', atFirst.rate, atLast.rate, 0.2),
    atMost('memory', `most memory of the service / limit, ${last.deposits} deposits (with the tables that LevelDB maps: ${Math.round(atLast.memory.all / 1e6)} MB)`, 'MB', atLast.memory.anonymous / 1e6, MOST_MEMORY / 1e6),
    atMost('disk', `bytes per digest-only deposit, all included / limit, ${last.deposits} deposits`, 'B', last.bytes, MOST_BYTES)
  ]
}
