/** A commit group that could not be written is taken back, also by a service that closes meanwhile. */
import t, { type Test } from 'tap'
import { createWriteFailure } from '../../src/notary/write-failure.js'
import { type Deposits, type GroupWrite } from '../../src/store/deposits.js'
import { StoreError } from '../../src/store/errors.js'
import { noop, silent } from '../support/notary-world.js'

const group: GroupWrite = { first: 0, deposits: [], groups: [], organizations: new Map() }
const counters = new Map<string, number>()

/** A store that takes nothing back before `settle` says how that ends, one attempt after the other. */
function store (t: Test): { readonly deposits: Deposits, readonly attempts: () => number, begun: () => Promise<void>, settle: (error?: Error) => void } {
  let attempts = 0
  let settle: (error?: Error) => void = noop
  let begun = noop
  const first = new Promise<void>((resolve) => { begun = resolve })
  t.teardown(() => { settle() })
  return {
    attempts: () => attempts,
    begun: async () => { await first },
    settle: (error) => { settle(error) },
    deposits: {
      async retract () {
        attempts++
        begun()
        await new Promise<void>((resolve, reject) => {
          settle = (error) => {
            if (error === undefined) resolve()
            else reject(error)
          }
        })
      }
    } as unknown as Deposits
  }
}
const failed = new StoreError({ code: 'WRITE_FAILED', message: 'no' })

t.test('closing waits for the attempt that is on its way, and none follows it', async (t) => {
  const { deposits, attempts, begun, settle } = store(t)
  const timers = t.capture(globalThis, 'setTimeout', globalThis.setTimeout)
  const failure = createWriteFailure(deposits, silent)
  failure.note(group, failed, counters)
  await begun()
  let isClosed = false
  const closing = failure.close().then(() => { isClosed = true })
  await new Promise(setImmediate)
  t.notOk(isClosed)
  settle(failed)
  await closing
  t.equal(attempts(), 1)
  t.equal(timers().length, 1, 'no other is set')
  t.ok(failure.error)
})

t.test('closing between two attempts takes it back at once', async (t) => {
  const { deposits, attempts, begun, settle } = store(t)
  const failure = createWriteFailure(deposits, silent)
  failure.note(group, failed, counters)
  const closing = failure.close()
  await begun()
  settle()
  await closing
  t.equal(attempts(), 1)
  t.equal(failure.error, undefined)
})
