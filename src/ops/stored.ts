import { type BatchHeader, batchHeaderBytes, parseBatchHeader } from '../core/batch.js'
import { fromBase64url } from '../core/bytes.js'
import { EvidenceError } from '../core/errors.js'
import { parseResponsePayload } from '../core/fabric/transaction.js'
import { FabricRefusal } from '../core/fabric/refusal.js'
import { type BatchEntry, parseReadBack } from '../core/ledger-values.js'
import { type FabricReadback, fabricReadback } from '../core/proof.js'
import { parseCanonical } from '../core/jcs.js'
import { hashesOf } from '../notary/tree-nodes.js'
import { checksumKey, hasChecksum } from '../store/checksums.js'
import { numberKey, readNumber } from '../store/keys.js'
import type { View } from '../store/maintenance.js'

/** Values of the database, read as what a stranger gave: undefined where they are not what they must be. */
const LIMITS = { bytes: 1_048_576, depth: 8 } as const

/** More records than any commit group has: what says so has changed, and is not gathered in memory. */
export const MOST_IN_GROUP = 65_536

/** The value that a parser makes of bytes, or undefined when they are not of its form. */
export function readable<T> (parse: () => T): T | undefined {
  try {
    return parse()
  } catch (error) {
    if (error instanceof EvidenceError || error instanceof FabricRefusal || error instanceof SyntaxError) return undefined
    throw error
  }
}

/** A value whose checksum fits, or that has none. */
export async function soundValue (view: View, key: Buffer): Promise<Buffer | 'damaged' | undefined> {
  const [value, sum] = await Promise.all([view.get(key), view.get(checksumKey(key))])
  if (value === undefined) return sum === undefined ? undefined : 'damaged'
  return hasChecksum(value, sum) ? value : 'damaged'
}

/** JSON of the database, unchecked. */
// eslint-disable-next-line @typescript-eslint/no-unnecessary-type-parameters -- the caller says what it wrote there
export function parseJson<T> (bytes: Uint8Array | undefined): T | undefined {
  return bytes === undefined ? undefined : readable(() => JSON.parse(Buffer.from(bytes).toString()) as T)
}

export async function readHeader (view: View, number: number): Promise<{ bytes: Buffer, header: BatchHeader } | undefined> {
  const bytes = await view.get(numberKey('h', number))
  const header = bytes === undefined ? undefined : readable(() => parseBatchHeader(bytes))
  return bytes === undefined || header === undefined ? undefined : { bytes, header }
}

export async function readReadback (view: View, number: number): Promise<FabricReadback | undefined> {
  const bytes = await view.get(numberKey('c', number))
  return bytes === undefined ? undefined : readable(() => fabricReadback(parseCanonical(bytes, LIMITS), 'readback'))
}

/** What the ledger's peers read of a batch, by the stored read-back; its signatures are not checked here. */
export async function attestedEntry (view: View, number: number): Promise<BatchEntry | undefined> {
  const readback = await readReadback(view, number)
  if (readback === undefined) return undefined
  return readable(() => parseReadBack(parseResponsePayload(fromBase64url(readback.responsePayload)).action.response.payload).entry)
}

/** The header bytes that the ledger has of a batch, by the stored read-back. */
export async function attestedHeader (view: View, number: number): Promise<Uint8Array | undefined> {
  const entry = await attestedEntry(view, number)
  return entry === undefined ? undefined : batchHeaderBytes(entry.header)
}

/** Leaf hashes of a batch of `size`, as stored; an element is undefined where a tile is missing or too short. */
export async function storedLeaves (view: View, number: number, size: number, tileSize: number): Promise<(Buffer | undefined)[]> {
  const out: (Buffer | undefined)[] = []
  for (let tile = 0; tile * tileSize < size; tile++) {
    const hashes = hashesOf(await view.get(numberKey('t', number, tile)) ?? new Uint8Array(0))
    for (let i = 0; i < Math.min(tileSize, size - tile * tileSize); i++) out.push(hashes[i])
  }
  return out
}

/** Keys further than this beyond what their number explains are damaged keys, not gaps. */
export const MOST_GAP = 65_536

/** Number of the last entry of a prefix of numbers, plus one; an entry under a key from nowhere does not count. */
export async function endOf (view: View, prefix: 'r' | 'h'): Promise<number> {
  let end = 0
  for await (const [key] of view.entries(prefix)) {
    const number = key.length === 9 ? readNumber(key, 1) : Number.POSITIVE_INFINITY
    if (number <= end + MOST_GAP) end = number + 1
  }
  return end
}
