import { EvidenceError } from './errors.js'
import type { LogState } from './ledger-values.js'

/** Why the log's state machine refuses a call. The chaincode answers `CODE: detail`, from which the adapters read it back. */
export const LOG_REFUSALS = [
  'FORBIDDEN', // the caller lacks the attribute, or is not of the log's owner
  'NOT_OPEN',
  'ALREADY_OPEN', // with other parameters
  'FORMAT', // arguments that cannot be read
  'BOUNDS', // a size, a count or a position outside what the log allows
  'GAP', // numbers or sequences that do not follow the log's end
  'FORK', // another header stands under this number
  'HEAD', // previousHead is not the log's head: the caller follows another history
  'CLOCK', // the transaction's time is too far from the endorser's clock
  'TIME_BACKWARDS', // earlier than the log's last change
  'SEALED_IN_FUTURE',
  'ROOT_KNOWN', // this root is anchored under another number
  'NOT_FOUND',
  'KEY_KNOWN', // registered already, from another batch
  'KEY_UNKNOWN',
  'KEY_REVOKED', // revoked already, in other words
  'STATE' // what the ledger holds cannot be read
] as const
export type LogRefusalCode = typeof LOG_REFUSALS[number]

/** What the state machine is told of the call. Times are milliseconds since 1970. */
export interface LogCall {
  readonly channel: string
  /** The transaction's timestamp, which the client chose. */
  readonly time: number
  /** The endorser's own clock. It only ever decides whether to answer. */
  readonly now: number
  readonly mspId: string
  /** Whether the caller's certificate carries the attribute that lets it write. */
  readonly mayWrite: boolean
}

export interface LedgerWrite {
  readonly key: string
  readonly value: Uint8Array
}

/** What an accepted call writes and answers. `answer` is the exact payload, `event` the payload of the chaincode event of that name. */
export interface Accepted {
  readonly writes: readonly LedgerWrite[]
  readonly answer: string
  readonly event?: { readonly name: string, readonly payload: string }
}

export interface Refused {
  readonly refused: LogRefusalCode
  readonly detail: string
}

export type Outcome = Accepted | Refused

/**
 * A call in progress: it yields each key that it must read and is resumed with the committed value, `undefined` for an absent
 * one. So the machine is synchronous and pure, and its driver decides how reads are done.
 */
export type Reading<T> = Generator<string, T, Uint8Array | undefined>

/** @internal Unwinds a call to its refusal. */
export class LogRefusal extends Error {
  readonly code: LogRefusalCode
  constructor (code: LogRefusalCode, detail: string) {
    super(detail)
    this.name = 'LogRefusal'
    this.code = code
  }
}

/** @internal Makes refusals, and arguments that do not parse, an outcome. */
export function settled<A extends unknown[]> (start: (...args: A) => Reading<Accepted>): (...args: A) => Reading<Outcome> {
  return function * (...args: A): Reading<Outcome> {
    try {
      return yield * start(...args)
    } catch (error) {
      if (error instanceof LogRefusal) return { refused: error.code, detail: error.message }
      if (error instanceof EvidenceError) return { refused: 'FORMAT', detail: error.message }
      throw error
    }
  }
}

/** @internal Reads and parses one value of the ledger; what does not parse is the ledger's fault, not the caller's. */
export function * stored<T> (key: string, parse: (bytes: Uint8Array) => T): Reading<T | undefined> {
  const bytes = yield key
  if (bytes === undefined) return undefined
  try {
    return parse(bytes)
  } catch (cause) {
    throw new LogRefusal('STATE', `${key} cannot be read: ${String(cause)}`)
  }
}

/** @internal The ledger time of the call, as the formats write it. */
export function ledgerTime (call: LogCall): string {
  return new Date(call.time).toISOString()
}

/** @internal The clock window: |T - now| <= W. */
export function checkClock (call: LogCall, skewMs: number): void {
  if (Math.abs(call.time - call.now) > skewMs) {
    throw new LogRefusal('CLOCK', `the transaction's time is ${call.time - call.now} ms from this clock, ${skewMs} ms are allowed`)
  }
}

/** @internal Whether the caller may change this log at this time. */
export function checkWriter (call: LogCall, log: LogState): void {
  if (!call.mayWrite) throw new LogRefusal('FORBIDDEN', 'the certificate lacks the attribute steelyard.anchor=true')
  if (call.mspId !== log.owner) throw new LogRefusal('FORBIDDEN', `the log belongs to ${log.owner}`)
}

/** @internal The clock window, and that ledger time does not run backwards within the log. */
export function checkTime (call: LogCall, log: LogState): void {
  checkClock(call, log.skewMs)
  if (call.time < Date.parse(log.time)) throw new LogRefusal('TIME_BACKWARDS', `earlier than the log's last change at ${log.time}`)
}
