import { leafHash } from '../../core/merkle.js'
import { commitMetadata, type MetadataField } from '../../core/metadata.js'
import { type EvidenceRecord, parseRecord } from '../../core/record.js'
import { numberIn, numberKey, numberValue, readNumber, textKey } from '../../store/keys.js'
import { parseJson, readable } from '../stored.js'
import type { Check } from './check.js'
import type { ContentList } from './content.js'

/** A stored record, hashed as it is; `record` is absent when it cannot be read. */
export interface Leaf {
  readonly sequence: number
  readonly hash: Uint8Array
  readonly record: EvidenceRecord | undefined
}

/**
 * Reads the records in order, once. Every record is checked by itself on the way: its place, its evidence number's index, its metadata, and
 * its organization's own sequence. What it was sealed as is checked by whoever asks for it.
 */
export interface RecordCursor {
  /** The record with this sequence number; undefined, and named, when it is missing. Numbers must be asked for in order. */
  at (sequence: number): Promise<Leaf | undefined>
  /** The next sequence number that there is, at or after `sequence`; undefined at the end. */
  next (sequence: number): Promise<number | undefined>
  /** Compares the organizations' counters, at the end. */
  finish (): Promise<void>
}

export const recordName = (sequence: number): string => `record ${sequence}`

export function createRecordCursor (check: Check, contents: ContentList): RecordCursor {
  const { view, crypto, findings } = check
  const iterator = view.entries('r')[Symbol.asyncIterator]()
  const organizations = new Map<string, number>()
  let lost = 0 // records whose organization cannot be told: they explain as many numbers left out
  let ahead: readonly [Buffer, Buffer] | undefined
  let ended = false

  const peek = async (): Promise<readonly [Buffer, Buffer] | undefined> => {
    if (ahead !== undefined || ended) return ahead
    const step = await iterator.next()
    if (step.done === true) ended = true
    else ahead = step.value
    return ahead
  }
  const next = async (sequence: number): Promise<number | undefined> => {
    for (let found = await peek(); found !== undefined; found = await peek()) {
      const at = found[0].length === 9 ? readNumber(found[0], 1) : -1
      if (at >= sequence) return at
      ahead = undefined
    }
    return undefined
  }
  const follow = (record: EvidenceRecord, sequence: number): void => {
    const { organization, sequence: own } = record.submitter
    const expected = organizations.get(organization) ?? 0
    const leftOut = Number(own) - expected
    if (leftOut > 0 && leftOut <= lost) lost -= leftOut
    else if (leftOut !== 0) {
      findings.differs({
        layer: 'organization',
        object: `organization ${organization}`,
        code: 'ORGANIZATION_SEQUENCE',
        says: `record ${sequence} is its number ${own}, where ${expected} is next`
      }, sequence)
    }
    organizations.set(organization, Math.max(expected, Number(own)) + 1)
  }
  const inspect = async (bytes: Buffer, sequence: number): Promise<EvidenceRecord | undefined> => {
    const record = readable(() => parseRecord(bytes))
    if (record === undefined) {
      lost++
      findings.differs({ layer: 'record', object: recordName(sequence), code: 'RECORD_UNREADABLE', says: 'not the canonical bytes of a record' }, sequence)
      return undefined
    }
    if (record.sequence !== String(sequence) || (check.origin !== undefined && record.log !== check.origin)) {
      const says = `it says that it is record ${record.sequence} of ${record.log}`
      findings.differs({ layer: 'record', object: recordName(sequence), code: 'RECORD_POSITION', says }, sequence)
      return record
    }
    follow(record, sequence)
    await checkNumber(check, record, sequence)
    await checkMetadata(check, record, sequence)
    contents.add(record, sequence)
    return record
  }

  const checkCounter = (organization: string, expected: number, stored: number | undefined): void => {
    const isExplained = stored !== undefined && stored >= expected && stored <= expected + lost
    if (isExplained || findings.isNamed(`organization ${organization}`)) return
    const says = `its counter is ${stored ?? 'missing'}, its records end before ${expected}`
    findings.differs({ layer: 'organization', object: `organization ${organization}`, code: 'ORGANIZATION_SEQUENCE', says }, Number.MAX_SAFE_INTEGER)
  }

  return {
    next,
    async at (sequence) {
      if (await next(sequence) !== sequence || ahead === undefined) {
        lost++
        findings.differs({ layer: 'record', object: recordName(sequence), code: 'RECORD_MISSING', says: 'there is no such record' }, sequence)
        return undefined
      }
      const bytes = ahead[1]
      ahead = undefined
      findings.count('records')
      return { sequence, hash: leafHash(crypto, bytes), record: await inspect(bytes, sequence) }
    },
    async finish () {
      const stored = new Map<string, Buffer>()
      for await (const [key, value] of view.entries('o')) stored.set(key.toString('latin1', 1), value)
      for (const organization of new Set([...organizations.keys(), ...stored.keys()])) {
        checkCounter(organization, organizations.get(organization) ?? 0, numberIn(stored.get(organization)))
      }
      findings.count('organizations', organizations.size)
    }
  }
}

async function checkNumber ({ view, findings }: Check, record: EvidenceRecord, sequence: number): Promise<void> {
  const found = await view.get(textKey('n', record.number))
  if (found?.equals(numberValue(sequence)) === true) return
  const leadsTo = numberIn(found)
  const says = leadsTo !== undefined ? `it leads to record ${leadsTo}, not ${sequence}` : `it leads nowhere; it is of record ${sequence}`
  findings.differs({ layer: 'number-index', object: `evidence number ${record.number}`, code: 'NUMBER_INDEX_DIFFERS', says }, sequence)
}

/** Secret and fields are kept or erased together, and lead to the root in the record. */
async function checkMetadata ({ view, crypto, findings }: Check, record: EvidenceRecord, sequence: number): Promise<void> {
  if (record.metadata === undefined) return
  const [secret, fields] = await Promise.all([view.get(numberKey('s', sequence)), view.get(numberKey('m', sequence))])
  if (secret === undefined && fields === undefined) {
    findings.count('erased metadata')
    return
  }
  findings.count('metadata')
  const parsed = parseFields(fields)
  const root = secret === undefined || parsed === undefined
    ? undefined
    : readable(() => commitMetadata(crypto, secret, parsed))
  if (root?.root === record.metadata.root && root.size === record.metadata.size) return
  const says = 'the stored fields and secret are not those that the record commits to'
  findings.differs({ layer: 'metadata', object: `metadata of record ${sequence}`, code: 'METADATA_DIFFERS', says }, sequence)
}

function parseFields (bytes: Uint8Array | undefined): MetadataField[] | undefined {
  const fields = parseJson<unknown>(bytes)
  return Array.isArray(fields) && fields.every(isField) ? fields : undefined
}

function isField (field: Partial<MetadataField> | null): boolean {
  return typeof field?.name === 'string' && field.value !== undefined
}
