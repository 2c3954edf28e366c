import { toHex } from '../core/bytes.js'
import { LedgerError } from '../ledger/errors.js'
import type { Ledger } from '../ledger/ledger.js'
import type { Doubt } from '../store/doubt.js'
import { isDamage } from '../store/errors.js'
import type { HighWater } from '../store/high-water.js'
import type { Meta } from '../store/meta.js'
import type { Context } from './context.js'
import { NotaryError, type NotaryErrorCode } from './errors.js'
import type { LogTree } from './log-tree.js'
import type { Progress } from './progress.js'

/** What ends the log here: the ledger's log is not the one of this folder, or goes further. */
export type LogAlarm = Extract<NotaryErrorCode, 'LEDGER_FORK' | 'LEDGER_AHEAD'>

/**
 * Whether the log goes on in this data folder. A ledger that is away keeps nobody from depositing, as long as nothing speaks against the folder. One
 * that was restored, repaired or copied, or lost its mark, may be older than its ledger: until that was asked nothing is sealed, which could be
 * a fork, and no number is given, which another deposit may have. It is asked at every connection.
 */
export interface Continuity {
  /** Why no deposit may be taken now. */
  readonly refusal: NotaryError | undefined
  /** Nothing may be sealed yet. */
  readonly isHeld: boolean
  /** An alarm has ended the log here: nothing of it goes on. */
  readonly isEnded: boolean
  /** Something that was promised cannot be kept with what is stored: nothing more is taken before a restart. */
  noteDamage (message: string): void
  /** Ends the log here. */
  raise (alarm: LogAlarm, facts?: object): void
  /** Holds the log against the ledger's, before anything is sent there; rejects when that cannot be done. */
  compare (ledger: Ledger): Promise<void>
}

export interface ContinuityOptions {
  readonly context: Context
  readonly meta: Meta
  readonly logTree: LogTree
  readonly progress: Progress
  /** How many deposits were acknowledged from this folder before, and where that begins anew if it is lost. */
  readonly highWater: Pick<HighWater, 'atStart' | 'begin'>
  /** What in the database keeps the log from going on as it was promised, in words. */
  readonly damage: string | undefined
  /** The ledger is not where it was: what is acknowledged now may never get there. */
  readonly isLedgerMissing: boolean
  readonly onAlarm: (alarm: LogAlarm) => void
  /** Nothing may be sealed from now on. */
  readonly onHeld: () => void
  /** The ledger agrees. */
  readonly onAgreed: () => void
}

export async function createContinuity (options: ContinuityOptions): Promise<Continuity> {
  const { context, meta, logTree, progress, highWater, onAlarm, onHeld, onAgreed } = options
  const acknowledged = highWater.atStart ?? 0
  let doubt: Doubt | undefined = await meta.doubt()
  let { isLedgerMissing, damage } = options
  const isTruncated = acknowledged > progress.received
  const isUnfit = (): boolean => isTruncated || damage !== undefined
  let isHeld = doubt !== undefined || isLedgerMissing || isUnfit()
  let alarm: LogAlarm | undefined
  if (damage !== undefined) context.log.error({ damage, folder: meta.folder }, DAMAGED)
  if (isTruncated) {
    const facts = { acknowledged, here: progress.received, folder: meta.folder }
    context.log.error(facts, 'no deposit is taken: the database ends before deposits that were acknowledged from this folder')
  }
  if (doubt === undefined) await meta.settle()
  else context.log.warn({ doubt, folder: meta.folder }, 'no deposit is taken: this data folder may be older than its ledger')

  const raise = (code: LogAlarm, facts: object = {}): void => {
    alarm = code
    context.log.error({ alarm, folder: meta.folder, ...facts }, MESSAGES[code])
    onAlarm(code)
  }
  const noteDamage = (message: string): void => {
    damage = message
    isHeld = true
    context.log.error({ damage, folder: meta.folder }, DAMAGED)
    onHeld()
  }
  /** The head that the ledger's is compared with. One that cannot be made of what is stored closes the intake as any other damage: undefined. */
  const ownHead = async (size: number): Promise<string | undefined> => {
    try {
      return toHex(await logTree.head(size))
    } catch (error) {
      if (!isDamage(error)) throw error
      noteDamage(error.message)
      return undefined
    }
  }
  return {
    noteDamage,
    raise,
    get refusal () {
      if (alarm !== undefined) return new NotaryError({ code: alarm, message: MESSAGES[alarm], retryAfter: 60 })
      if (damage !== undefined) return new NotaryError({ code: 'LOG_DAMAGED', message: `${damage}: nothing is sealed on that, and no deposit taken`, retryAfter: 60 })
      if (isTruncated) return new NotaryError({ code: 'LOG_TRUNCATED', message: TRUNCATED, retryAfter: 60 })
      if (isLedgerMissing) return new NotaryError({ code: 'LEDGER_MISSING', message: MISSING, retryAfter: 60 })
      return doubt === undefined ? undefined : new NotaryError({ code: 'LOG_UNCONFIRMED', message: UNCONFIRMED[doubt], retryAfter: 60 })
    },
    get isHeld () { return isHeld },
    get isEnded () { return alarm !== undefined },
    async compare (ledger) {
      if (alarm !== undefined) return // nothing but a restart on another folder helps
      const { head } = (await ledger.attestStatus()).statement
      const size = Number(head.size)
      const { sealed, anchored } = progress
      if (damage !== undefined) return // and what the ledger has beyond the watermark says nothing
      const facts = { ledger: size, here: sealed.batches }
      if (size > sealed.batches) {
        raise('LEDGER_AHEAD', facts)
        return
      }
      const own = await ownHead(size)
      if (own === undefined) return
      if (own !== head.root) {
        raise('LEDGER_FORK', facts)
        return
      }
      if (size < anchored.batches) {
        const message = `the ledger has ${size} batches of this log, and ${anchored.batches} were anchored: it was set back, or is catching up`
        throw new LedgerError({ code: 'GAP', message })
      }
      // The newer files, when they are put back, may have sealed what is left here in other batches; so may the folder that this is a copy of.
      isHeld = isUnfit() || doubt === 'copied'
      isLedgerMissing = false
      if (doubt === 'unmarked') doubt = undefined
      highWater.begin(progress.received)
      if (doubt === undefined) await meta.settle()
      onAgreed()
    }
  }
}

/** What each alarm means, to whoever asks for a deposit and to the operator. */
export const MESSAGES: Readonly<Record<LogAlarm, string>> = {
  LEDGER_AHEAD: 'the ledger holds batches that this data folder does not: the folder is older than its ledger, and takes no deposits',
  LEDGER_FORK: 'the ledger holds another batch under a number of this log: nothing more is promised'
}

const DAMAGED = 'no deposit is taken, and nothing sealed: the log in this folder is not what it was'
const TRUNCATED = 'the database ends before deposits that were acknowledged from it: it takes no more, whose numbers would be theirs'
const MISSING = 'the ledger of this log is not where it was: no deposit is taken before it is there again'

const UNCONFIRMED: Readonly<Record<Doubt, string>> = {
  restored: 'this data folder was restored or repaired: it takes no deposits until the operator has confirmed that nothing is missing (steelyard reconcile --go-on)',
  copied: 'this data folder lies elsewhere than before: it takes no deposits until the operator has said that it is no old copy (steelyard reconcile --go-on)',
  unmarked: 'the mark of what was acknowledged from this data folder is gone: it takes no deposits until its ledger, which is asked first, has agreed'
}
