import type { Crypto } from '../../core/crypto.js'
import type { BatchEntry } from '../../core/ledger-values.js'
import type { Maintenance } from '../../store/maintenance.js'
import type { Findings, OnProgress } from '../report.js'
import type { Repairs } from './repairs.js'

/** What every part of a rebuild is given. */
export interface Rebuild {
  readonly db: Maintenance
  readonly crypto: Crypto
  readonly origin: string
  readonly findings: Findings
  readonly repairs: Repairs
  readonly onProgress: OnProgress
  /** What the ledger has of a batch; undefined also when there is no ledger to ask. */
  onLedger (number: number): Promise<BatchEntry | undefined>
  /** Batches on the ledger; 0 when there is none to ask. */
  ledgerSize (): Promise<number>
}
