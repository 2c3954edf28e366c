/**
 * The log's state machine, fed with the transactions that a channel accepted: what the ledger holds of a log by the blocks alone, and whether
 * each write is the one that the rules of the log give. Endorsers may have run any program; here it is run again.
 * @module
 */
import { DOUBTS, LOG_SAYS } from '../audit-wording.js'
import type { Sentences } from '../findings.js'
import { batchHeaderBytes } from '../batch.js'
import { equalBytes, fromHex, toHex, utf8 } from '../bytes.js'
import { type BatchEntry, type KeyRegister, type LogState, parseBatchEntry, parseKeyRegister, parseLogState } from '../ledger-values.js'
import { registerKey, revokeKey } from '../log-keys.js'
import type { LogCall, Outcome, Reading } from '../log-process.js'
import { anchor, openLog } from '../log.js'
import { isCompactRange, rangeRoot, type Sha256 } from '../merkle.js'
import { tryParse } from '../verify/trust-root.js'
import type { Write } from '../fabric/rwset.js'
import type { LogTransaction } from './log-call.js'

/** Where a batch entry is, and what tells it from every other. */
export interface EntryFacts {
  readonly block: number
  readonly transaction: number
  /** Header hash of the block. */
  readonly blockHash: Uint8Array
  /** SHA-256 of the value, and of the exact header bytes in it. */
  readonly digest: Uint8Array
  readonly headerDigest: Uint8Array
  /** The log's root after this batch. */
  readonly root: string
}

/** Where a transaction stands. */
export interface Place { readonly block: number, readonly transaction: number, readonly blockHash: Uint8Array }

/** What is otherwise than the log's rules have it, or why that cannot be said. */
export interface Comparison { readonly differs?: Sentences, readonly doubt?: Sentences }

/** Values of old batch entries that are kept: a repeated anchor names recent ones. */
const KEPT_VALUES = 4096

type Start = (crypto: Sha256, call: LogCall, ...args: string[]) => Reading<Outcome>
const FUNCTIONS: Readonly<Record<string, Start>> = {
  openLog, anchor, registerKey, revokeKey
}

/** The value is on the ledger and was not kept. */
class Forgotten extends Error {}

/** A replay of every log of one chaincode. Owns what it holds of their state. */
export class LogReplay {
  readonly #crypto: Sha256
  /** Everything but batch entries; of these only the newest. */
  readonly #values = new Map<string, Uint8Array>()
  readonly #entries = new Map<string, EntryFacts>()
  #kept: string[] = []

  constructor (crypto: Sha256) {
    this.#crypto = crypto
  }

  /** Takes over a valid transaction. Says what is otherwise than the log's rules have it, and what could not be decided. */
  apply (transaction: LogTransaction, place: Place): Comparison {
    const result = this.#compare(transaction)
    for (const { key, value, isDelete } of transaction.writes) this.#write(key, isDelete || value.length === 0 ? undefined : value, place)
    return result
  }

  /** The state of a log; undefined where it was not opened. */
  log (origin: string): LogState | undefined {
    return this.#read(`log/${origin}`, parseLogState)
  }

  /** Size and root; undefined where there is no log, or a state that is none. */
  head (origin: string): { readonly size: string, readonly root: string } | undefined {
    const log = this.log(origin)
    if (log === undefined) return undefined
    const range = { size: Number(log.size), hashes: log.range.map(fromHex) }
    return isCompactRange(range) ? { size: log.size, root: toHex(rangeRoot(this.#crypto, range)) } : undefined
  }

  register (origin: string): KeyRegister | undefined {
    return this.#read(`keys/${origin}`, parseKeyRegister)
  }

  entry (origin: string, number: string): EntryFacts | undefined {
    return this.#entries.get(`batch/${origin}/${number}`)
  }

  /** Origins of all logs, in the order in which they were opened. */
  origins (): string[] {
    return [...this.#values.keys()].flatMap((key) => key.startsWith('log/') ? [key.slice('log/'.length)] : [])
  }

  #compare ({ called, call, writes, answer }: LogTransaction): Comparison {
    if (called === undefined) return { differs: LOG_SAYS.otherCall }
    const start = Object.hasOwn(FUNCTIONS, called.name) ? FUNCTIONS[called.name] : undefined
    if (start === undefined) return { differs: LOG_SAYS.noFunction(called.name) }
    try {
      const differs = differenceOf(this.#run(start(this.#crypto, call, ...called.args)), writes, answer)
      return differs === undefined ? {} : { differs }
    } catch (error) {
      if (error instanceof Forgotten) return { doubt: DOUBTS.forgotten }
      throw error
    }
  }

  #run (reading: Reading<Outcome>): Outcome {
    let step = reading.next()
    while (step.done !== true) {
      if (this.#entries.has(step.value) && !this.#values.has(step.value)) throw new Forgotten()
      step = reading.next(this.#values.get(step.value))
    }
    return step.value
  }

  #write (key: string, value: Uint8Array | undefined, place: Place): void {
    if (value === undefined) {
      this.#values.delete(key)
      this.#entries.delete(key)
      return
    }
    this.#values.set(key, value)
    const entry = key.startsWith('batch/') ? this.#read(key, parseBatchEntry) : undefined
    if (entry === undefined) return
    this.#entries.set(key, { ...place, ...this.#facts(entry, value) })
    this.#kept.push(key)
    if (this.#kept.length < 2 * KEPT_VALUES) return
    for (const old of this.#kept.slice(0, KEPT_VALUES)) this.#values.delete(old)
    this.#kept = this.#kept.slice(KEPT_VALUES)
  }

  #facts ({ header, head }: BatchEntry, value: Uint8Array): Pick<EntryFacts, 'digest' | 'headerDigest' | 'root'> {
    return { digest: this.#crypto.sha256(value), headerDigest: this.#crypto.sha256(batchHeaderBytes(header)), root: head.root }
  }

  #read<T> (key: string, parse: (bytes: Uint8Array) => T): T | undefined {
    const bytes = this.#values.get(key)
    return bytes === undefined ? undefined : tryParse(() => parse(bytes))
  }
}

function differenceOf (outcome: Outcome, writes: readonly Write[], answer: Uint8Array): Sentences | undefined {
  if ('refused' in outcome) return LOG_SAYS.refused(outcome.refused, outcome.detail)
  const expected = new Map(outcome.writes.map(({ key, value }) => [key, value]))
  const wrong = writes.find(({ key, value }) => !equalBytes(value, expected.get(key) ?? new Uint8Array(0)))
  if (wrong !== undefined) return LOG_SAYS.otherValue(wrong.key)
  if (writes.length !== expected.size) return LOG_SAYS.otherCount(writes.length, expected.size)
  return equalBytes(answer, utf8(outcome.answer)) ? undefined : LOG_SAYS.otherAnswer
}
