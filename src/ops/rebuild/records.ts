import { equalBytes, fromHex } from '../../core/bytes.js'
import { leafHash, rootOf } from '../../core/merkle.js'
import { type EvidenceRecord, parseRecord } from '../../core/record.js'
import { upperNodesOf } from '../../notary/tree-nodes.js'
import { checksumKey, summed } from '../../store/checksums.js'
import { numberIn, numberKey, numberValue, readNumber, textKey } from '../../store/keys.js'
import { parseGroup, type SignedGroup } from '../../store/stored-group.js'
import { readMarks } from '../fsck/marks.js'
import { MOST_IN_GROUP, readable, soundValue } from '../stored.js'
import type { Rebuild } from './context.js'

/** Leaf hashes of the records in order; undefined where there is no record that could be one. */
export interface LeafStream {
  /** The next `count` leaf hashes, without taking them; fewer at the end. */
  peek (count: number): Promise<readonly (Uint8Array | undefined)[]>
  take (count: number): void
  /** Reads to the end, and writes what is left of the organizations' counters. */
  finish (): Promise<void>
}

/** Reads the records once; writes the index of their numbers, the leaves of their commit groups and the organizations' counters. */
export function createLeafStream (rebuild: Rebuild): LeafStream {
  const { db, crypto, findings, repairs, onProgress } = rebuild
  const iterator = db.entries('r')[Symbol.asyncIterator]()
  const organizations = new Map<string, number>()
  const groups = createGroupLeaves(rebuild)
  let buffered: (Uint8Array | undefined)[] = []
  let sequence = 0 // of the next one to read
  let ahead: readonly [Buffer, Buffer] | undefined
  let ended = false

  const index = async (record: EvidenceRecord): Promise<void> => {
    const { organization, sequence: own } = record.submitter
    organizations.set(organization, Math.max(organizations.get(organization) ?? 0, Number(own) + 1))
    await repairs.ensure('number index', textKey('n', record.number), numberValue(sequence))
  }
  /** Keys of another length are no records: those behind them are. */
  const peekRecord = async (): Promise<readonly [Buffer, Buffer] | undefined> => {
    while (ahead === undefined && !ended) {
      const step = await iterator.next()
      if (step.done === true) ended = true
      else if (step.value[0].length === 9) ahead = step.value
    }
    return ahead
  }
  /** The leaf of the record that stands under `sequence`, if it is one. */
  const leafOf = async (bytes: Buffer): Promise<Uint8Array | undefined> => {
    const record = readable(() => parseRecord(bytes))
    if (record?.sequence !== String(sequence)) {
      lost(sequence, 'RECORD_UNREADABLE', 'it cannot be read, and nothing else holds it')
      return undefined
    }
    await index(record)
    return leafHash(crypto, bytes)
  }
  const readOne = async (): Promise<boolean> => {
    const found = await peekRecord()
    if (found === undefined) return false
    const at = readNumber(found[0], 1)
    if (at > sequence + 65_536) return false // a key from nowhere
    let leaf: Uint8Array | undefined
    if (at === sequence) {
      ahead = undefined
      leaf = await leafOf(found[1])
    } else lost(sequence, 'RECORD_MISSING', 'nothing else holds it')
    await groups.feed(sequence, leaf)
    buffered.push(leaf)
    sequence++
    if (sequence % 1000 === 0) onProgress('records', sequence)
    return true
  }
  const lost = (at: number, code: 'RECORD_UNREADABLE' | 'RECORD_MISSING', says: string): void => {
    findings.differs({ layer: 'record', object: `record ${at}`, code, says: `${says}: restore it from a backup` }, at)
  }

  return {
    async peek (count) {
      while (buffered.length < count && await readOne());
      return buffered.slice(0, count)
    },
    take (count) {
      buffered = buffered.slice(count)
    },
    async finish () {
      while (await readOne()) buffered = []
      findings.count('records', sequence)
      await rebuildCounters(rebuild, organizations, sequence)
    }
  }
}

/**
 * The counters of the organizations add up to the number of records. Where those that follow from the records do not, or records are missing at
 * the end, the last one of an organization is missing: no counter goes down then, which would give its number again.
 */
async function rebuildCounters (rebuild: Rebuild, counted: ReadonlyMap<string, number>, records: number): Promise<void> {
  const { db, repairs } = rebuild
  const isWhole = [...counted.values()].reduce((sum, next) => sum + next, 0) === records && records >= await promisedEnd(db)
  for (const [organization, next] of counted) {
    const key = textKey('o', organization)
    const stored = await soundValue(db, key)
    const least = isWhole || stored === 'damaged' ? 0 : numberIn(stored) ?? 0
    for (const put of summed(key, numberValue(Math.max(next, least)))) await repairs.ensure('organization counters', put.key, put.value)
  }
  if (isWhole) await removeOthers(rebuild, counted)
}

/** Counters of organizations that have no record. */
async function removeOthers ({ db, repairs }: Rebuild, counted: ReadonlyMap<string, number>): Promise<void> {
  for await (const [key] of db.entries('o')) {
    if (counted.has(key.toString('latin1', 1))) continue
    for (const each of [key, checksumKey(key)]) if (await db.get(each) !== undefined) await repairs.remove('organization counters', each)
  }
}

/** Leaf hashes of commit groups follow from their records; the signed statements do not. */
function createGroupLeaves ({ db, crypto, findings, repairs }: Rebuild): { feed (sequence: number, leaf: Uint8Array | undefined): Promise<void> } {
  let open: { group: SignedGroup, first: number, leaves: (Uint8Array | undefined)[] } | undefined
  return {
    async feed (sequence, leaf) {
      if (open === undefined) {
        const group = await groupAt(db, sequence)
        if (group === undefined) {
          const says = 'its signed statement is missing, and follows from nothing: receipts of its records cannot be given again'
          findings.differs({ layer: 'commit-group', object: `commit group of record ${sequence}`, code: 'GROUP_MISSING', says }, sequence)
          return
        }
        open = { group, first: sequence, leaves: [] }
      }
      open.leaves.push(leaf)
      if (open.leaves.length < Number(open.group.statement.groupSize)) return
      const { group, first, leaves } = open
      open = undefined
      const own = leaves.flatMap((hash) => hash === undefined ? [] : [hash])
      if (leaves.length > 1 && own.length === leaves.length && equalBytes(rootOf(crypto, own), fromHex(group.statement.groupRoot))) {
        const hashes = Buffer.concat(own)
        const nodes = upperNodesOf(crypto, hashes)
        await repairs.ensure('commit group leaves', numberKey('e', first), hashes)
        if (nodes.length > 0) await repairs.ensure('inner nodes', numberKey('d', first), nodes)
      }
    }
  }
}

/** As far as batches and commit groups tell how many records there were. */
async function promisedEnd (db: Rebuild['db']): Promise<number> {
  const [last, { sealed }] = await Promise.all([db.floor(numberKey('g', Number.MAX_SAFE_INTEGER)), readMarks(db)])
  const group = last === undefined ? undefined : parseGroup(last[1])
  const end = group === undefined ? 0 : Number(group.statement.firstSequence) + Number(group.statement.groupSize)
  return Math.max(end, sealed?.sequence ?? 0)
}

/** The commit group that begins there, unless it has changed. */
async function groupAt (db: Rebuild['db'], sequence: number): Promise<SignedGroup | undefined> {
  const bytes = await db.get(numberKey('g', sequence))
  const group = bytes === undefined ? undefined : parseGroup(bytes)
  return group?.statement.firstSequence === String(sequence) && Number(group.statement.groupSize) <= MOST_IN_GROUP ? group : undefined
}
