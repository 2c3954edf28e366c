import { type BatchHeader, batchHeaderBytes, batchLeaf } from '../core/batch.js'
import { toHex } from '../core/bytes.js'
import { HASH_SIZE } from '../core/merkle.js'
import type { Batches, BatchWrite } from '../store/batches.js'
import { isDamage } from '../store/errors.js'
import { buildBatchTree } from './batch-tree.js'
import type { Leaves } from './commit-group.js'
import type { Unsealed } from './unsealed.js'
import { type Context, timeText } from './context.js'
import { headerIn } from './held-log-tree.js'
import type { LogTree } from './log-tree.js'
import type { Progress } from './progress.js'
import { createStage, type Stage } from './stage.js'

/**
 * Sealing: deposits in order of their sequence into batches, by age or by size. The sealer owns the leaf hashes of unsealed deposits, in memory;
 * after a restart they are read as the receipts promise them (promised-leaves.ts). A batch is one synced write: header, tiles, log tiles, and the
 * watermark that puts it into the outbox. A crash before that write leaves the deposits unsealed, and they are sealed anew.
 */
export interface Sealer extends Stage {
  /** Takes leaves that are durable. */
  add (leaves: Leaves): void
  /** Resolves when deposits may go on after so many that are not sealed; undefined when they may now. */
  room (): Promise<void> | undefined
  /** Lets those go who wait for room: nothing is sealed any more. */
  release (): void
  /** The service closes: what was accepted is made durable, whether it can be sealed or not. */
  holdNobody (): void
}

/** Batches' worth of deposits that may wait to be sealed: what is in memory has a bound, and who deposits faster waits. */
const MOST_WAITING = 4

export interface SealerOptions {
  readonly context: Context
  readonly batches: Batches
  readonly logTree: LogTree
  readonly progress: Progress
  readonly ageMs: number
  readonly size: number
  /** What is durable and in no batch; the sealer's from here on. */
  readonly pending: Unsealed
  /** Whether nothing may be sealed yet; whoever ends that wakes the stage. */
  readonly isHeld: () => boolean
  /** What is stored leads to no next batch. */
  readonly onDamage: (message: string) => void
  readonly onSealed: () => void
}

/** A batch that is ready to be written. */
interface Built { readonly write: BatchWrite, readonly sealedMs: number, readonly count: number }

export async function createSealer (options: SealerOptions): Promise<Sealer> {
  const { context, batches, logTree, progress, pending, ageMs, size, isHeld, onDamage, onSealed } = options
  const { crypto, clock, checkpoint } = context
  let lastSealed = await lastSealedAt(options)

  const held: (() => void)[] = []
  const release = (): void => {
    for (const go of held.splice(0)) go()
  }

  const due = (): number => {
    const age = clock() - (pending.first ?? 0)
    return pending.count >= size || age < 0 ? 0 : Math.max(0, ageMs - age) // a clock that was set back makes nobody wait
  }

  /** One whose write failed and may be there all the same: the same one is written again. */
  let unfinished: Built | undefined

  const build = async (): Promise<Built> => {
    const { batches: number, sequence: first } = progress.sealed
    const { hashes, latest } = pending.peek(size)
    const count = hashes.length / HASH_SIZE
    const tree = await buildBatchTree(crypto, hashes)
    // Never earlier than a deposit in it or the batch before it, whatever the clock says now.
    const sealedMs = Math.max(latest, clock(), lastSealed)
    const header: BatchHeader = {
      type: 'steelyard/batch/v1',
      hash: 'sha256',
      log: context.origin,
      number: String(number),
      first: String(first),
      size: String(count),
      root: toHex(tree.root),
      sealedAt: timeText(sealedMs),
      previousHead: toHex(await logTree.head(number))
    }
    const logTiles = await logTree.append(number, batchLeaf(crypto, header))
    const mark = { batches: number + 1, sequence: first + count, sealedAt: header.sealedAt }
    const { tiles, nodes, tileRoots } = tree
    return { sealedMs, count, write: { number, first, header: batchHeaderBytes(header), tiles, nodes, tileRoots, logTiles, mark } }
  }

  const seal = async (): Promise<void> => {
    unfinished ??= await build()
    const { write, sealedMs, count } = unfinished
    checkpoint('seal.built')
    await batches.seal(write)
    checkpoint('seal.written')
    unfinished = undefined
    const { mark } = write
    lastSealed = sealedMs
    pending.drop(count)
    if (pending.count < MOST_WAITING * size) release()
    progress.move({ sealed: { batches: mark.batches, sequence: mark.sequence } })
    onSealed()
  }

  const stage = createStage({
    name: 'sealing',
    clock,
    log: context.log,
    depth: () => pending.count,
    async step () {
      if (pending.count === 0 || isHeld()) return false
      const wait = due()
      if (wait > 0) return wait
      checkpoint('seal.started')
      try {
        await seal()
      } catch (error) {
        if (isDamage(error)) onDamage(error.message)
        throw error
      }
      return true
    }
  })
  let timer: NodeJS.Timeout | undefined
  let isClosing = false
  return {
    ...stage,
    release,
    halt (alarm) {
      stage.halt(alarm)
      release() // nothing will be sealed any more; intake has its own reason to refuse
    },
    room () {
      // Where nothing is sealed, intake has its own reason to refuse.
      if (pending.count < MOST_WAITING * size || isHeld() || isClosing || stage.status().alarm !== undefined) return undefined
      return new Promise((resolve) => { held.push(resolve) })
    },
    holdNobody () {
      isClosing = true
      release()
    },
    add (leaves) {
      pending.add(leaves)
      // One timer a batch: a wake-up for each group would cost more than the sealing.
      if (pending.count >= size) stage.wake()
      else {
        timer ??= setTimeout(() => {
          timer = undefined
          stage.wake()
        }, due())
      }
    },
    async close () {
      clearTimeout(timer)
      await stage.close()
    }
  }
}

async function lastSealedAt ({ batches, progress: { sealed } }: SealerOptions): Promise<number> {
  const last = sealed.batches === 0 ? undefined : headerIn(await batches.header(sealed.batches - 1))
  return last === undefined ? 0 : Date.parse(last.sealedAt) // nothing is sealed behind one that cannot be read
}
