import { batchHeaderBytes, parseBatchHeader } from '../core/batch.js'
import { equalBytes } from '../core/bytes.js'
import { MAX_HEADERS } from '../core/log.js'
import type { BatchEntry } from '../core/ledger-values.js'
import { LedgerError, retryAction } from '../ledger/errors.js'
import type { Ledger } from '../ledger/ledger.js'
import type { Anchors } from '../store/anchors.js'
import type { Batches } from '../store/batches.js'
import { StoreError } from '../store/errors.js'
import type { Mark } from '../store/mark.js'
import type { Context } from './context.js'
import { requireInLog } from './held-log-tree.js'
import type { Progress } from './progress.js'
import { createStage, type Stage } from './stage.js'

/** How often, and after what pause, a transaction of unknown outcome is asked for before the same headers are sent again. */
const ASKS = 10
const ASK_PAUSE_MS = 300
/** Refusals that mean that the ledger's log is not ours. */
const FORKED: readonly (string | undefined)[] = ['HEAD', 'ROOT_KNOWN', 'FORK']

/**
 * Anchoring: the outbox, which is what lies between the `anchored` and the `sealed` watermark, goes to the ledger in order, up to 64 headers
 * a transaction, one transaction in flight. Its id is on disk before it is sent. A crash or an answer that is not definite leaves
 * the outcome unknown: the ledger is asked for that id, and only when it has decided, or has not heard of it for a while, the same
 * headers go out again. The ledger recognizes headers that it has, byte for byte, so a batch is never on it twice.
 */
export interface AnchorerOptions {
  readonly context: Context
  readonly anchors: Anchors
  readonly batches: Batches
  readonly progress: Progress
  /** The ledger, while it is connected; whoever connects it wakes the stage. */
  readonly ledger: () => Ledger | undefined
  readonly onAnchored: () => void | Promise<void>
  /** The ledger holds another log than ours under our origin. */
  readonly onFork: () => void
}

export function createAnchorer (options: AnchorerOptions): Stage {
  const { context, anchors, progress, ledger, onAnchored, onFork } = options
  let asked = 0

  const isUndecided = async (chosen: Ledger): Promise<boolean> => {
    const sent = await anchors.inFlight()
    if (sent === undefined || sent.from !== progress.anchored.batches || asked >= ASKS) return false
    asked++
    return await chosen.transaction(sent.txId) === undefined
  }

  const send = async (chosen: Ledger): Promise<void> => {
    const from = progress.anchored.batches
    const headers = await readHeaders(options, from, Math.min(MAX_HEADERS, progress.sealed.batches - from))
    context.checkpoint('anchor.chosen')
    const { entries } = await chosen.anchor(headers, async (txId) => {
      await anchors.noteInFlight({ txId, from, count: headers.length })
      asked = 0
      context.checkpoint('anchor.noted')
    })
    context.checkpoint('anchor.sent')
    requireOwn(headers, entries)
    const mark = markAfter(headers, from)
    await anchors.anchored(mark)
    context.checkpoint('anchor.written')
    asked = 0
    progress.move({ anchored: mark })
    await onAnchored()
  }

  const stage = createStage({
    name: 'anchoring',
    clock: context.clock,
    log: context.log,
    depth: () => progress.sealed.batches - progress.anchored.batches,
    async step () {
      const chosen = ledger()
      if (chosen === undefined || progress.anchored.batches >= progress.sealed.batches) return false
      if (await isUndecided(chosen)) return ASK_PAUSE_MS
      try {
        await send(chosen)
      } catch (error) {
        if (isFork(error)) {
          onFork()
        } else if (retryAction(error) === 'new-transaction') {
          asked = ASKS // its outcome is known: it did not happen
        }
        throw error
      }
      return true
    }
  })
  return stage
}

function isFork (error: unknown): boolean {
  return error instanceof LedgerError && (error.code === 'FORK' || (error.code === 'REFUSED' && FORKED.includes(error.reason)))
}

/** Headers as they were sealed: one that changed on the disk would be on the ledger for good, and its deposits in no batch that can be proved. */
async function readHeaders ({ context, batches }: AnchorerOptions, from: number, count: number): Promise<Buffer[]> {
  return await Promise.all(Array.from({ length: count }, async (_, i) => {
    const header = await batches.header(from + i)
    if (header === undefined) throw new StoreError({ code: 'DAMAGED', message: `batch ${from + i} is sealed, but has no header` })
    await requireInLog(context.crypto, batches, from + i, header)
    return header
  }))
}

/** The ledger's answer must be about exactly what was sent. */
function requireOwn (headers: readonly Uint8Array[], entries: readonly BatchEntry[]): void {
  const isOwn = entries.length === headers.length &&
    entries.every(({ header }, i) => equalBytes(batchHeaderBytes(header), headers[i] as Uint8Array))
  if (!isOwn) throw new LedgerError({ code: 'FORK', message: 'the ledger read back another batch than was anchored' })
}

function markAfter (headers: readonly Uint8Array[], from: number): Mark {
  const last = parseBatchHeader(headers.at(-1) as Uint8Array)
  return { batches: from + headers.length, sequence: Number(last.first) + Number(last.size) }
}
