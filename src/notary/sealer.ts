import { type BatchHeader, batchHeaderBytes, batchLeaf } from '../core/batch.js'
import { toHex } from '../core/bytes.js'
import { leafHash } from '../core/merkle.js'
import { parseRecord } from '../core/record.js'
import type { Batches } from '../store/batches.js'
import type { Deposits } from '../store/deposits.js'
import { StoreError } from '../store/errors.js'
import { buildBatchTree } from './batch-tree.js'
import type { CommittedLeaf } from './commit-group.js'
import { type Context, timeText } from './context.js'
import type { LogTree } from './log-tree.js'
import type { Progress } from './progress.js'
import { createStage, type Stage } from './stage.js'

/**
 * Sealing: deposits in order of their sequence into batches, by age or by size. The sealer owns the leaf hashes of unsealed deposits, in memory;
 * after a restart they are computed from the records. A batch is one synced write: header, tiles, log tiles, and the watermark that puts it
 * into the outbox. A crash before that write leaves the deposits unsealed, and they are sealed anew.
 */
export interface Sealer extends Stage {
  /** Takes leaves that are durable. */
  add (leaves: readonly CommittedLeaf[]): void
  /** Resolves when deposits may go on after so many that are not sealed; undefined when they may now. */
  room (): Promise<void> | undefined
}

/** Batches' worth of deposits that may wait to be sealed: what is in memory has a bound, and who deposits faster waits. */
const MOST_WAITING = 4

export interface SealerOptions {
  readonly context: Context
  readonly deposits: Deposits
  readonly batches: Batches
  readonly logTree: LogTree
  readonly progress: Progress
  readonly ageMs: number
  readonly size: number
  readonly onSealed: () => void
}

export async function createSealer (options: SealerOptions): Promise<Sealer> {
  const { context, batches, logTree, progress, ageMs, size, onSealed } = options
  const { crypto, clock, checkpoint } = context
  let pending: CommittedLeaf[] = await unsealed(options)
  let lastSealed = Date.parse((await batches.sealed()).sealedAt ?? timeText(0))

  const held: (() => void)[] = []
  const release = (): void => {
    for (const go of held.splice(0)) go()
  }

  const due = (): number => {
    const age = clock() - (pending[0]?.receivedAt ?? 0)
    return pending.length >= size || age < 0 ? 0 : Math.max(0, ageMs - age) // a clock that was set back makes nobody wait
  }

  const seal = async (leaves: readonly CommittedLeaf[]): Promise<void> => {
    const { batches: number, sequence: first } = progress.sealed
    const tree = await buildBatchTree(crypto, leaves.map(({ hash }) => hash))
    // Never earlier than a deposit in it or the batch before it, whatever the clock says now.
    const sealedMs = leaves.reduce((latest, { receivedAt }) => Math.max(latest, receivedAt), Math.max(clock(), lastSealed))
    const header: BatchHeader = {
      type: 'steelyard/batch/v1',
      hash: 'sha256',
      log: context.origin,
      number: String(number),
      first: String(first),
      size: String(leaves.length),
      root: toHex(tree.root),
      sealedAt: timeText(sealedMs),
      previousHead: toHex(await logTree.head(number))
    }
    const logTiles = await logTree.append(number, batchLeaf(crypto, header))
    const mark = { batches: number + 1, sequence: first + leaves.length, sealedAt: header.sealedAt }
    checkpoint('seal.built')
    await batches.seal({ number, first, header: batchHeaderBytes(header), tiles: tree.tiles, tileRoots: tree.tileRoots, logTiles, mark })
    checkpoint('seal.written')
    lastSealed = sealedMs
    pending = pending.slice(leaves.length)
    if (pending.length < MOST_WAITING * size) release()
    progress.move({ sealed: { batches: mark.batches, sequence: mark.sequence } })
    onSealed()
  }

  const stage = createStage({
    name: 'sealing',
    clock,
    log: context.log,
    depth: () => pending.length,
    async step () {
      if (pending.length === 0) return false
      const wait = due()
      if (wait > 0) return wait
      checkpoint('seal.started')
      await seal(pending.slice(0, size))
      return true
    }
  })
  let armed = false
  return {
    ...stage,
    halt (alarm) {
      stage.halt(alarm)
      release() // nothing will be sealed any more; intake has its own reason to refuse
    },
    room () {
      if (pending.length < MOST_WAITING * size || stage.status().alarm !== undefined) return undefined
      return new Promise((resolve) => { held.push(resolve) })
    },
    add (leaves) {
      for (const leaf of leaves) pending.push(leaf)
      // One timer a batch: a wake-up for each group would cost more than the sealing.
      if (pending.length >= size) stage.wake()
      else if (!armed) {
        armed = true
        setTimeout(() => {
          armed = false
          stage.wake()
        }, due())
      }
    }
  }
}

async function unsealed ({ context, deposits, progress }: SealerOptions): Promise<CommittedLeaf[]> {
  const { sealed, received } = progress
  if (sealed.sequence > received) throw new StoreError({ code: 'DAMAGED', message: 'records that were sealed are missing' })
  const leaves: CommittedLeaf[] = []
  let expected = sealed.sequence
  for await (const bytes of deposits.records(sealed.sequence, received)) {
    const record = parseRecord(bytes)
    if (record.sequence !== String(expected++)) throw new StoreError({ code: 'DAMAGED', message: `record ${expected - 1} is missing` })
    leaves.push({ hash: leafHash(context.crypto, bytes), receivedAt: Date.parse(record.receivedAt) })
  }
  return leaves
}
