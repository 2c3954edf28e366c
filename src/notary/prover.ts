import { type BatchHeader, parseBatchHeader } from '../core/batch.js'
import { equalBytes, fromHex, fromUtf8, toHex } from '../core/bytes.js'
import { discloseField, type MetadataField } from '../core/metadata.js'
import { inclusionPath } from '../core/merkle.js'
import type { Json } from '../core/jcs.js'
import type { Attestation, Disclosure, FabricReadback, Identities, Proof } from '../core/proof.js'
import type { Receipt, ReceiptBody } from '../core/receipt.js'
import { type EvidenceRecord, parseRecord, recordBytes } from '../core/record.js'
import { StoreError } from '../store/errors.js'
import type { Store } from '../store/store.js'
import { batchPath, hashesOf, TILE } from './batch-tree.js'
import type { Context } from './context.js'
import { NotaryError } from './errors.js'
import type { LogTree } from './log-tree.js'
import type { Progress } from './progress.js'

/**
 * Receipts and proofs out of what is stored. Each takes a number of reads that does not depend on how much the log holds: record,
 * commit group, header, one tile, the tile roots, a few log tiles, read-back and block.
 */
export interface Prover {
  receipt (sequence: number): Promise<Receipt>
  /** The proof as far as it can be completed now; PROOF_NOT_READY before the deposit is sealed. */
  prove (sequence: number, disclose?: readonly string[]): Promise<Proof>
  /** The same proof with all attestations that there are now. Anybody who has the proof may ask. */
  upgrade (proof: Proof): Promise<Proof>
}

export function createProver (context: Context, store: Store, logTree: LogTree, progress: Progress): Prover {
  const recordOf = async (sequence: number): Promise<EvidenceRecord> =>
    parseRecord(required(await store.deposits.record(sequence), `record ${sequence}`))

  const receiptBody = async (sequence: number): Promise<ReceiptBody> => {
    const { statement, signature, leaves } = required(await store.deposits.groupOf(sequence), `the commit group of ${sequence}`)
    const index = sequence - Number(statement.firstSequence)
    return { statement, signature, path: leaves === undefined ? [] : inclusionPath(context.crypto, hashesOf(leaves), index).map(toHex) }
  }

  const prove = async (sequence: number, disclose: readonly string[] = []): Promise<Proof> => {
    if (progress.state(sequence) === 'received') {
      throw new NotaryError({ code: 'PROOF_NOT_READY', message: 'the deposit is not sealed into a batch yet', retryAfter: 1 })
    }
    const number = required(await store.batches.numberOf(sequence), `the batch of ${sequence}`)
    const [record, receipt, header, range, ledger] = await Promise.all([
      recordOf(sequence), receiptBody(sequence), headerOf(store, number), logTree.range(number), ledgerPart(store, number)
    ])
    const index = sequence - Number(header.first)
    const [tile, tileRoots] = await Promise.all([store.batches.tile(number, Math.floor(index / TILE)), store.batches.tileRoots(number)])
    const path = batchPath(context.crypto, {
      index, size: Number(header.size), root: fromHex(header.root), tile: required(tile, 'a tile'), tileRoots: required(tileRoots, 'tile roots')
    })
    return {
      type: 'steelyard/proof/v1',
      record,
      receipt,
      batchPath: path.map(toHex),
      header,
      logPath: [...range.hashes].reverse().map(toHex), // the path of the last leaf is the range before it
      ...(disclose.length === 0 ? {} : { disclosures: await disclosures(sequence, record, disclose) }),
      ...ledger
    }
  }

  const disclosures = async (sequence: number, record: EvidenceRecord, names: readonly string[]): Promise<Disclosure[]> => {
    const kept = record.metadata === undefined ? undefined : await store.deposits.private(sequence)
    const fields = kept === undefined ? [] : JSON.parse(kept.fields) as MetadataField[]
    const wanted = new Set(names)
    const found = fields.filter(({ name }) => wanted.has(name))
    if (kept === undefined || found.length < wanted.size) {
      throw new NotaryError({ code: 'FIELD_UNKNOWN', message: 'the deposit has no metadata field of that name' })
    }
    return found.map(({ name }) => discloseField(context.crypto, kept.secret, fields, name)).sort((a, b) => Number(a.index) - Number(b.index))
  }

  return {
    async receipt (sequence) {
      const [record, body] = await Promise.all([recordOf(sequence), receiptBody(sequence)])
      return { type: 'steelyard/receipt/v1', record, ...body }
    },
    prove,
    async upgrade (given) {
      const sequence = Number(given.record.sequence)
      const stored = given.record.log === context.origin ? await store.deposits.record(sequence) : undefined
      if (stored === undefined || !equalBytes(stored, recordBytes(given.record))) {
        throw new NotaryError({ code: 'PROOF_FOREIGN', message: 'this log does not hold the record of that proof' })
      }
      const proof = await prove(sequence)
      return given.disclosures === undefined ? proof : { ...proof, disclosures: given.disclosures }
    }
  }
}

async function headerOf (store: Store, number: number): Promise<BatchHeader> {
  return parseBatchHeader(required(await store.batches.header(number), `the header of batch ${number}`))
}

/** The ledger's attestations of a batch, or nothing when they are not here yet. */
async function ledgerPart (store: Store, number: number): Promise<{ attestations?: Attestation[], identities?: Identities }> {
  const [location, readback] = await Promise.all([store.anchors.location(number), store.anchors.readback(number)])
  if (location === undefined || readback === undefined) return {}
  const block = required(await store.anchors.block(location.block), `block ${location.block}`)
  const hashes = [...new Set(readback.endorsements.map(({ identity }) => identity))]
  const identities = await Promise.all(hashes.map(async (hash) => {
    return [hash, fromUtf8(required(await store.anchors.identity(hash), 'an identity'))] as const
  }))
  return {
    attestations: [
      { type: 'fabric-block/v1', target: 'batch', data: { ...block, data: [...block.data], transaction: String(location.transaction) } },
      { type: 'fabric-readback/v1', target: 'batch', data: toJson(readback) }
    ],
    identities: Object.fromEntries(identities)
  }
}

/** The same value, typed as what a document may hold: all of it was read from JSON. */
function toJson (value: FabricReadback): Json {
  return JSON.parse(JSON.stringify(value)) as Json
}

function required<T> (value: T | undefined, what: string): T {
  if (value === undefined) throw new StoreError({ code: 'DAMAGED', message: `${what} is missing in the database` })
  return value
}
