import { hash } from 'node:crypto'
import { fromBase64url } from '../core/bytes.js'
import type { BlockData, FabricReadback, Identities } from '../core/proof.js'
import { jcs } from '../core/jcs.js'
import { readSummed, summed } from './checksums.js'
import { type Database, put, type Put, read, readAll, stored, write } from './database.js'
import { StoreError } from './errors.js'
import { numberKey, textKey } from './keys.js'
import { type Mark, markIn } from './mark.js'

/**
 * What the ledger said. The anchorer owns the in-flight transaction and the `anchored` watermark; the finalizer owns locations, read-backs,
 * identities and the `final` watermark. Order for a batch: in-flight id (synced) -> sent -> `anchored` (synced, clears the id) ->
 * block and read-back (synced) -> proof verified -> `final` (synced). Each step is repeated after a crash, and repeating changes nothing.
 */
export interface Anchors {
  marks (): Promise<AnchorMarks>
  inFlight (): Promise<InFlight | undefined>
  noteInFlight (value: InFlight): Promise<void>
  anchored (mark: Mark): Promise<void>
  store (batches: readonly AnchoredBatch[]): Promise<void>
  final (mark: Mark): Promise<void>
  location (number: number): Promise<Location | undefined>
  /** What the ledger attested of a batch, once it is stored. */
  attested (number: number): Promise<AttestedBatch | undefined>
  block (number: string): Promise<StoredBlock | undefined>
  /** Keeps blocks that are not an anchor's: configuration and definitions, for the trust bundle. */
  keepBlock (block: StoredBlock): Promise<void>
}

export interface AnchorMarks { readonly anchored: Mark | 'unreadable', readonly final: Mark | 'unreadable' }
/** A transaction that may have been sent: which batches it carries. */
export interface InFlight { readonly txId: string, readonly from: number, readonly count: number }
/** Where the ledger holds a batch. */
export interface Location { readonly block: string, readonly transaction: number }

/** Attestations of a batch as JCS texts, exactly as they were stored: a proof quotes them, and takes none of them apart. */
export interface AttestedBatch {
  readonly location: Location
  readonly block: string
  readonly readback: string
  /** By the SHA-256 of each serialized identity, ascending. */
  readonly identities: readonly (readonly [string, string])[]
}

/** A block as proofs carry it; block 0 has no signatures. */
export type StoredBlock = Omit<BlockData, 'signatures'> & { readonly signatures: string }

export interface AnchoredBatch {
  readonly number: number
  readonly location: Location
  readonly readback: FabricReadback
  readonly identities: Identities
  readonly block: StoredBlock
}

const ANCHORED = textKey('w', 'anchored')
const FINAL = textKey('w', 'final')
const IN_FLIGHT = textKey('x', 'in-flight')

export function createAnchors (db: Database): Anchors {
  const getSummed = async <T>(key: Buffer, what: string): Promise<T | undefined> => {
    const found = await readSummed(db, key, what)
    return found === undefined ? undefined : stored<T>(found, what)
  }
  const locationOf = (number: number): Promise<Location | undefined> => getSummed<Location>(numberKey('a', number), `where the ledger has batch ${number}`)
  return {
    async marks () {
      const [anchored, final] = await readAll(db, [ANCHORED, FINAL])
      return { anchored: markIn(anchored), final: markIn(final) }
    },
    async inFlight () {
      const found = await read(db, IN_FLIGHT)
      return found === undefined ? undefined : inFlightIn(found)
    },
    noteInFlight: (value) => write(db, [put(IN_FLIGHT, JSON.stringify(value))]),
    anchored: (mark) => write(db, [
      put(ANCHORED, JSON.stringify(mark)), put(IN_FLIGHT, JSON.stringify({ txId: '', from: 0, count: 0 } satisfies InFlight))
    ]),
    store: (batches) => write(db, anchorPuts(batches)),
    final: (mark) => write(db, [put(FINAL, JSON.stringify(mark))]),
    location: locationOf,
    async attested (number) {
      const [location, readback] = await Promise.all([locationOf(number), readSummed(db, numberKey('c', number), `the read-back of batch ${number}`)])
      if (location === undefined || readback === undefined) return undefined
      const { endorsements } = stored<Partial<FabricReadback>>(readback, 'a read-back')
      if (endorsements === undefined) throw new StoreError({ code: 'DAMAGED', message: `the read-back of batch ${number} is none` })
      const [block, ...identities] = await Promise.all([
        readSummed(db, numberKey('b', Number(location.block)), `block ${location.block}`),
        ...endorsements.map(async ({ identity }) => [identity, await identityOf(identity)] as const)
      ])
      if (block === undefined) throw missing(`block ${location.block}`)
      stored(block, 'a block')
      return { location, block: block.toString(), readback: readback.toString(), identities }
    },
    block: (number) => getSummed(numberKey('b', Number(number)), `block ${number}`),
    keepBlock: (block) => write(db, blockPuts(block))
  }

  /** An identity is kept under its own hash. */
  async function identityOf (sha256: string): Promise<string> {
    const found = await read(db, textKey('i', sha256))
    if (found === undefined) throw missing(`identity ${sha256}`)
    const identity = found.toString()
    if (hash('sha256', fromBase64url(identity), 'hex') === sha256) return identity
    throw new StoreError({ code: 'DAMAGED', message: `identity ${sha256} is not what was written` })
  }
}

/** One that cannot be read is as good as none: the ledger recognizes headers that it has. */
function inFlightIn (value: Buffer): InFlight | undefined {
  try {
    const found = JSON.parse(value.toString()) as Partial<InFlight>
    return typeof found.txId === 'string' && typeof found.from === 'number' && typeof found.count === 'number' && found.count > 0 ? found as InFlight : undefined
  } catch {
    return undefined
  }
}

function missing (what: string): StoreError {
  return new StoreError({ code: 'DAMAGED', message: `${what} is missing in the database` })
}

function blockPuts (block: StoredBlock): Put[] {
  return summed(numberKey('b', Number(block.number)), jcs(block))
}

function anchorPuts (batches: readonly AnchoredBatch[]): Put[] {
  const blocks = new Map(batches.map(({ block }) => [block.number, block]))
  const identities = new Map(batches.flatMap((batch) => Object.entries(batch.identities)))
  return [
    ...batches.flatMap(({ number, location, readback }) => [
      ...summed(numberKey('a', number), JSON.stringify(location)), ...summed(numberKey('c', number), jcs(readback))
    ]),
    ...[...blocks.values()].flatMap(blockPuts),
    ...[...identities].map(([hash, identity]) => put(textKey('i', hash), identity))
  ]
}
