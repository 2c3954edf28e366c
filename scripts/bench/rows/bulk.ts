import { join } from 'node:path'
import { ask, ended, program } from '../child.js'
import type { CeilingQuestion } from '../level-ceiling.js'
import { createClient, digestBodies } from '../load.js'
import { bulkBodies, bulkDeposits } from '../ndjson.js'
import { median } from '../numbers.js'
import { atLeast } from '../row.js'
import type { Bench } from '../run.js'
import { startService } from '../service.js'

const DEPOSITS = 80_000
const CONNECTIONS = 4
/** So many times as many deposits, until the code is compiled. */
const WARM_UP = 3
/** Sizes of the synced batches that level is tried with; its best counts. */
const BATCHES = [512, 4096]
const FORMS = ['array', 'chained'] as const

/** Bulk deposits, 10,000 lines a request, each line receipted, against level writing the same bytes and nothing else. */
export const bulk: Bench = async ({ folder, settings: { rounds }, note }) => {
  const ceiling = program('level-ceiling')
  const service = await startService({ data: join(folder, 'data') })
  const client = createClient(service.url, service.authorization)
  try {
    const single = digestBodies(4096)
    const bodies = bulkBodies(single)
    const first = await client.call('POST', '/v1/evidence/digests', single[0])
    const record = JSON.stringify((JSON.parse(first.body.toString()) as { receipt: { record: unknown } }).receipt.record)
    let total = 1
    const deposit = async (count: number): Promise<number> => {
      const { deposits, seconds } = await bulkDeposits(client, bodies, count, { connections: CONNECTIONS })
      total += deposits
      await service.reached('anchored', total)
      return deposits / seconds
    }
    const level = async (form: typeof FORMS[number], batch: number): Promise<number> => await ask<number>(ceiling, {
      folder: join(folder, 'level'), deposits: DEPOSITS, form, batch, record
    } satisfies CeilingQuestion)
    for (let i = 0; i < WARM_UP; i++) await deposit(DEPOSITS)
    const ours: number[] = []
    const theirs = FORMS.flatMap((form) => BATCHES.map((batch) => ({ form, batch, rates: [] as number[] })))
    for (let round = 0; round < rounds; round++) {
      for (const { form, batch, rates } of theirs) rates.push(await level(form, batch))
      ours.push(await deposit(DEPOSITS))
      const said = theirs.map(({ form, batch, rates }) => `${Math.round(rates.at(-1) ?? 0)} (${form} of ${batch})`)
      note(`level ${said.join(', ')}; ours ${Math.round(ours.at(-1) ?? 0)}`)
    }
    const best = (wanted: typeof FORMS[number]): number =>
      Math.max(...theirs.filter(({ form }) => form === wanted).map(({ rates }) => median(rates)))
    return [
      atLeast('bulk', 'bulk deposits, 10,000 lines a request / level alone, same bytes, arrays of operations', '1/s', median(ours), best('array'), 0.8),
      atLeast('bulk, put by put', 'the same / level alone by its cheapest calls, which is what the store uses', '1/s', median(ours), best('chained'), 0.8)
    ]
  } finally {
    client.close()
    await Promise.all([service.stop(), ended(ceiling, 'SIGTERM')])
  }
}
