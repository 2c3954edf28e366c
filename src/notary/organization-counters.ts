import { unlessRefused } from '../core/errors.js'
import { parseRecord } from '../core/record.js'
import type { Deposits } from '../store/deposits.js'
import { unlessDamaged } from '../store/errors.js'
import type { Log } from './context.js'

/** The counters of the organizations, as they are found at a start. */
export interface FoundCounters {
  /** Next sequence of each organization. */
  readonly counters: Map<string, number>
  /** Why no deposit can be given one, in words. */
  readonly damage: string | undefined
}

type Stored = Pick<Deposits, 'organizations' | 'records' | 'resetOrganizations'>

/**
 * Each deposit took one number of its organization's, so the counters add up to the number of deposits. Where they count fewer, or one is not what
 * was written, it would give numbers a second time: they are counted anew, by all records, and stored. Where they count more, or records are
 * missing as well that would tell, nobody knows here which is wrong. Of a log that is damaged otherwise nothing is changed: `received` may
 * be too few.
 */
export async function soundCounters (deposits: Stored, received: number, isWhole: boolean, log: Log): Promise<FoundCounters> {
  const found = await unlessDamaged(deposits.organizations())
  if (!isWhole) return { counters: found ?? new Map<string, number>(), damage: undefined }
  if (found !== undefined && sum(found) === received) return { counters: found, damage: undefined }
  if (found !== undefined && sum(found) > received) {
    return { counters: found, damage: `the counters of the organizations count ${sum(found)} deposits, and the log ends after ${received}` }
  }
  const counted = found === undefined ? 'unreadable' : sum(found)
  log.error({ deposits: received, counted }, 'the counters of the organizations are not what they were: all records are read to count them anew')
  const { counters, records } = await countRecords(deposits, received)
  if (records !== received && sum(counters) !== received) {
    return { counters, damage: `neither the counters of the organizations nor the records lead to ${received} deposits` }
  }
  await deposits.resetOrganizations(counters)
  return { counters, damage: undefined }
}

/** One more than the last number of each organization. */
async function countRecords (deposits: Stored, received: number): Promise<{ readonly counters: Map<string, number>, readonly records: number }> {
  const counters = new Map<string, number>()
  let records = 0
  for await (const bytes of deposits.records(0, received)) {
    const submitter = unlessRefused(() => parseRecord(bytes))?.submitter
    if (submitter === undefined) continue
    const { organization, sequence } = submitter
    records++
    counters.set(organization, Math.max(counters.get(organization) ?? 0, Number(sequence) + 1))
  }
  return { counters, records }
}

function sum (counters: ReadonlyMap<string, number>): number {
  return [...counters.values()].reduce((total, each) => total + each, 0)
}
