import { toHex } from '../../core/bytes.js'
import { leafHash, treeLevels } from '../../core/merkle.js'
import { TILE } from '../../notary/batch-tree.js'
import { upperNodes } from '../../notary/tree-nodes.js'
import { numberIn, numberKey, numberValue, readNumber } from '../../store/keys.js'
import type { SealedMark } from '../../store/mark.js'
import { readMarks } from '../fsck/marks.js'
import { endOf } from '../stored.js'
import type { Rebuild } from './context.js'
import { type Chosen, chooseHeader } from './headers.js'
import { createLogTiles } from './log-tiles.js'
import type { LeafStream } from './records.js'
import { headersBeyond, removeStrayHeaders } from './strays.js'

/**
 * Writes headers, tiles, tile roots, the batch index and the log's tiles again. A header is used only if it follows the batch before it and its
 * root is that of the records (or, where a record is lost, of the stored tiles), and if it is the one that was sealed, as far as anybody can tell.
 */
export async function rebuildBatches (rebuild: Rebuild, stream: LeafStream): Promise<{ mark: SealedMark, isComplete: boolean }> {
  const { db, crypto, findings, onProgress } = rebuild
  const log = createLogTiles(rebuild)
  const { sealed, anchored } = await readMarks(db)
  const total = await endOf(db, 'h')
  let mark: SealedMark = { batches: 0, sequence: 0 }
  let chosen = await chooseHeader(rebuild, { stream, log, mark, sealed })
  while (typeof chosen === 'object') {
    await writeBatch(rebuild, stream, mark, chosen)
    await log.append(leafHash(crypto, chosen.bytes))
    stream.take(chosen.leaves.length)
    mark = { batches: mark.batches + 1, sequence: mark.sequence + chosen.leaves.length, sealedAt: chosen.header.sealedAt }
    findings.count('batches')
    onProgress('batches', mark.batches, total)
    chosen = await chooseHeader(rebuild, { stream, log, mark, sealed })
  }
  const beyond = await headersBeyond(rebuild, mark.batches)
  const known = Math.max(beyond.batches, sealed?.batches ?? 0, anchored?.batches ?? 0, await rebuild.ledgerSize())
  const isComplete = chosen === undefined && mark.batches >= known
  if (isComplete) {
    await log.finish()
    await rebuild.repairs.finish() // or what waits to be written right would be removed as what it was
    await removeStrays(rebuild, mark)
    await removeStrayHeaders(rebuild, beyond)
  } else nameBatch(rebuild, mark.batches, chosen)
  return { mark, isComplete }
}

/** The batch at which the rest of the log ends. */
function nameBatch ({ findings }: Rebuild, number: number, refusal: string | undefined): void {
  const says = refusal ?? 'no header of it that fits the records is in the database or on the ledger'
  findings.differs({ layer: 'batch', object: `batch ${number}`, code: refusal === undefined ? 'BATCH_MISSING' : 'BATCH_DIFFERS', says }, number)
}

async function writeBatch (rebuild: Rebuild, stream: LeafStream, mark: SealedMark, { bytes, leaves }: Chosen): Promise<void> {
  const { repairs, findings } = rebuild
  const { batches: number, sequence } = mark
  const own = await stream.peek(leaves.length)
  own.forEach((hash, i) => {
    if (hash === undefined || toHex(hash) === toHex(leaves[i] as Uint8Array)) return
    const says = `batch ${number} was sealed over other bytes: restore it from a backup`
    findings.differs({ layer: 'record', object: `record ${sequence + i}`, code: 'RECORD_DIFFERS', says }, sequence + i)
  })
  for (let i = own.length; i < leaves.length; i++) {
    const says = `batch ${number} was sealed over it, and nothing else holds it: restore it from a backup`
    findings.differs({ layer: 'record', object: `record ${sequence + i}`, code: 'RECORD_MISSING', says }, sequence + i)
  }
  await repairs.ensure('batch headers', numberKey('h', number), Buffer.from(bytes))
  await repairs.ensure('batch index', numberKey('f', sequence), numberValue(number))
  await writeTiles(rebuild, number, leaves)
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

/** Entries of the batch index that lead to no batch that begins there. */
async function removeStrays ({ db, repairs }: Rebuild, mark: SealedMark): Promise<void> {
  for await (const [key, value] of db.entries('f')) {
    const number = numberIn(value) ?? -1
    const isOurs = key.length === 9 && readNumber(key, 1) < mark.sequence && number >= 0 && number < mark.batches
    if (!isOurs) await repairs.remove('batch index', key)
  }
}
