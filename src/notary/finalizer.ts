import { parseBatchHeader } from '../core/batch.js'
import type { FabricReadback } from '../core/proof.js'
import { LedgerError } from '../ledger/errors.js'
import type { Ledger } from '../ledger/ledger.js'
import type { AnchoredBatch, Anchors, Location, StoredBlock } from '../store/anchors.js'
import type { Batches } from '../store/batches.js'
import { isDamage, StoreError } from '../store/errors.js'
import type { Context } from './context.js'
import type { Progress } from './progress.js'
import { createStage, type Stage } from './stage.js'

/** Batches finished together: enough that their queries overlap, few enough that a crash repeats little. */
const TOGETHER = 16
/** Deposits of a batch of which one has to be whole. */
const CHECKED = 16

/**
 * Finality: for each anchored batch the attested read-back and the block, stored in one synced write; then the proof of one of its deposits
 * is assembled from the store, and only when our own verifier accepts it the `final` watermark moves. Repeating any of it changes
 * nothing but the time in the read-back.
 */
export interface FinalizerOptions {
  readonly context: Context
  readonly anchors: Anchors
  readonly batches: Batches
  readonly progress: Progress
  readonly ledger: () => Ledger | undefined
  readonly locate: (readback: FabricReadback, chaincode: string) => Location
  /** Throws unless the proof of this deposit, as stored now, satisfies the verifier. */
  readonly selfCheck: (sequence: number) => Promise<void>
}

export function createFinalizer (options: FinalizerOptions): Stage {
  const { context, anchors, batches, progress, ledger, selfCheck } = options

  return createStage({
    name: 'finality',
    clock: context.clock,
    log: context.log,
    depth: () => progress.anchored.batches - progress.final.batches,
    async step () {
      const from = progress.final.batches
      const count = Math.min(TOGETHER, progress.anchored.batches - from)
      const chosen = ledger()
      if (count <= 0 || chosen === undefined) return false
      const numbers = Array.from({ length: count }, (_, i) => from + i)
      const blocks = new Map<string, Promise<StoredBlock>>()
      await anchors.store(await Promise.all(numbers.map((number) => attest(options, chosen, number, blocks))))
      context.checkpoint('final.stored')
      let sequence = progress.final.sequence
      for (const number of numbers) {
        const header = await batches.header(number)
        if (header === undefined) throw new StoreError({ code: 'DAMAGED', message: `batch ${number} has no header` })
        const size = Number(parseBatchHeader(header).size)
        await checkOne(selfCheck, sequence, size)
        sequence += size
      }
      context.checkpoint('final.verified')
      const mark = { batches: from + count, sequence }
      await anchors.final(mark)
      context.checkpoint('final.written')
      progress.move({ final: mark })
      return true
    }
  })
}

/** Of the first deposit whose own record is what it was: one that is not keeps no other from being final. */
async function checkOne (selfCheck: FinalizerOptions['selfCheck'], first: number, size: number): Promise<void> {
  for (let sequence = first; ; sequence++) {
    try {
      await selfCheck(sequence)
      return
    } catch (error) {
      if (!isDamage(error) || sequence + 1 >= first + Math.min(size, CHECKED)) throw error
    }
  }
}

async function attest (
  { context, locate }: FinalizerOptions, ledger: Ledger, number: number, blocks: Map<string, Promise<StoredBlock>>
): Promise<AnchoredBatch> {
  const { attestation, identities } = await ledger.attestBatch(String(number))
  context.checkpoint('final.attested')
  const location = locate(attestation, ledger.chaincode)
  const reading = blocks.get(location.block) ?? ledger.block(location.block).then(({ data }) => data)
  blocks.set(location.block, reading) // the batches of one transaction share a block
  const block = await reading
  if (location.transaction >= block.data.length) throw new LedgerError({ code: 'PROTOCOL', message: 'a block without the transaction' })
  context.checkpoint('final.located')
  return { number, location, readback: attestation, identities, block }
}
