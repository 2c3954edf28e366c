import { parseBatchHeader } from '../core/batch.js'
import { equalBytes, fromHex, toHex, utf8 } from '../core/bytes.js'
import type { Crypto } from '../core/crypto.js'
import { EvidenceError } from '../core/errors.js'
import { jcs } from '../core/jcs.js'
import { discloseField, type MetadataField, verifyDisclosure } from '../core/metadata.js'
import { HASH_SIZE, leafHash, rangeRoot, treeLevels, verifyInclusion } from '../core/merkle.js'
import type { Proof } from '../core/proof.js'
import { isGroupSigned, type Receipt } from '../core/receipt.js'
import { type EvidenceRecord, parseRecord, recordBytes } from '../core/record.js'
import type { BatchPlace } from '../store/batches.js'
import { stored } from '../store/database.js'
import { StoreError } from '../store/errors.js'
import type { StoredGroup } from '../store/deposits.js'
import type { Store } from '../store/store.js'
import { batchPath, TILE } from './batch-tree.js'
import { createBoundedMemory } from './bounded-memory.js'
import type { Context } from './context.js'
import { NotaryError } from './errors.js'
import { requireInLog } from './held-log-tree.js'
import type { LogTree } from './log-tree.js'
import type { Progress } from './progress.js'
import { attestedText, closedHeadText, pathText, type ProofParts, proofText } from './proof-text.js'
import { requireLeaf } from './stored-leaf.js'
import { hashesOf, pathByNodes, upperNodesOf } from './tree-nodes.js'

/** Bytes of the batches' parts of proofs that are kept; a part is about 25 KB with one organization and 60 KB with four. */
const KEPT = 32 * 1024 ** 2

/**
 * Receipts and proofs out of what is stored. Each takes a number of reads that does not depend on how much the log holds: record, commit group
 * and its leaves, one tile, inner nodes, and of a batch that is not known yet header, tile roots, a few log tiles, read-back and block. A proof
 * is put together as text out of the texts that are stored: nearly all of it is the ledger's part, and to sort and quote that again would be
 * most of the work.
 */
export interface Prover {
  receipt (sequence: number): Promise<Receipt>
  /** The exact bytes of the proof as far as it can be completed now; PROOF_NOT_READY before the deposit is sealed. */
  prove (deposit: Known, disclose?: readonly string[]): Promise<Uint8Array>
  /** The same proof with all attestations that there are now. Anybody who has the proof may ask. */
  upgrade (proof: Proof): Promise<Uint8Array>
}

/** A deposit, and what was read of it already. */
export interface Known { readonly sequence: number, readonly bytes?: Buffer, readonly group?: StoredGroup, readonly batch?: BatchPlace }

/** What is the same in the proofs of all deposits of a batch. */
interface BatchPart {
  readonly size: number
  readonly root: Uint8Array
  /** Levels of the tree over the tiles' roots. */
  readonly upper: ReturnType<typeof treeLevels>
  readonly texts: Pick<ProofParts, 'header' | 'logPath' | 'closedHead' | 'attestations' | 'identities'>
}

export interface ProverOptions {
  readonly context: Context
  readonly store: Store
  readonly logTree: LogTree
  readonly progress: Progress
  readonly closedSizes: () => readonly number[]
  /** SPKI of a receipt key of the log, by its id. */
  readonly keyOf: (keyId: string) => Uint8Array | undefined
}

