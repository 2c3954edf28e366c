import type { CommitGroup } from '../core/receipt.js'
import { checksumKey, hasChecksum, summed } from './checksums.js'
import { type Database, lastAtOrBefore, put, type Put, read, readAll, write } from './database.js'
import { StoreError } from './errors.js'
import { numberIn, numberKey, numberValue, readNumber, textKey } from './keys.js'
import { parseGroup, type SignedGroup } from './stored-group.js'

/**
 * Deposits: records, their numbers, secrets, metadata and commit groups. The committer owns every key here and is their only writer.
 * A group is one synced batch: either all of its deposits exist, with their numbers, the receipt's signature and the organizations'
 * counters, or none. A write that failed may have left all of them behind: they are taken back before anything else is written.
 */
export interface Deposits {
  /** One synced batch; resolves when it is on disk. */
  commit (group: GroupWrite): Promise<void>
  /** Takes back a group whose write failed and may be there all the same; the counters of its organizations are as they were. One synced batch. */
  retract (group: GroupWrite, counters: ReadonlyMap<string, number>): Promise<void>
  /** The sequence number of the next deposit: one more than the last record's. */
  nextSequence (): Promise<number>
  /** Next sequence of each organization. */
  organizations (): Promise<Map<string, number>>
  /** Stores these counters and no others. One synced batch. */
  resetOrganizations (counters: ReadonlyMap<string, number>): Promise<void>
  record (sequence: number): Promise<Buffer | undefined>
  /** Records `from` to `to` (without), in order; for sealing after a restart. */
  records (from: number, to: number): AsyncIterable<Buffer>
  sequenceOf (number: string): Promise<number | undefined>
  private (sequence: number): Promise<PrivatePart | undefined>
  /** Where the last commit group ends: deposits up to there, without, were promised. */
  promisedEnd (): Promise<number>
  /** The commit group that holds a sequence number. */
  groupOf (sequence: number): Promise<StoredGroup | undefined>
}

export interface DepositWrite {
  readonly number: string
  readonly bytes: Buffer
  readonly private?: PrivatePart | undefined
}

/** What is kept beside the record so that it can be erased: without it no metadata field can be opened or guessed. */
export interface PrivatePart {
  readonly secret: Buffer
  /** JCS of the list of {name, value}. */
  readonly fields: string
}

export interface StoredGroup {
  readonly statement: CommitGroup
  readonly signature: string
  /** JCS of {signature, statement}, as it was stored. */
  readonly text: string
  /** Leaf hashes of the group, concatenated; absent for a group of one. */
  readonly leaves?: Buffer
  /** Inner nodes of its tree; absent in small groups, and in what earlier versions wrote. */
  readonly nodes?: Buffer
}

export interface GroupWrite {
  readonly first: number
  readonly deposits: readonly DepositWrite[]
  /** One for each signed group of this write, by its first sequence number. */
  readonly groups: readonly { readonly first: number, readonly json: string, readonly leaves?: Buffer | undefined, readonly nodes?: Buffer }[]
  /** Counters after this group, of the organizations in it. */
  readonly organizations: ReadonlyMap<string, number>
}

/** `onDurable` is told the sequence number that comes next, after each group. */
export function createDeposits (db: Database, onDurable: (next: number) => void): Deposits {
  return {
    async commit (group) {
      await write(db, groupPuts(group))
      onDurable(group.first + group.deposits.length)
    },

    async retract (group, counters) {
      const dels = groupPuts(group).map(({ key }) => key)
      await write(db, counterPuts(counters), dels)
    },

    async nextSequence () {
      const last = await lastAtOrBefore(db, numberKey('r', Number.MAX_SAFE_INTEGER))
      return last === undefined ? 0 : readNumber(last[0], 1) + 1
    },

    async organizations () {
      const out = new Map<string, number>()
      for await (const [key, value] of db.iterator(COUNTERS)) {
        const next = numberIn(value)
        if (next === undefined || !hasChecksum(value, await read(db, checksumKey(key)))) throw damaged('the counter of an organization is none')
        out.set(key.toString('latin1', 1), next)
      }
      for await (const key of db.keys(COUNTER_SUMS)) {
        if (!out.has(key.toString('latin1', checksumKey(textKey('o', '')).length))) throw damaged('the counter of an organization is gone')
      }
      return out
    },

    async resetOrganizations (counters) {
      await write(db, counterPuts(counters), [...await db.keys(COUNTERS).all(), ...await db.keys(COUNTER_SUMS).all()])
    },

    record: (sequence) => read(db, numberKey('r', sequence)),
    records: (from, to) => db.values({ gte: numberKey('r', from), lt: numberKey('r', to) }),

    async sequenceOf (number) {
      const value = await read(db, textKey('n', number))
      if (value === undefined) return undefined
      const sequence = numberIn(value)
      if (sequence === undefined) throw damaged('a number leads to what is no place in the log: `steelyard fsck` names what is damaged')
      return sequence
    },

    async private (sequence) {
      const [secret, fields] = await Promise.all([read(db, numberKey('s', sequence)), read(db, numberKey('m', sequence))])
      return secret === undefined || fields === undefined ? undefined : { secret, fields: fields.toString() }
    },

    async promisedEnd () {
      const last = await lastAtOrBefore(db, numberKey('g', Number.MAX_SAFE_INTEGER))
      return last === undefined ? 0 : readNumber(last[0], 1) + Number(groupIn(last).statement.groupSize)
    },

    async groupOf (sequence) {
      const found = await lastAtOrBefore(db, numberKey('g', sequence))
      if (found === undefined) return undefined
      const group = { ...groupIn(found), text: found[1].toString() }
      const first = Number(group.statement.firstSequence)
      const size = Number(group.statement.groupSize)
      if (sequence >= first + size) return undefined
      if (size === 1) return group
      const [leaves, nodes] = await readAll(db, [numberKey('e', first), numberKey('d', first)])
      return { ...group, ...(leaves === undefined ? {} : { leaves }), ...(nodes === undefined ? {} : { nodes }) }
    }
  }
}

function groupIn ([key, value]: [Buffer, Buffer]): SignedGroup {
  const group = parseGroup(value)
  if (group !== undefined && readNumber(key, 1) === Number(group.statement.firstSequence)) return group
  throw damaged('a commit group is not one, or stands under another sequence number')
}

function damaged (message: string): StoreError {
  return new StoreError({ code: 'DAMAGED', message })
}

function groupPuts (group: GroupWrite): Put[] {
  const puts: Put[] = []
  let sequence = group.first
  for (const deposit of group.deposits) {
    puts.push(put(numberKey('r', sequence), deposit.bytes), put(textKey('n', deposit.number), numberValue(sequence)))
    if (deposit.private !== undefined) {
      puts.push(put(numberKey('s', sequence), deposit.private.secret), put(numberKey('m', sequence), deposit.private.fields))
    }
    sequence++
  }
  for (const { first, json, leaves, nodes } of group.groups) {
    puts.push(put(numberKey('g', first), json))
    if (leaves !== undefined) puts.push(put(numberKey('e', first), leaves))
    if (nodes !== undefined && nodes.length > 0) puts.push(put(numberKey('d', first), nodes))
  }
  puts.push(...counterPuts(group.organizations))
  return puts
}

const COUNTERS = { gte: Buffer.from('o'), lt: Buffer.from('p') }
const COUNTER_SUMS = { gte: checksumKey(COUNTERS.gte), lt: checksumKey(COUNTERS.lt) }

function counterPuts (counters: ReadonlyMap<string, number>): Put[] {
  return [...counters].flatMap(([organization, next]) => summed(textKey('o', organization), numberValue(next)))
}
