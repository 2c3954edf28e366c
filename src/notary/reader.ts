import { type BatchHeader, parseBatchHeader } from '../core/batch.js'
import { checkpointBody, checkpointSigningInput, noteKeyHash, signedNote } from '../core/checkpoint.js'
import { canonicalEvidenceNumber } from '../core/evidence-number.js'
import { type EvidenceRecord, parseRecord } from '../core/record.js'
import type { ApiKey } from '../store/api-keys.js'
import type { Location } from '../store/anchors.js'
import type { BatchPlace } from '../store/batches.js'
import type { Part } from '../store/content-read.js'
import type { StoredGroup } from '../store/deposits.js'
import { StoreError } from '../store/errors.js'
import type { Store } from '../store/store.js'
import type { Context } from './context.js'
import { NotaryError } from './errors.js'
import { requireInLog } from './held-log-tree.js'
import type { LogTree } from './log-tree.js'
import type { DepositState, Progress } from './progress.js'
import { requireLeaf } from './stored-leaf.js'

export interface FoundDeposit {
  readonly sequence: number
  readonly record: EvidenceRecord
  /** The record's own bytes. */
  readonly bytes: Buffer
  readonly group: StoredGroup
  readonly state: DepositState
  /** Where it was sealed. */
  readonly batch?: BatchPlace
}

export interface FoundBatch {
  readonly header: BatchHeader
  readonly state: Exclude<DepositState, 'received'>
  readonly anchor?: Location
}

/** A content that is stored. What is read of it is verified: all while it is read, a part before. */
export interface StoredContent {
  readonly sha256: string
  readonly size: number
  read (): AsyncGenerator<Uint8Array, void>
  readPart (part: Part): Promise<AsyncGenerator<Uint8Array, void>>
}

/** What can be read of the log: deposits by their depositor, everything else by anybody. */
export interface Reader {
  /** The deposit with this number, as typed by a person. Whatever belongs to another organization is as unknown as what does not exist. */
  deposit (typed: string, by: ApiKey): Promise<FoundDeposit>
  /** For verification only: any deposit by its number. */
  anyDeposit (number: string): Promise<FoundDeposit | undefined>
  content (deposit: FoundDeposit): Promise<StoredContent>
  batch (number: number): Promise<FoundBatch>
  tile (number: number, tile: number): Promise<Buffer>
  logTile (level: number, index: number): Promise<Buffer>
  /** A signed C2SP checkpoint of the log as the ledger has it. */
  head (): Promise<string>
  consistency (first: number, second: number): Promise<Uint8Array[]>
}

export function createReader (context: Context, store: Store, logTree: LogTree, progress: Progress): Reader {
  const anyDeposit = async (number: string): Promise<FoundDeposit | undefined> => {
    const sequence = await store.deposits.sequenceOf(number)
    if (sequence === undefined || await isAhead(sequence)) return undefined
    const state = progress.state(sequence)
    const [bytes, group, batch] = await Promise.all([
      store.deposits.record(sequence), store.deposits.groupOf(sequence), state === 'received' ? undefined : store.batches.holding(sequence)
    ])
    if (bytes === undefined) throw new StoreError({ code: 'DAMAGED', message: `record ${sequence} is missing, and a number leads to it` })
    requireLeaf(context.crypto, bytes, sequence, group)
    const record = parseRecord(bytes)
    if (record.number !== number) throw new StoreError({ code: 'DAMAGED', message: 'a number leads to another deposit: `steelyard fsck` names what is damaged' })
    return { sequence, record, bytes, group, state, ...(batch === undefined ? {} : { batch }) }
  }

  /** A deposit that is on its way to the disk: its number and its record are one write. */
  const isAhead = async (sequence: number): Promise<boolean> => {
    if (sequence < progress.received) return false
    if (await store.deposits.record(sequence) !== undefined) return true
    throw new StoreError({ code: 'DAMAGED', message: `a number leads to record ${sequence}, which is not there: \`steelyard fsck\` names what is damaged` })
  }

  const tileOf = (found: Buffer | undefined): Buffer => {
    if (found === undefined) throw new NotaryError({ code: 'TILE_UNKNOWN', message: 'there is no such tile' })
    return found
  }

  return {
    anyDeposit,
    async deposit (typed, by) {
      const found = await anyDeposit(canonicalEvidenceNumber(typed))
      if (found?.record.submitter.organization !== by.organization) {
        throw new NotaryError({ code: 'NUMBER_UNKNOWN', message: 'no deposit of this organization has that number' })
      }
      return found
    },
    async content ({ record }) {
      const { sha256 } = record.content.digests
      const size = record.digestedBy === 'notary' ? await store.content.size(sha256) : undefined
      if (size === undefined) throw new NotaryError({ code: 'CONTENT_NOT_STORED', message: 'only the digests were deposited' })
      const { content } = store
      return { sha256, size, read: () => content.read(sha256), readPart: async (part) => await content.readPart(sha256, part) }
    },
    async batch (number) {
      const bytes = number < progress.sealed.batches ? await store.batches.header(number) : undefined
      if (bytes === undefined) throw new NotaryError({ code: 'BATCH_UNKNOWN', message: 'there is no such batch' })
      const header = headerOf(number, bytes)
      await requireInLog(context.crypto, store.batches, number, bytes)
      const state = progress.state(Number(header.first)) as FoundBatch['state']
      const anchor = state === 'final' ? await store.anchors.location(number) : undefined
      return { header, state, ...(anchor === undefined ? {} : { anchor }) }
    },
    tile: async (number, tile) => tileOf(number < progress.sealed.batches ? await store.batches.tile(number, tile) : undefined),
    logTile: async (level, index) => tileOf(await store.batches.logTile(level, index)),
    async head () {
      const size = progress.anchored.batches
      const checkpoint = { origin: context.origin, size: BigInt(size), root: await logTree.head(size) }
      const { signer } = context
      const key = { name: context.origin, publicKey: signer.publicKey }
      const signature = signer.sign(checkpointSigningInput(checkpoint))
      return signedNote(checkpointBody(checkpoint), [{ name: key.name, keyHash: noteKeyHash(context.crypto, key), signature }])
    },
    async consistency (first, second) {
      if (first > second || second > progress.sealed.batches) {
        throw new NotaryError({ code: 'HEAD_UNKNOWN', message: `the log has ${progress.sealed.batches} batches` })
      }
      return await logTree.consistency(first, second)
    }
  }
}

function headerOf (number: number, bytes: Uint8Array): BatchHeader {
  try {
    return parseBatchHeader(bytes)
  } catch (cause) {
    throw new StoreError({ code: 'DAMAGED', message: `the header of batch ${number} is not what it was`, cause })
  }
}
