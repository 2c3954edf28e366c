import { type BatchHeader, MAX_BATCH_SIZE, parseBatchHeader } from '../../core/batch.js'
import { equalBytes, fromHex, toHex } from '../../core/bytes.js'
import { leafHash, rootOf, treeLevels } from '../../core/merkle.js'
import { TILE } from '../../notary/batch-tree.js'
import { upperNodes } from '../../notary/tree-nodes.js'
import { numberIn, numberKey, numberValue, readNumber } from '../../store/keys.js'
import type { DifferenceCode } from '../report.js'
import { attestedHeader, endOf, readable, storedLeaves } from '../stored.js'
import type { AttestationCheck } from './attestations.js'
import type { Check } from './check.js'
import type { GroupCheck } from './groups.js'
import type { LogCheck } from './log-check.js'
import { type Leaf, type RecordCursor, recordName } from './records.js'

/** How far the batches go: their number, and the first sequence number outside of them. */
export interface Sealed { readonly batches: number, readonly sequence: number }

export interface BatchCheckParts {
  readonly records: RecordCursor
  readonly groups: GroupCheck
  readonly log: LogCheck
  readonly attestations: AttestationCheck
}

const batchName = (number: number): string => `batch ${number}`

/**
 * Batches in order: the records' leaf hashes, the stored tiles and the header say the same root three times, so that the one that differs
 * can be named. A header's own bytes are held against its leaf in the log and, where those differ, against what the ledger attested.
 */
export async function checkBatches (check: Check, parts: BatchCheckParts): Promise<Sealed> {
  const { view, findings, onProgress } = check
  const batches = await endOf(view, 'h')
  let sequence = 0
  for (let number = 0; number < batches; number++) {
    sequence = await checkBatch(check, parts, number, sequence)
    findings.count('batches')
    if (number % 16 === 0 || number + 1 === batches) onProgress('batches', number + 1, batches)
  }
  await parts.log.finish()
  await checkIndexSize(check, batches)
  return { batches, sequence }
}

async function checkBatch (check: Check, parts: BatchCheckParts, number: number, first: number): Promise<number> {
  const { view, findings } = check
  const bytes = await view.get(numberKey('h', number))
  const header = bytes === undefined ? undefined : readable(() => parseBatchHeader(bytes))
  const differs = (code: DifferenceCode, says: string): void => {
    findings.differs({ layer: 'batch', object: batchName(number), code, says }, number)
  }
  if (bytes === undefined) differs('BATCH_MISSING', 'its header is missing')
  else if (header === undefined) differs('BATCH_UNREADABLE', 'not the canonical bytes of a batch header')
  else checkPosition(check, parts.log, header, number, first, differs)

  const size = await sizeOf(check, header, number)
  const leaves: (Leaf | undefined)[] = []
  for (let sequence = first; sequence < first + size; sequence++) {
    const leaf = await parts.records.at(sequence)
    await parts.groups.feed(sequence, leaf)
    leaves.push(leaf)
  }
  const trusted = header === undefined || findings.isNamed(batchName(number)) ? undefined : header
  const sealed = await checkLeaves(check, number, first, leaves, trusted, differs)
  await checkIndex(check, number, first)
  if (sealed !== undefined && trusted !== undefined) {
    await parts.attestations.check({ number, first, header: trusted, record: leaves[0]?.record, leaves: sealed, range: parts.log.range })
  }
  await appendToLog(check, parts.log, number, bytes)
  return first + size
}

function checkPosition (
  { origin }: Check, log: LogCheck, header: BatchHeader, number: number, first: number, differs: (code: DifferenceCode, says: string) => void
): void {
  if (header.number !== String(number) || header.first !== String(first) || (origin !== undefined && header.log !== origin)) {
    differs('BATCH_DIFFERS', `it says that it is batch ${header.number} of ${header.log} from record ${header.first}; it follows record ${first - 1}`)
  } else if (!equalBytes(fromHex(header.previousHead), log.head())) {
    differs('BATCH_DIFFERS', 'its previous head is not that of the batches before it')
  }
}

/** A header's size is used only if it is plausible; else the tiles say how many records there are. */
async function sizeOf ({ view }: Check, header: BatchHeader | undefined, number: number): Promise<number> {
  const stated = Number(header?.size ?? 0)
  if (stated >= 1 && stated <= MAX_BATCH_SIZE) return stated
  let size = 0
  for await (const [key, hashes] of view.entries('t', numberKey('t', number))) {
    if (key.length !== 17) continue // an unknown key, which is named as that
    if (readNumber(key, 1) !== number) break
    size += Math.floor(hashes.length / 32)
  }
  return size
}

/** Answers the leaf hashes that were sealed, if either side still has them. */
async function checkLeaves (
  check: Check, number: number, first: number, leaves: readonly (Leaf | undefined)[], header: BatchHeader | undefined,
  differs: (code: DifferenceCode, says: string) => void
): Promise<readonly Uint8Array[] | undefined> {
  const stored = await storedLeaves(check.view, number, leaves.length, TILE)
  const own = leaves.map((leaf, i) => leaf?.hash ?? stored[i] ?? NO_HASH)
  const kept = stored.map((hash) => hash ?? NO_HASH)
  const different = differing(own, kept)
  if (header === undefined) {
    nameTiles(check.findings, number, different)
    return undefined
  }
  const isRoot = (hashes: readonly Uint8Array[]): boolean => toHex(rootOf(check.crypto, hashes)) === header.root
  const sealed = !leaves.includes(undefined) && isRoot(own) ? own : [kept].find(isRoot)
  await checkTileRoots(check, number, sealed ?? kept)
  if (sealed === undefined && different.length === 0) differs('BATCH_DIFFERS', 'its root is not that of its records')
  if (sealed !== own) for (const i of different) nameRecord(check.findings, first + i, number)
  if (sealed !== kept) nameTiles(check.findings, number, different)
  return sealed
}

