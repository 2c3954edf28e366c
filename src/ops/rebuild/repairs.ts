import type { Maintenance, Operation } from '../../store/maintenance.js'
import type { Findings } from '../report.js'

const CHUNK = 4096

/** Collects what has to be written, and writes it a chunk at a time. An entry that is right already is left alone. */
export interface Repairs {
  ensure (kind: string, key: Buffer, value: Buffer): Promise<void>
  remove (kind: string, key: Buffer): Promise<void>
  finish (): Promise<void>
}

export function createRepairs (db: Maintenance, findings: Findings, dryRun: boolean): Repairs {
  let waiting: Operation[] = []
  const flush = async (): Promise<void> => {
    const operations = waiting
    waiting = []
    if (operations.length > 0 && !dryRun) await db.write(operations)
  }
  const add = async (kind: string, operation: Operation): Promise<void> => {
    findings.count(kind)
    waiting.push(operation)
    if (waiting.length >= CHUNK) await flush()
  }
  return {
    async ensure (kind, key, value) {
      if ((await db.get(key))?.equals(value) !== true) await add(`${kind} written`, { type: 'put', key, value })
    },
    remove: async (kind, key) => { await add(`${kind} removed`, { type: 'del', key }) },
    finish: flush
  }
}
