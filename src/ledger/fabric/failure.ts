import { LOG_REFUSALS, type LogRefusalCode } from '../../core/log-process.js'
import { LedgerError, type LedgerErrorCode } from '../errors.js'

/**
 * What can go wrong in talking to one node, in the adapters' common terms.
 * - `contract`: the chaincode answered with an error; `message` is the chaincode's.
 * - `unreachable`: nothing was done there: no connection, no peer, no answer to a query in time.
 * - `denied`: the node refuses this identity or this proposal.
 * - `unclear`: it may have been done.
 */
export type FailureKind = 'contract' | 'unreachable' | 'denied' | 'unclear'

export class FabricFailure extends Error {
  readonly kind: FailureKind

  constructor (kind: FailureKind, message: string, cause?: unknown) {
    super(message, cause === undefined ? undefined : { cause })
    this.name = 'FabricFailure'
    this.kind = kind
  }
}

const CODES: Readonly<Record<LogRefusalCode, LedgerErrorCode>> = {
  FORBIDDEN: 'FORBIDDEN',
  NOT_OPEN: 'NOT_OPEN',
  ALREADY_OPEN: 'REFUSED',
  FORMAT: 'REFUSED',
  BOUNDS: 'REFUSED',
  GAP: 'GAP',
  FORK: 'FORK',
  HEAD: 'FORK', // another history leads to this batch
  CLOCK: 'LATE',
  TIME_BACKWARDS: 'LATE',
  SEALED_IN_FUTURE: 'LATE',
  ROOT_KNOWN: 'REFUSED',
  NOT_FOUND: 'REFUSED',
  KEY_KNOWN: 'REFUSED',
  KEY_UNKNOWN: 'REFUSED',
  KEY_REVOKED: 'REFUSED',
  STATE: 'REFUSED'
}

/** The log's own code in a contract's error message `CODE: detail`. */
export function refusalIn (message: string): LogRefusalCode | undefined {
  const code = /^([A-Z_]+): /.exec(message)?.[1]
  return LOG_REFUSALS.find((known) => known === code)
}

/** The ledger error of a failure, for the caller of the port. */
export function ledgerError (error: unknown, txId?: string): LedgerError {
  if (error instanceof LedgerError) return error
  const about = txId === undefined ? {} : { txId }
  const message = error instanceof Error ? error.message : String(error)
  if (!(error instanceof FabricFailure)) return new LedgerError({ code: 'PROTOCOL', message, cause: error, ...about })
  switch (error.kind) {
    case 'contract': {
      const reason = refusalIn(message)
      if (reason === undefined) return new LedgerError({ code: 'REFUSED', message, cause: error, ...about })
      return new LedgerError({ code: CODES[reason], reason, message, cause: error, ...about })
    }
    case 'denied':
      return new LedgerError({ code: 'FORBIDDEN', message, cause: error, ...about })
    case 'unreachable':
      return new LedgerError({ code: 'UNAVAILABLE', message, cause: error, ...about })
    case 'unclear':
      return new LedgerError({ code: 'UNKNOWN_OUTCOME', message, cause: error, ...about })
  }
}
