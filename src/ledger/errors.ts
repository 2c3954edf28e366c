/**
 * What a ledger call can end in. The chaincode's refusals have the codes of core/log.ts; the rest says what the caller may do next
 * (see retryAction).
 */
export type LedgerErrorCode =
  | 'UNKNOWN_OUTCOME' // sent, or perhaps sent: ask the ledger before anything else
  | 'UNAVAILABLE' // nothing was sent: no peer, orderer or endorsing majority answers; try again later
  | 'CONFLICT' // committed invalid (MVCC read conflict or the like): a new transaction may be tried
  | 'FORK' // the ledger holds another header under this batch number: stop sealing, raise the alarm
  | 'GAP' // the batch does not follow the log's last one
  | 'LATE' // outside the endorsers' clock window, or earlier than the last anchor
  | 'REFUSED' // the chaincode refused for another reason; see `reason`
  | 'FORBIDDEN' // this identity may not do that
  | 'NOT_OPEN' // the log is not opened on this ledger
  | 'PROTOCOL' // an answer that cannot be read
  | 'CONFIGURATION' // profile, identity or wallet unusable

export class LedgerError extends Error {
  readonly code: LedgerErrorCode
  /** The chaincode's own code, when it refused. */
  readonly reason: string | undefined
  readonly txId: string | undefined

  constructor (options: { code: LedgerErrorCode, message: string, reason?: string, txId?: string, cause?: unknown }) {
    super(options.message, options.cause === undefined ? undefined : { cause: options.cause })
    this.name = 'LedgerError'
    this.code = options.code
    this.reason = options.reason
    this.txId = options.txId
  }
}

export type RetryAction = 'ask-ledger' | 'again-later' | 'new-transaction' | 'none'

const ACTIONS: Readonly<Record<LedgerErrorCode, RetryAction>> = {
  UNKNOWN_OUTCOME: 'ask-ledger',
  UNAVAILABLE: 'again-later',
  CONFLICT: 'new-transaction',
  FORK: 'none',
  GAP: 'ask-ledger',
  LATE: 'new-transaction',
  REFUSED: 'none',
  FORBIDDEN: 'none',
  NOT_OPEN: 'none',
  PROTOCOL: 'again-later',
  CONFIGURATION: 'none'
}

/** What to do after an error: the one table for it. Anything that is not a LedgerError leaves the outcome unknown. */
export function retryAction (error: unknown): RetryAction {
  return error instanceof LedgerError ? ACTIONS[error.code] : 'ask-ledger'
}
