/**
 * The bound of the bulk row: the same puts as so many deposits make, handed to level and to nothing else, in synced batches. Answers each
 * question with deposits a second.
 */
import { randomBytes } from 'node:crypto'
import { rmSync } from 'node:fs'
import { NUMBER_RANDOMNESS, formatEvidenceNumber } from '../../src/core/evidence-number.js'
import { toHex } from '../../src/core/bytes.js'
import { type Database, openDatabase, type Put } from '../../src/store/database.js'
import { createDeposits } from '../../src/store/deposits.js'

export interface CeilingQuestion {
  readonly folder: string
  readonly deposits: number
  /** Deposits in one synced batch. */
  readonly batch: number
  /** A batch as one array of operations, or put by put. */
  readonly form: 'array' | 'chained'
  readonly record: string
}

process.on('message', ({ folder, deposits, batch, form, record }: CeilingQuestion) => {
  void (async () => {
    const batches = await collectPuts(deposits, batch, record)
    const db = await openDatabase(folder)
    const began = performance.now()
    for (const puts of batches) await (form === 'array' ? db.batch(puts, { sync: true }) : chained(db, puts))
    const seconds = (performance.now() - began) / 1000
    await db.close()
    rmSync(folder, { recursive: true })
    process.send?.(deposits / seconds)
  })()
})
process.once('disconnect', () => process.exit())

async function chained (db: Database, puts: readonly Put[]): Promise<void> {
  const batch = db.batch()
  for (const { key, value } of puts) batch.put(key, value)
  await batch.write({ sync: true })
}

/** What the store would write, by the store's own code, into a database that only remembers it. */
async function collectPuts (deposits: number, batch: number, record: string): Promise<Put[][]> {
  const batches: Put[][] = []
  const remembering = {
    batch () {
      const puts: Put[] = []
      return { put: (key: Buffer, value: Buffer) => puts.push({ type: 'put', key, value }), write: () => Promise.resolve(batches.push(puts)) }
    }
  }
  const store = createDeposits(remembering as unknown as Database, () => undefined)
  for (let first = 0; first < deposits; first += batch) {
    const size = Math.min(batch, deposits - first)
    await store.commit({
      first,
      deposits: Array.from({ length: size }, () => ({ number: number(), bytes: recordLike(record) })),
      groups: [{ first, json: 'x'.repeat(500), leaves: randomBytes(32 * size), nodes: randomBytes(8 * size) }],
      organizations: new Map([['0123456789abcdef', first + size]])
    })
  }
  return batches
}

function number (): string {
  return formatEvidenceNumber(randomBytes(NUMBER_RANDOMNESS))
}

/** As long as a real record, and as hard to compress: its digests and its salt are new. */
function recordLike (record: string): Buffer {
  return Buffer.from(record.replace(/[0-9a-f]{64}/g, () => toHex(randomBytes(32))), 'latin1')
}
