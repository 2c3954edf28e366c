import { type BatchHeader, batchHeaderBytes, MAX_BATCH_SIZE, parseBatchHeader } from '../../core/batch.js'
import { equalBytes, toHex } from '../../core/bytes.js'
import { appendLeaf, leafHash, rangeRoot, rootOf } from '../../core/merkle.js'
import { TILE } from '../../notary/batch-tree.js'
import type { SealedMark } from '../../store/mark.js'
import { checksumKey, hasChecksum } from '../../store/checksums.js'
import { numberKey } from '../../store/keys.js'
import { attestedHeader, readable, readHeader, storedLeaves } from '../stored.js'
import type { Rebuild } from './context.js'
import type { LogTiles } from './log-tiles.js'
import type { LeafStream } from './records.js'

/** Where the next header is to stand: behind `mark`, over the next records. */
export interface Place {
  readonly stream: LeafStream
  readonly log: LogTiles
  readonly mark: SealedMark
  /** The watermark of sealing, as it was found. */
  readonly sealed: SealedMark | undefined
}

export interface Chosen { readonly header: BatchHeader, readonly bytes: Uint8Array, readonly leaves: readonly Uint8Array[] }

const NOT_THE_LEDGERS = 'its header is not the one that the ledger has, and that one does not fit the records'
const NOT_THE_LOGS = 'its header does not fit the rest of the log, and no other is in the database or on the ledger: restore it from a backup'

/**
 * The header of the next batch, what is wrong with the one that is there, or undefined: there is none. Records and the head before it leave a
 * header's time open, so one that fits them may still have changed. What the ledger said of it decides, be it the read-back or the ledger
 * itself; where nobody said anything, the log does.
 */
export async function chooseHeader (rebuild: Rebuild, place: Place): Promise<Chosen | string | undefined> {
  const { db } = rebuild
  const { batches: number } = place.mark
  const own = await db.get(numberKey('h', number))
  const told = await toldHeaders(rebuild, number, own)
  for (const bytes of told) {
    const chosen = await accept(rebuild, place, bytes)
    if (chosen !== undefined) return chosen
  }
  let refusal: string | undefined
  for (const bytes of [own, await attestedHeader(db, number)]) {
    const chosen = await accept(rebuild, place, bytes)
    if (chosen === undefined) continue
    if (told.length === 0 && await isConfirmed(rebuild, place, chosen)) return chosen
    refusal = told.length === 0 ? NOT_THE_LOGS : NOT_THE_LEDGERS
  }
  return refusal
}

/** What the ledger said, the one that is here as well first. It is not asked where the read-back and the header here are the same. */
async function toldHeaders (rebuild: Rebuild, number: number, own: Uint8Array | undefined): Promise<Uint8Array[]> {
  const isOwn = (bytes: Uint8Array): boolean => own !== undefined && equalBytes(own, bytes)
  const attested = await checkedHeader(rebuild, number)
  if (attested !== undefined && isOwn(attested)) return [attested]
  const entry = await rebuild.onLedger(number)
  const told = [attested, entry === undefined ? undefined : batchHeaderBytes(entry.header)].filter((bytes) => bytes !== undefined)
  return [...told.filter(isOwn), ...told.filter((bytes) => !isOwn(bytes))]
}

/** A read-back without a checksum, or of another one, may be what changed. */
async function checkedHeader ({ db }: Rebuild, number: number): Promise<Uint8Array | undefined> {
  const key = numberKey('c', number)
  const [readback, sum] = await Promise.all([db.get(key), db.get(checksumKey(key))])
  const isSound = readback !== undefined && sum !== undefined && hasChecksum(readback, sum)
  return isSound ? await attestedHeader(db, number) : undefined
}

async function accept (rebuild: Rebuild, place: Place, bytes: Uint8Array | undefined): Promise<Chosen | undefined> {
  const header = bytes === undefined ? undefined : readable(() => parseBatchHeader(bytes))
  if (bytes === undefined || header === undefined || !follows(rebuild, header, place)) return undefined
  const leaves = await sealedLeaves(rebuild, header, place)
  return leaves === undefined ? undefined : { header, bytes, leaves }
}

function follows ({ crypto, origin }: Rebuild, header: BatchHeader, { mark, log }: Place): boolean {
  const size = Number(header.size)
  return header.number === String(mark.batches) && header.first === String(mark.sequence) && header.log === origin &&
    size >= 1 && size <= MAX_BATCH_SIZE && header.previousHead === toHex(rangeRoot(crypto, log.range))
}

/** The leaves with the header's root: those of the records or, where a record is lost or changed, of the stored tiles. */
async function sealedLeaves ({ db, crypto }: Rebuild, header: BatchHeader, { mark, stream }: Place): Promise<readonly Uint8Array[] | undefined> {
  const size = Number(header.size)
  const isSealed = (hashes: readonly (Uint8Array | undefined)[]): hashes is readonly Uint8Array[] => (
    hashes.length === size && hashes.every((hash) => hash !== undefined) && toHex(rootOf(crypto, hashes)) === header.root
  )
  const own = await stream.peek(size)
  if (isSealed(own)) return own
  const stored = await storedLeaves(db, mark.batches, size, TILE)
  return isSealed(stored) ? stored : undefined
}

/**
 * Its leaf in the log, the head that the next batch was sealed on, and the time of the watermark speak of a header. One voice for it is enough,
 * since one change cannot make two of them agree; where all are silent nothing speaks against it.
 */
async function isConfirmed ({ db, crypto }: Rebuild, { log, mark, sealed }: Place, { header, bytes }: Chosen): Promise<boolean> {
  const leaf = leafHash(crypto, bytes)
  const number = mark.batches + 1
  const next = (await readHeader(db, number))?.header
  const stored = await log.stored()
  const voices = [
    stored === undefined ? undefined : equalBytes(stored, leaf),
    next?.number !== String(number) ? undefined : next.previousHead === toHex(rangeRoot(crypto, appendLeaf(crypto, log.range, leaf))),
    sealed?.batches !== number || sealed.sealedAt === undefined ? undefined : sealed.sealedAt === header.sealedAt
  ]
  return voices.includes(true) || voices.every((voice) => voice === undefined)
}
