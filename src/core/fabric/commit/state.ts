/**
 * What validating a block asks of the state that is committed before it. The rules yield each question and are resumed with its answer, so
 * that they are written once, synchronous and pure, and whoever drives them decides where the state is: a peer's database, or memory.
 * @module
 */
import type { Sentences } from '../../findings.js'
import type { EndorsementPolicy } from '../policy.js'

/** Where a value was written. */
export interface StateVersion {
  readonly block: number
  readonly tx: number
}

/** A key, public or of a private collection; of the latter the key is the hexadecimal of its hash. */
export interface StateKey {
  readonly namespace: string
  readonly collection?: string
  readonly key: string
}

/** The last write of a key in a block. */
export interface StateUpdate extends StateKey, StateVersion {
  /** Absent: deleted. Of a private collection, the value's hash. */
  readonly value?: Uint8Array
}

/** Whose endorsements a transaction in a namespace needs. */
export interface NamespaceRules {
  readonly policy: EndorsementPolicy
  /** Of private collections that have a policy of their own. */
  readonly collections: ReadonlyMap<string, EndorsementPolicy>
}

/** The committed state, as the rules ask it. */
export interface CommittedState {
  /** Where the key was written; undefined where there is none. */
  version (key: StateKey): StateVersion | undefined
  /** Keys from `start` to before `end` ('' for no bound), in byte order. */
  range (namespace: string, start: string, end: string): ReadonlyArray<StateVersion & { readonly key: string }>
  /** Whether a transaction with this id was ordered, valid or not. */
  isKnown (txId: string): boolean
  /** Undefined where no chaincode is defined; `unread` says why the rules are not known although there may be some. */
  rules (namespace: string): NamespaceRules | { readonly unread: Sentences } | undefined
}

type Questions = { [K in keyof CommittedState]: { readonly ask: K, readonly of: Parameters<CommittedState[K]> } }
/** One call of `CommittedState`. */
export type StateQuestion = Questions[keyof CommittedState]
/** Rules in progress. */
export type Asking<T> = Generator<StateQuestion, T, ReturnType<CommittedState[keyof CommittedState]>>

/** @internal Asks, within rules. */
export function * ask<K extends keyof CommittedState> (name: K, ...of: Parameters<CommittedState[K]>): Asking<ReturnType<CommittedState[K]>> {
  return (yield { ask: name, of } as StateQuestion) as ReturnType<CommittedState[K]>
}

/** Drives rules with a state that answers at once. */
export function settle<T> (asking: Asking<T>, state: CommittedState): T {
  let step = asking.next()
  while (step.done !== true) step = asking.next(answerOf(state, step.value))
  return step.value
}

function answerOf (state: CommittedState, question: StateQuestion): ReturnType<CommittedState[keyof CommittedState]> {
  switch (question.ask) {
    case 'version': return state.version(...question.of)
    case 'range': return state.range(...question.of)
    case 'isKnown': return state.isKnown(...question.of)
    case 'rules': return state.rules(...question.of)
  }
}

/** The state changes of a block so far; owned by the block's validation. */
export class PendingUpdates {
  readonly #updates = new Map<string, StateUpdate>()

  get (key: StateKey): StateUpdate | undefined {
    return this.#updates.get(nameOf(key))
  }

  set (update: StateUpdate): void {
    this.#updates.set(nameOf(update), update)
  }

  all (): StateUpdate[] {
    return [...this.#updates.values()]
  }
}

/** One text for a key: names of namespaces and collections hold no zero byte. */
function nameOf ({ namespace, collection = '', key }: StateKey): string {
  return `${namespace}\0${collection}\0${key}`
}