export function createProver ({ context, store, logTree, progress, closedSizes, keyOf }: ProverOptions): Prover {
  const kept = createBoundedMemory<BatchPart>(KEPT)
  let keptFor = closedSizes()

  const recordOf = async (sequence: number): Promise<Buffer> => required(await store.deposits.record(sequence), `record ${sequence}`)

  const groupOf = async ({ sequence, ...known }: Known): Promise<{ path: string[], text: string } & Pick<Receipt, 'statement' | 'signature'>> => {
    const group = known.group ?? required(await store.deposits.groupOf(sequence), `the commit group of ${sequence}`)
    const { statement, statement: { firstSequence, groupSize }, signature, leaves, text } = group
    requireSigned(context.crypto, group, keyOf)
    if (groupSize === '1') return { statement, signature, text, path: [] }
    const path = groupPath(context.crypto, group, required(leaves, `the leaves of commit group ${firstSequence}`), sequence - Number(firstSequence))
    return { statement, signature, text, path: path.map(toHex) }
  }

  const readBatch = async (number: number, isFinal: boolean): Promise<BatchPart> => {
    const [bytes, tileRoots, range, attested] = await Promise.all([
      store.batches.header(number), store.batches.tileRoots(number), logTree.range(number), store.anchors.attested(number)
    ])
    const header = required(bytes, `the header of batch ${number}`)
    const { size, root, previousHead } = parseBatchHeader(header)
    await requireInLog(context.crypto, store.batches, number, header)
    if (toHex(rangeRoot(context.crypto, range)) !== previousHead) throw damagedPath(number)
    if (attested === undefined && isFinal) throw new StoreError({ code: 'DAMAGED', message: `what the ledger said of batch ${number} is missing` })
    const closed = closedSizes().find((one) => one > number)
    const closedHead = closed === undefined ? undefined : closedHeadText(closed, (await closedPath(number, closed, header)).map(toHex))
    return {
      size: Number(size),
      root: fromHex(root),
      upper: treeLevels(context.crypto, hashesOf(required(tileRoots, 'tile roots'))),
      texts: {
        header: header.toString(),
        logPath: pathText([...range.hashes].reverse().map(toHex)), // the path of the last leaf is the range before it
        ...(attested === undefined ? {} : attestedText(attested)),
        ...(closedHead === undefined ? {} : { closedHead })
      }
    }
  }

  /** The path of a batch to a closed head: to the one that the next batch was sealed on. */
  const closedPath = async (number: number, closed: number, header: Uint8Array): Promise<Uint8Array[]> => {
    const [path, next] = await Promise.all([logTree.inclusion(number, closed), store.batches.header(closed)])
    const head = next === undefined ? await logTree.head(closed) : fromHex(parseBatchHeader(next).previousHead)
    if (!verifyInclusion(context.crypto, leafHash(context.crypto, header), number, closed, path, head)) throw damagedPath(number)
    return path
  }

  /** What is final changes only by another closed head. */
  const batchPart = async (number: number): Promise<BatchPart> => {
    if (keptFor !== closedSizes()) kept.clear()
    keptFor = closedSizes()
    const known = kept.get(number)
    if (known !== undefined) return known
    const isFinal = number < progress.final.batches // asked before the ledger's words are read, which are there then
    const part = await readBatch(number, isFinal)
    if (isFinal) kept.set(number, part, sizeOf(part))
    return part
  }

  const assemble = async (known: Known, disclosures: string | undefined): Promise<Uint8Array> => {
    const { sequence } = known
    const inBatch = async (): Promise<{ index: number, tile: Buffer, nodes: Buffer, part: BatchPart }> => {
      const { number, first } = known.batch ?? required(await store.batches.holding(sequence), `the batch of ${sequence}`)
      const index = sequence - first
      const [found, part] = await Promise.all([store.batches.tileNodes(number, Math.floor(index / TILE)), batchPart(number)])
      const tile = required(found.tile, 'a tile')
      return { index, tile, nodes: found.nodes ?? upperNodesOf(context.crypto, tile), part }
    }
    const [record, group, { part: { texts, ...tree }, ...found }] = await Promise.all([
      known.bytes ?? recordOf(sequence), groupOf(known), inBatch()
    ])
    requireSealedAt(context.crypto, record, sequence, found)
    const path = batchPath(context.crypto, { ...tree, ...found })
    const [batch, receipt] = [pathText(path.map(toHex)), pathText(group.path)]
    return utf8(proofText({ ...texts, disclosures, batchPath: batch, receiptPath: receipt, group: group.text, record: record.toString() }))
  }

  const requireSealed = (sequence: number): void => {
    if (progress.state(sequence) !== 'received') return
    throw new NotaryError({ code: 'PROOF_NOT_READY', message: 'the deposit is not sealed into a batch yet', retryAfter: 1 })
  }

  /** What this log has at the place of a record, which may be another's. */
  const keptOf = async (record: EvidenceRecord): Promise<Buffer | undefined> => {
    const sequence = Number(record.sequence)
    if (record.log !== context.origin || sequence >= Math.max(progress.received, progress.sealed.sequence)) return undefined
    const kept = await recordOf(sequence)
    requireLeaf(context.crypto, kept, sequence, await store.deposits.groupOf(sequence))
    return kept
  }

  /** JCS of the opened fields. */
  const disclosures = async (sequence: number, names: readonly string[]): Promise<string> => {
    const { metadata } = parseRecord(await recordOf(sequence))
    const kept = metadata === undefined ? undefined : await store.deposits.private(sequence)
    const fields = kept === undefined ? [] : stored<MetadataField[]>(Buffer.from(kept.fields), 'metadata')
    const wanted = new Set(names)
    const found = fields.filter(({ name }) => wanted.has(name))
    if (metadata === undefined || kept === undefined || found.length < wanted.size) {
      throw new NotaryError({ code: 'FIELD_UNKNOWN', message: 'the deposit has no metadata field of that name' })
    }
    const opened = found.map(({ name }) => discloseField(context.crypto, kept.secret, fields, name))
    if (!opened.every((one) => verifyDisclosure(context.crypto, metadata, one))) {
      throw new StoreError({ code: 'DAMAGED', message: `the metadata of record ${sequence} are not those that it commits to` })
    }
    return jcs(opened.sort((a, b) => Number(a.index) - Number(b.index)))
  }

  return {
    receipt: (sequence) => ours(async () => {
      const [record, { statement, signature, path }] = await Promise.all([recordOf(sequence), groupOf({ sequence })])
      return { type: 'steelyard/receipt/v1', record: parseRecord(record), statement, path, signature }
    }),
    async prove (deposit, disclose = []) {
      requireSealed(deposit.sequence)
      return await ours(async () => await assemble(deposit, disclose.length === 0 ? undefined : await disclosures(deposit.sequence, disclose)))
    },
    async upgrade (given) {
      const sequence = Number(given.record.sequence)
      const kept = await keptOf(given.record)
      if (kept === undefined || !equalBytes(kept, recordBytes(given.record))) {
        throw new NotaryError({ code: 'PROOF_FOREIGN', message: 'this log does not hold the record of that proof' })
      }
      requireSealed(sequence)
      return await ours(async () => await assemble({ sequence, bytes: kept }, given.disclosures === undefined ? undefined : jcs(given.disclosures)))
    }
  }
}

