import { type BatchHeader, batchHeaderBytes, MAX_BATCH_SIZE, parseBatchHeader } from '../../core/batch.js'
import { toHex } from '../../core/bytes.js'
import { appendLeaf, type CompactRange, emptyRange, leafHash, rangeRoot, rootOf, treeLevels } from '../../core/merkle.js'
import { TILE } from '../../notary/batch-tree.js'
import { upperNodes } from '../../notary/tree-nodes.js'
import { numberKey, numberValue, readNumber } from '../../store/keys.js'
import type { SealedMark } from '../../store/mark.js'
import { readMarks } from '../fsck/marks.js'
import { attestedHeader, endOf, readable, storedLeaves } from '../stored.js'
import type { Rebuild } from './context.js'
import type { LeafStream } from './records.js'

interface Chosen { readonly header: BatchHeader, readonly bytes: Uint8Array, readonly leaves: readonly Uint8Array[] }

/**
 * Writes headers, tiles, tile roots, the batch index and the log's tiles again. A header is taken from the database, else from the stored
 * read-back, else from the ledger; it is used only if it follows the batch before it and its root is that of the records (or, where
 * a record is lost, of the stored tiles).
 */
export async function rebuildBatches (rebuild: Rebuild, stream: LeafStream): Promise<{ mark: SealedMark, isComplete: boolean }> {
  const { db, crypto, findings, repairs, onProgress } = rebuild
  const log = createLogTiles(rebuild)
  const marks = await readMarks(db)
  const known = Math.max(await endOf(db, 'h'), marks.sealed?.batches ?? 0, marks.anchored?.batches ?? 0)
  let mark: SealedMark = { batches: 0, sequence: 0 }
  let isComplete = true
  for (;;) {
    const number = mark.batches
    const chosen = await choose(rebuild, stream, log.range(), mark)
    if (chosen === undefined) {
      isComplete = number >= known && number >= await rebuild.ledgerSize()
      if (!isComplete) {
        const says = 'no header of it that fits the records is in the database or on the ledger'
        findings.differs({ layer: 'batch', object: `batch ${number}`, code: 'BATCH_MISSING', says }, number)
      }
      break
    }
    const { header, bytes, leaves } = chosen
    await repairs.ensure('batch headers', numberKey('h', number), Buffer.from(bytes))
    await repairs.ensure('batch index', numberKey('f', mark.sequence), numberValue(number))
    await writeTiles(rebuild, number, leaves)
    await log.append(leafHash(crypto, bytes))
    stream.take(leaves.length)
    mark = { batches: number + 1, sequence: mark.sequence + leaves.length, sealedAt: header.sealedAt }
    findings.count('batches')
    onProgress('batches', number + 1, known)
  }
  await log.finish()
  if (isComplete) await removeStrays(rebuild, mark)
  return { mark, isComplete }
}

async function choose (rebuild: Rebuild, stream: LeafStream, range: CompactRange, mark: SealedMark): Promise<Chosen | undefined> {
  const sources = [
    async () => await rebuild.db.get(numberKey('h', mark.batches)),
    async () => await attestedHeader(rebuild.db, mark.batches),
    async () => {
      const entry = await rebuild.onLedger(mark.batches)
      return entry === undefined ? undefined : batchHeaderBytes(entry.header)
    }
  ]
  for (const source of sources) {
    const bytes = await source()
    const header = bytes === undefined ? undefined : readable(() => parseBatchHeader(bytes))
    if (bytes === undefined || header === undefined || !follows(rebuild, header, range, mark)) continue
    const chosen = await fit(rebuild, stream, header, bytes, mark)
    if (chosen !== undefined) return chosen
  }
  return undefined
}

function follows ({ crypto, origin }: Rebuild, header: BatchHeader, range: CompactRange, mark: SealedMark): boolean {
  const size = Number(header.size)
  return header.number === String(mark.batches) && header.first === String(mark.sequence) && header.log === origin &&
    size >= 1 && size <= MAX_BATCH_SIZE && header.previousHead === toHex(rangeRoot(crypto, range))
}

async function fit (rebuild: Rebuild, stream: LeafStream, header: BatchHeader, bytes: Uint8Array, mark: SealedMark): Promise<Chosen | undefined> {
  const { db, crypto } = rebuild
  const size = Number(header.size)
  const own = await stream.peek(size)
  const whole = own.flatMap((hash) => hash === undefined ? [] : [hash])
  if (whole.length === size && toHex(rootOf(crypto, whole)) === header.root) return { header, bytes, leaves: whole }
  const stored = (await storedLeaves(db, mark.batches, size, TILE)).flatMap((hash) => hash === undefined ? [] : [hash])
  if (stored.length !== size || toHex(rootOf(crypto, stored)) !== header.root) return undefined
  own.forEach((hash, i) => {
    if (hash === undefined || toHex(hash) === toHex(stored[i] as Buffer)) return
    const sequence = mark.sequence + i
    const says = `batch ${mark.batches} was sealed over other bytes: restore it from a backup`
    rebuild.findings.differs({ layer: 'record', object: `record ${sequence}`, code: 'RECORD_DIFFERS', says }, sequence)
  })
  return { header, bytes, leaves: stored }
}

async function writeTiles ({ crypto, repairs }: Rebuild, number: number, leaves: readonly Uint8Array[]): Promise<void> {
  const roots: Uint8Array[] = []
  for (let tile = 0; tile * TILE < leaves.length; tile++) {
    const hashes = leaves.slice(tile * TILE, (tile + 1) * TILE)
    const levels = treeLevels(crypto, hashes)
    const nodes = upperNodes(levels)
    roots.push(levels.at(-1)?.[0] as Uint8Array)
    await repairs.ensure('tiles', numberKey('t', number, tile), Buffer.concat(hashes))
    if (nodes.length > 0) await repairs.ensure('inner nodes', numberKey('v', number, tile), nodes)
  }
  await repairs.ensure('tile roots', numberKey('u', number), Buffer.concat(roots))
}

interface LogTiles { range (): CompactRange, append (leaf: Uint8Array): Promise<void>, finish (): Promise<void> }

function createLogTiles ({ crypto, repairs }: Rebuild): LogTiles {
  const levels: { index: number, hashes: Uint8Array[] }[] = []
  let range = emptyRange()
  const store = async (level: number, { index, hashes }: { index: number, hashes: Uint8Array[] }): Promise<void> => {
    await repairs.ensure('log tiles', numberKey('l', level, index), Buffer.concat(hashes))
  }
  const push = async (level: number, hash: Uint8Array): Promise<void> => {
    const at = levels[level] ??= { index: 0, hashes: [] }
    at.hashes.push(hash)
    if (at.hashes.length < TILE) return
    await store(level, at)
    levels[level] = { index: at.index + 1, hashes: [] }
    await push(level + 1, rootOf(crypto, at.hashes))
  }
  return {
    range: () => range,
    async append (leaf) {
      range = appendLeaf(crypto, range, leaf)
      await push(0, leaf)
    },
    async finish () {
      for (const [level, at] of levels.entries()) if (at.hashes.length > 0) await store(level, at)
    }
  }
}

/** Entries of the batch index that lead to no batch that begins there. */
async function removeStrays ({ db, repairs }: Rebuild, mark: SealedMark): Promise<void> {
  for await (const [key, value] of db.entries('f')) {
    const number = value.length === 8 ? readNumber(value) : -1
    const isOurs = key.length === 9 && readNumber(key, 1) < mark.sequence && number >= 0 && number < mark.batches
    if (!isOurs) await repairs.remove('batch index', key)
  }
}
