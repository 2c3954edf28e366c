import type { Crypto } from '../core/crypto.js'
import type { Ledger } from '../ledger/ledger.js'
import type { HighWaterMark } from '../store/high-water.js'
import type { View } from '../store/maintenance.js'
import { checkAcknowledged } from './acknowledged.js'
import { compareBatches, ledgerHead, localHeads } from './compare.js'
import { readMarks } from './fsck/marks.js'
import { checkEnd } from './record-end.js'
import { createFindings, type OnProgress, type Report } from './report.js'
import { endOf } from './stored.js'

export interface ReconcileOptions {
  readonly view: View
  readonly crypto: Crypto
  readonly ledger: Ledger
  /** Of the deposits that were acknowledged from the folder; absent where that is no question. */
  readonly highWater?: HighWaterMark
  readonly onProgress: OnProgress
}

/**
 * The local log against the ledger's, in both directions: each batch that we call anchored is on the ledger byte for byte, and each batch of
 * the ledger is here. And the local log ends with its records, or a person would confirm another end.
 */
export async function reconcile ({ view, crypto, ledger, highWater, onProgress }: ReconcileOptions): Promise<Report> {
  const findings = createFindings()
  const batches = await endOf(view, 'h')
  const { anchored } = await readMarks(view)
  if (highWater !== undefined) await checkAcknowledged(view, findings, highWater)
  await checkEnd(view, findings)
  const says = await ledgerHead(ledger, findings)
  if (says !== undefined) {
    findings.count('batches on the ledger', says.size)
    await compareBatches({ view, crypto, ledger, findings, anchored: anchored?.batches ?? 0, onProgress }, says)
  }
  findings.count('batches here', batches)
  const root = (await localHeads(view, crypto, batches))(batches)
  return findings.report({ log: ledger.log, ...(root === undefined ? {} : { head: { size: String(batches), root } }) })
}