/** What is stored and has no form any more was ours: nothing that the caller sent is wrong. */
async function ours<T> (work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof EvidenceError)) throw cause
    throw new StoreError({ code: 'DAMAGED', message: `something in the database is not what it was: ${cause.message}`, cause })
  }
}

/** A bit of a signed statement that turned on the disk makes a receipt that nobody gave. */
function requireSigned (crypto: Crypto, { statement, signature }: StoredGroup, keyOf: ProverOptions['keyOf']): void {
  const spki = keyOf(statement.keyId)
  if (spki !== undefined && isGroupSigned(crypto, statement, signature, spki)) return
  throw new StoreError({ code: 'DAMAGED', message: `the commit group of record ${statement.firstSequence} is not as it was signed` })
}

/** A record is the one that was sealed at its place: else the index led to another. */
function requireSealedAt (
  crypto: Crypto, record: Uint8Array, sequence: number, { index, tile }: { readonly index: number, readonly tile: Uint8Array }
): void {
  const at = index % TILE * HASH_SIZE
  if (equalBytes(tile.subarray(at, at + HASH_SIZE), leafHash(crypto, record))) return
  throw new StoreError({ code: 'DAMAGED', message: `record ${sequence} is not the one that was sealed in its place` })
}

function damagedPath (batch: number): StoreError {
  return new StoreError({ code: 'DAMAGED', message: `the stored tree of the log does not lead to the head that batch ${batch} is held to` })
}

/** The path in a commit group, held to the root that was signed. */
function groupPath (
  crypto: Crypto, { statement: { groupSize, groupRoot }, nodes }: StoredGroup, leaves: Buffer, index: number
): Uint8Array[] {
  const leaf = leaves.subarray(index * HASH_SIZE, (index + 1) * HASH_SIZE)
  const path = pathByNodes(crypto, leaves, nodes ?? upperNodesOf(crypto, leaves), index)
  if (!verifyInclusion(crypto, leaf, index, Number(groupSize), path, fromHex(groupRoot))) {
    throw new StoreError({ code: 'DAMAGED', message: 'the leaves of a commit group do not lead to its root' })
  }
  return path
}

function sizeOf ({ upper, texts }: BatchPart): number {
  return upper.length * 2 * HASH_SIZE + Object.values(texts).reduce((sum, text) => sum + text.length, 0)
}

function required<T> (value: T | undefined, what: string): T {
  if (value === undefined) throw new StoreError({ code: 'DAMAGED', message: `${what} is missing in the database` })
  return value
}