/** No leaf has it. */
const NO_HASH = new Uint8Array(32)

function differing (own: readonly Uint8Array[], kept: readonly Uint8Array[]): number[] {
  return own.flatMap((hash, i) => equalBytes(hash, kept[i] ?? NO_HASH) && hash !== NO_HASH ? [] : [i])
}

function nameRecord (findings: Check['findings'], sequence: number, batch: number): void {
  if (findings.isNamed(recordName(sequence))) return
  const says = `batch ${batch} was sealed over other bytes`
  findings.differs({ layer: 'record', object: recordName(sequence), code: 'RECORD_DIFFERS', says }, sequence)
}

function nameTiles (findings: Check['findings'], number: number, leaves: readonly number[]): void {
  for (const tile of new Set(leaves.map((i) => Math.floor(i / TILE)))) {
    const says = 'its leaf hashes are not those of the records'
    findings.differs({ layer: 'leaf', object: `tile ${number}/${tile}`, code: 'LEAF_DIFFERS', says }, number * 2 ** 16 + tile)
  }
}

async function checkTileRoots ({ view, crypto, findings }: Check, number: number, leaves: readonly Uint8Array[]): Promise<void> {
  const roots: Uint8Array[] = []
  for (let tile = 0; tile * TILE < leaves.length; tile++) {
    const levels = treeLevels(crypto, leaves.slice(tile * TILE, (tile + 1) * TILE))
    roots.push(levels.at(-1)?.[0] as Uint8Array)
    const nodes = await view.get(numberKey('v', number, tile))
    if (nodes?.equals(upperNodes(levels)) ?? true) continue // batches of earlier versions have none
    const says = 'they are not those of its leaf hashes'
    findings.differs({ layer: 'leaf', object: `inner nodes of tile ${number}/${tile}`, code: 'LEAF_DIFFERS', says }, number * 2 ** 16 + tile)
  }
  findings.count('tiles', roots.length)
  if ((await view.get(numberKey('u', number)))?.equals(Buffer.concat(roots)) === true) return
  const says = 'they are not the roots of its tiles'
  findings.differs({ layer: 'leaf', object: `tile roots of batch ${number}`, code: 'LEAF_DIFFERS', says }, number * 2 ** 16 + 2 ** 15)
}

async function checkIndex ({ view, findings }: Check, number: number, first: number): Promise<void> {
  if ((await view.get(numberKey('f', first)))?.equals(numberValue(number)) === true) return
  findings.differs({ layer: 'batch-index', object: `batch index ${first}`, code: 'BATCH_INDEX_DIFFERS', says: `it does not lead to batch ${number}` }, number)
}

async function checkIndexSize ({ view, findings }: Check, batches: number): Promise<void> {
  for await (const [key, value] of view.entries('f')) {
    const number = numberIn(value) ?? -1
    const object = `batch index ${key.length === 9 ? readNumber(key, 1) : key.toString('hex')}`
    if (number >= 0 && number < batches) continue
    findings.differs({ layer: 'batch-index', object, code: 'BATCH_INDEX_DIFFERS', says: 'it leads to a batch that does not exist' }, batches)
  }
}

/** Which of header and stored leaf is right is said by the next header or, of the last batch, by what the ledger attested. */
async function appendToLog (check: Check, log: LogCheck, number: number, bytes: Uint8Array | undefined): Promise<void> {
  const own = bytes === undefined ? undefined : leafHash(check.crypto, bytes)
  const stored = await log.stored()
  const isSame = own !== undefined && stored?.equals(own) === true
  const told = isSame ? own : await leafByWitness(check, log, number, [own, stored])
  const right = told ?? stored ?? own ?? NO_HASH
  if (!equalBytes(right, own ?? NO_HASH)) nameHeader(check, number, told !== undefined)
  await log.append(right)
}

function nameHeader ({ findings }: Check, number: number, isTold: boolean): void {
  if (findings.isNamed(batchName(number))) return
  const says = isTold ? 'its header is not the one in the log' : 'its header and its leaf in the log differ, and nothing says which is right'
  findings.differs({ layer: 'batch', object: batchName(number), code: 'BATCH_DIFFERS', says }, number)
}

async function leafByWitness (
  check: Check, log: LogCheck, number: number, candidates: readonly (Uint8Array | undefined)[]
): Promise<Uint8Array | undefined> {
  const witness = await attestedHeader(check.view, number)
  return witness === undefined ? await leafByNext(check, log, number, candidates) : leafHash(check.crypto, witness)
}

async function leafByNext (
  { view }: Check, log: LogCheck, number: number, candidates: readonly (Uint8Array | undefined)[]
): Promise<Uint8Array | undefined> {
  const bytes = await view.get(numberKey('h', number + 1))
  const next = bytes === undefined ? undefined : readable(() => parseBatchHeader(bytes))
  return next === undefined ? undefined : candidates.find((leaf) => leaf !== undefined && toHex(log.headWith(leaf)) === next.previousHead)
}
