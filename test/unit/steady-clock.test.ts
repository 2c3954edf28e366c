import t from 'tap'
import { createSteadyClock } from '../../src/notary/steady-clock.js'

const HOUR = 3_600_000

/** A clock that can be set, beside one that only runs. */
function clocks (latest = 0): { steady: ReturnType<typeof createSteadyClock>, run (ms: number): void, set (ms: number): void } {
  let [elapsed, offset] = [5, 1_000_000]
  return {
    steady: createSteadyClock(() => Math.floor(elapsed + offset), () => elapsed, latest),
    run (ms) { elapsed += ms },
    set (ms) { offset += ms }
  }
}

t.test('a step is not followed before it is confirmed, and time never goes back', (t) => {
  const { steady, run, set } = clocks()
  const start = steady.now()
  run(1000.5)
  set(900)
  t.equal(steady.now(), start + 1900, 'a small step is followed')
  set(-900)
  t.equal(steady.now(), start + 1900, 'not backwards')
  set(HOUR)
  run(2000)
  t.equal(steady.now(), start + 3001)
  t.equal(steady.stepMs, HOUR)
  steady.confirm(steady.stepMs)
  t.equal(steady.stepMs, 0)
  t.equal(steady.now(), start + HOUR + 3000)
  set(-HOUR)
  t.equal(steady.stepMs, -HOUR)
  t.equal(steady.aheadMs, 0, 'as long as nobody confirms it')
  steady.confirm(-HOUR)
  t.equal(steady.now(), start + HOUR + 3000)
  t.ok(Math.abs(steady.aheadMs - HOUR) <= 1)
  run(HOUR)
  t.ok(steady.aheadMs <= 1)
  t.end()
})

t.test('behind what was stated before the start', (t) => {
  const { steady, run } = clocks(1_000_000 + HOUR)
  t.equal(steady.now(), 1_000_000 + HOUR)
  t.equal(steady.aheadMs, HOUR - 5)
  run(HOUR)
  t.equal(steady.aheadMs, 0)
  t.end()
})
