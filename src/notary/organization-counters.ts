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
  const counters = await countRecords(deposits, received)
  if (counters === undefined) {
    return { counters: new Map<string, number>(), damage: `neither the counters of the organizations nor the records lead to ${received} deposits` }
  }
  await deposits.resetOrganizations(counters)
  return { counters, damage: undefined }
}

/**
 * By all records, where each of them can be read: how many each organization has, unless one has a later number, and so lacks a record that has
 * another organization now. Else one more than the last number of each, where those add up: whatever is missing lies before the last ones.
 */
async function countRecords (deposits: Stored, received: number): Promise<Map<string, number> | undefined> {
  const counts = new Map<string, number>()
  const ends = new Map<string, number>()
  for await (const bytes of deposits.records(0, received)) {
    const submitter = unlessRefused(() => parseRecord(bytes))?.submitter
    if (submitter === undefined) continue
    const { organization, sequence } = submitter
    counts.set(organization, (counts.get(organization) ?? 0) + 1)
    ends.set(organization, Math.max(ends.get(organization) ?? 0, Number(sequence) + 1))
  }
  if (sum(counts) === received && [...ends].every(([organization, end]) => end <= (counts.get(organization) ?? 0))) return counts
  return sum(ends) === received ? ends : undefined
}

function sum (counters: ReadonlyMap<string, number>): number {
  return [...counters.values()].reduce((total, each) => total + each, 0)
}
