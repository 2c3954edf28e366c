import { hash } from 'node:crypto'
import { type Database, put, type Put, readAll } from './database.js'
import { StoreError } from './errors.js'

const PREFIX = Buffer.from('y')

/**
 * Checksums of values that no hash of the log covers: what the ledger said. LevelDB checks no block that it reads, and a proof whose block or
 * read-back changed on the disk convinces nobody. Each lies under `y` and the whole key of its value, and is written with it.
 */
export function checksumKey (key: Buffer): Buffer {
  return Buffer.concat([PREFIX, key])
}

/** A value and its checksum, for one write. */
export function summed (key: Buffer, value: Buffer | string): [value: Put, sum: Put] {
  const entry = put(key, value)
  return [entry, put(checksumKey(key), sumOf(entry.value))]
}

/** Whether a value has this checksum. Where there is none, the value was written before there were any. */
export function hasChecksum (value: Buffer, sum: Buffer | undefined): boolean {
  return sum === undefined || sum.equals(sumOf(value))
}

/** The value of a key, held to its checksum. */
export async function readSummed (db: Database, key: Buffer, what: string): Promise<Buffer | undefined> {
  const [value, sum] = await readAll(db, [key, checksumKey(key)])
  if (value === undefined ? sum === undefined : hasChecksum(value, sum)) return value
  throw new StoreError({ code: 'DAMAGED', message: `${what} is not what was written: \`steelyard fsck\` names what is damaged` })
}

function sumOf (value: Buffer): Buffer {
  return Buffer.from(hash('sha256', value, 'hex'), 'hex')
}
