import type { Crypto } from '../../core/crypto.js'
import type { ReceiptKey } from '../../core/ledger-values.js'
import type { View } from '../../store/maintenance.js'
import type { Findings, OnProgress } from '../report.js'

/** What every part of a check is given. */
export interface Check {
  readonly view: View
  readonly crypto: Crypto
  readonly findings: Findings
  /** The log's origin; undefined when nothing says which. */
  readonly origin: string | undefined
  /** Receipt keys that the ledger registered, by their id; undefined when there is no bundle to take them from. */
  readonly keys: ReadonlyMap<string, ReceiptKey> | undefined
  readonly onProgress: OnProgress
}
