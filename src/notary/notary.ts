import type { Ledger } from '../ledger/ledger.js'
import type { ApiKeys } from '../store/api-keys.js'
import type { Store } from '../store/store.js'
import { createAnchorer } from './anchorer.js'
import { createBacklog, type Backlog } from './backlog.js'
import { type Bundles, createBundles, type CurrentBundle, type TrustFacts } from './bundle.js'
import { type Committer, createCommitter } from './committer.js'
import type { Context } from './context.js'
import { createContinuity } from './continuity.js'
import { createFinalizer } from './finalizer.js'
import { createIntake, type Intake } from './intake.js'
import { createLedgerLink, type LedgerLink } from './ledger-link.js'
import { locate } from './locate.js'
import { holdToHeaders } from './held-log-tree.js'
import { createLogTree } from './log-tree.js'
import { soundMarks } from './marks.js'
import { soundCounters } from './organization-counters.js'
import { createProgress, type Progress } from './progress.js'
import { readPromised } from './promised-leaves.js'
import { createProver, type Prover } from './prover.js'
import { createReader, type Reader } from './reader.js'
import { createSealer } from './sealer.js'
import type { Stage } from './stage.js'
import { createStalls, type Stalls } from './stalls.js'
import type { SteadyClock } from './steady-clock.js'
import { createUnsealed } from './unsealed.js'
import { createUploads, type UploadLimits, type Uploads } from './uploads.js'
import { createVerifying, type Verifying } from './verifying.js'

export interface NotaryOptions {
  readonly context: Context
  readonly store: Store
  /** Behind the context's clock, where that does not follow each step. */
  readonly steadyClock?: SteadyClock | undefined
  readonly connect: () => Promise<Ledger>
  readonly facts: () => TrustFacts
  /** The ledger that the log is on is not where it was, as far as that can be seen without asking it. */
  readonly isLedgerMissing?: boolean
  readonly skewMs: number
  readonly sealAgeMs: number
  readonly sealSize: number
  readonly queueLimit: number
  readonly uploads: UploadLimits
  readonly onBundle: (bundle: CurrentBundle) => void
  /** Replaces how a batch is located and a proof checked, where a test's ledger signs nothing. */
  readonly trusting?: { readonly locate: typeof locate, readonly selfCheck: (sequence: number) => Promise<void> }
}

/** The use cases of the service, and its pipeline. */
export interface Notary {
  readonly context: Context
  readonly store: Store
  readonly keys: ApiKeys
  readonly intake: Intake
  readonly uploads: Uploads
  readonly committer: Committer
  readonly prover: Prover
  readonly reader: Reader
  readonly verifying: Verifying
  readonly bundles: Bundles
  readonly progress: Progress
  readonly backlog: Backlog
  readonly link: LedgerLink
  readonly steadyClock: SteadyClock | undefined
  /** In the order of a deposit's way. */
  readonly stages: readonly Stage[]
  readonly stalls: Stalls
  /** Accepts nothing more, seals and anchors what it can within the time, and stops. */
  close (drainMs: number): Promise<void>
}

