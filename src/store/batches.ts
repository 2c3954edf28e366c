import { type Database, lastAtOrBefore, put, read, readAll, write } from './database.js'
import { StoreError } from './errors.js'
import { numberIn, numberKey, numberValue, readNumber, textKey } from './keys.js'
import { markIn, type SealedMark } from './mark.js'

/**
 * Sealed batches: header, leaf tiles, inner nodes, tile roots, and the tiles of the log's own tree. The sealer owns every key here and is their only
 * writer. A batch is one synced batch with the watermark that puts it into the outbox: what is sealed and not anchored.
 */
export interface Batches {
  /** Never over another batch. One that failed may be there all the same, and is repeated as it was. */
  seal (batch: BatchWrite): Promise<void>
  sealed (): Promise<SealedMark | 'unreadable'>
  header (number: number): Promise<Buffer | undefined>
  /** The batch that holds a sequence number, and its first one; sealed ones only. */
  holding (sequence: number): Promise<BatchPlace | undefined>
  /** Leaf hashes of one tile, concatenated. */
  tile (number: number, tile: number): Promise<Buffer | undefined>
  /** The same, and the inner nodes that are kept of its tree: none of what earlier versions sealed. */
  tileNodes (number: number, tile: number): Promise<{ readonly tile: Buffer | undefined, readonly nodes: Buffer | undefined }>
  tileRoots (number: number): Promise<Buffer | undefined>
  /** Hashes of one tile of the log, concatenated; a partial tile grows. */
  logTile (level: number, index: number): Promise<Buffer | undefined>
}

/** A batch, and the sequence number of its first deposit. */
export interface BatchPlace { readonly number: number, readonly first: number }

export interface LogTileWrite { readonly level: number, readonly index: number, readonly hashes: Buffer }

export interface BatchWrite {
  readonly number: number
  readonly first: number
  readonly header: Uint8Array
  readonly tiles: readonly Buffer[]
  /** Inner nodes of each tile; empty where there are none to keep. */
  readonly nodes: readonly Buffer[]
  readonly tileRoots: Buffer
  readonly logTiles: readonly LogTileWrite[]
  readonly mark: SealedMark
}

const MARK = textKey('w', 'sealed')

export function createBatches (db: Database): Batches {
  return {
    async seal (batch) {
      const there = await read(db, numberKey('h', batch.number))
      if (there !== undefined && !there.equals(batch.header)) {
        throw new StoreError({ code: 'DAMAGED', message: `batch ${batch.number} is sealed already: \`steelyard fsck\` names what is damaged` })
      }
      await write(db, [
        put(numberKey('h', batch.number), Buffer.from(batch.header)),
        put(numberKey('f', batch.first), numberValue(batch.number)),
        ...batch.tiles.map((tile, i) => put(numberKey('t', batch.number, i), tile)),
        ...batch.nodes.flatMap((nodes, i) => nodes.length === 0 ? [] : [put(numberKey('v', batch.number, i), nodes)]),
        put(numberKey('u', batch.number), batch.tileRoots),
        ...batch.logTiles.map(({ level, index, hashes }) => put(numberKey('l', level, index), hashes)),
        put(MARK, JSON.stringify(batch.mark))
      ])
    },

    sealed: async () => markIn(await read(db, MARK)),

    header: (number) => read(db, numberKey('h', number)),

    async holding (sequence) {
      const found = await lastAtOrBefore(db, numberKey('f', sequence))
      if (found === undefined) return undefined
      const number = numberIn(found[1])
      if (number !== undefined) return { number, first: readNumber(found[0], 1) }
      throw new StoreError({ code: 'DAMAGED', message: 'the index of batches leads to what is no batch: `steelyard fsck` names what is damaged' })
    },

    tile: (number, tile) => read(db, numberKey('t', number, tile)),
    async tileNodes (number, index) {
      const [tile, nodes] = await readAll(db, [numberKey('t', number, index), numberKey('v', number, index)])
      return { tile, nodes }
    },
    tileRoots: (number) => read(db, numberKey('u', number)),
    logTile: (level, index) => read(db, numberKey('l', level, index))
  }
}