/** Resumes everything where the store says it stopped. */
export async function createNotary (options: NotaryOptions): Promise<Notary> {
  const { context, store, steadyClock } = options
  const { deposits, batches, anchors } = store
  const [received, sealed, marks] = await Promise.all([deposits.nextSequence(), batches.sealed(), anchors.marks()])
  const { damage: wrongMark, ...start } = await soundMarks(batches, { sealed, ...marks }, context.log)
  const progress = createProgress({ received, ...start })
  const bundles = await createBundles({
    context,
    meta: store.meta,
    anchors,
    progress,
    ledger: () => link.ledger(),
    facts: options.facts,
    onChange: (bundle) => {
      options.onBundle(bundle)
      finalizer.wake()
    }
  })
  const { signer } = context
  const keyOf = (keyId: string): Uint8Array | undefined => keyId === signer.keyId ? signer.spki : bundles.receiptKey(keyId)
  const { pending, damage: wrongPromise } = wrongMark === undefined
    ? await readPromised(context, keyOf, deposits, start.sealed.sequence, received)
    : { pending: createUnsealed(), damage: wrongMark }
  const { counters, damage: wrongCounters } = await soundCounters(deposits, received, wrongPromise === undefined, context.log)
  const damage = wrongPromise ?? wrongCounters
  const logTree = holdToHeaders(context.crypto, createLogTree(context.crypto, (level, index) => batches.logTile(level, index)), batches)
  const backlog = await createBacklog(context, deposits, progress)
  const continuity = await createContinuity({
    context,
    meta: store.meta,
    logTree,
    progress,
    highWater: store.highWater,
    damage,
    isLedgerMissing: options.isLedgerMissing ?? false,
    onAlarm: (alarm) => {
      for (const stage of [sealer, anchorer]) stage.halt(alarm)
    },
    onHeld: () => { sealer.release() },
    onAgreed: () => { sealer.wake() }
  })

  const link = createLedgerLink({
    context,
    connect: options.connect,
    compare: (ledger) => continuity.compare(ledger),
    skewMs: options.skewMs,
    steadyClock,
    onUp: () => {
      for (const stage of [bundles, anchorer, finalizer]) stage.wake()
    }
  })
  const reader = createReader(context, store, logTree, progress)
  const prover = createProver({
    context,
    store,
    logTree,
    progress,
    closedSizes: () => bundles.closedSizes,
    keyOf
  })
  const verifying = createVerifying(context, prover, reader, bundles)
  const { locate: locateBatch, selfCheck } = options.trusting ?? { locate, selfCheck: (sequence: number) => verifying.selfCheck(sequence) }

  const finalizer = createFinalizer({ context, anchors, batches, progress, ledger: () => link.ledger(), locate: locateBatch, selfCheck })
  const anchorer = createAnchorer({
    context,
    anchors,
    batches,
    progress,
    ledger: () => link.ledger(),
    onAnchored: async () => {
      await backlog.anchored()
      finalizer.wake()
    },
    onFork: () => { continuity.raise('LEDGER_FORK') }
  })
  const sealer = await createSealer({
    context,
    batches,
    logTree,
    progress,
    pending,
    ageMs: options.sealAgeMs,
    size: options.sealSize,
    isHeld: () => continuity.isHeld,
    onDamage: (message) => { continuity.noteDamage(message) },
    onSealed: () => { anchorer.wake() }
  })
  if (damage === undefined) store.highWater.note(received) // the last records are there, and those that were promised
  const committer = createCommitter({
    context,
    deposits,
    next: received,
    organizations: counters,
    queueLimit: options.queueLimit,
    refusal: () => continuity.refusal,
    room: () => sealer.room(),
    onCommitted: (leaves, next) => {
      progress.move({ received: next })
      backlog.received(leaves.first)
      sealer.add(leaves)
    }
  })
  const intake = createIntake({
    context,
    content: store.content,
    room: store.room,
    files: store.files,
    committer,
    backlog,
    continuity,
    isAhead: () => (steadyClock?.aheadMs ?? 0) > options.skewMs
  })
  const uploads = await createUploads({ context, files: store.uploads, intake, reader, prover, limits: options.uploads })
  const stages = [sealer, anchorer, finalizer, bundles, link]
  for (const stage of stages) stage.wake() // nothing above may throw any more, with nobody to close them

  return {
    context,
    store,
    keys: store.keys,
    intake,
    uploads,
    committer,
    prover,
    reader,
    verifying,
    bundles,
    progress,
    backlog,
    link,
    steadyClock,
    stages,
    stalls: createStalls(stages, link),
    async close (drainMs) {
      intake.close()
      await uploads.close()
      sealer.holdNobody()
      await committer.close()
      sealer.wake()
      const last = (continuity.isHeld ? progress.sealed.sequence : progress.received) - 1 // what is not sealed would be waited for in vain
      if (link.isUp && last >= 0 && !continuity.isEnded) await progress.reach(last, 'final', drainMs)
      for (const stage of stages) await stage.close()
    }
  }
}
