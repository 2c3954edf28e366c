import { createHash } from 'node:crypto'
// Context as a value, not as a type: the decorators' metadata would otherwise count it among the transaction's parameters.
import { Context, Contract, Info, Returns, Transaction } from 'fabric-contract-api'
import {
  anchor, findByRoot, getBatches, getConsistency, getHead, getInclusion, getKeys, openLog, readBatch, registerKey, revokeKey,
  status, type LogCall, type Outcome, type Reading
} from 'steelyard/core'
import { callerOf } from './access'

const crypto = { sha256: (data: Uint8Array): Uint8Array => createHash('sha256').update(data).digest() }

/**
 * The Fabric shell around the log's state machine (core/log.ts): it carries arguments, reads and writes, and decides nothing. A
 * refusal is an error `CODE: detail`. Every answer is a string, which the contract API sends as its UTF-8 bytes, unchanged.
 */
@Info({ title: 'steelyard', description: 'The log of anchored batches' })
export class SteelyardContract extends Contract {
  /** The endorser's clock, for the clock window only; the one thing here that is not determined by the transaction. */
  readonly #clock: () => number

  constructor (clock: () => number = Date.now) {
    super('steelyard')
    this.#clock = clock
  }

  @Transaction()
  @Returns('string')
  async openLog (ctx: Context, origin: string, skewMs: string, deadlineMs: string, spki: string): Promise<string> {
    return await this.#settle(ctx, (call) => openLog(crypto, call, origin, skewMs, deadlineMs, spki))
  }

  @Transaction()
  @Returns('string')
  async anchor (ctx: Context, origin: string, headers: string): Promise<string> {
    return await this.#settle(ctx, (call) => anchor(crypto, call, origin, headers))
  }

  @Transaction()
  @Returns('string')
  async registerKey (ctx: Context, origin: string, spki: string, fromBatch: string): Promise<string> {
    return await this.#settle(ctx, (call) => registerKey(crypto, call, origin, spki, fromBatch))
  }

  /** `compromisedFrom` is '' when nothing is said of it. */
  @Transaction()
  @Returns('string')
  async revokeKey (ctx: Context, origin: string, keyId: string, until: string, compromisedFrom: string): Promise<string> {
    return await this.#settle(ctx, (call) => revokeKey(crypto, call, origin, keyId, until, compromisedFrom))
  }

  @Transaction(false)
  @Returns('string')
  async readBatch (ctx: Context, origin: string, number: string): Promise<string> {
    return await this.#settle(ctx, (call) => readBatch(crypto, call, origin, number))
  }

  @Transaction(false)
  @Returns('string')
  async getKeys (ctx: Context, origin: string): Promise<string> {
    return await this.#settle(ctx, (call) => getKeys(crypto, call, origin))
  }

  @Transaction(false)
  @Returns('string')
  async status (ctx: Context, origin: string): Promise<string> {
    return await this.#settle(ctx, (call) => status(crypto, call, origin))
  }

  @Transaction(false)
  @Returns('string')
  async findByRoot (ctx: Context, origin: string, root: string): Promise<string> {
    return await this.#settle(ctx, (call) => findByRoot(crypto, call, origin, root))
  }

  @Transaction(false)
  @Returns('string')
  async getHead (ctx: Context, origin: string): Promise<string> {
    return await this.#settle(ctx, (call) => getHead(crypto, call, origin))
  }

  @Transaction(false)
  @Returns('string')
  async getBatches (ctx: Context, origin: string, from: string, count: string): Promise<string> {
    return await this.#settle(ctx, (call) => getBatches(crypto, call, origin, from, count))
  }

  @Transaction(false)
  @Returns('string')
  async getInclusion (ctx: Context, origin: string, number: string, size: string): Promise<string> {
    return await this.#settle(ctx, (call) => getInclusion(crypto, call, origin, number, size))
  }

  @Transaction(false)
  @Returns('string')
  async getConsistency (ctx: Context, origin: string, first: string, second: string): Promise<string> {
    return await this.#settle(ctx, (call) => getConsistency(crypto, call, origin, first, second))
  }

  async #settle (ctx: Context, start: (call: LogCall) => Reading<Outcome>): Promise<string> {
    const { stub } = ctx
    const { seconds, nanos } = stub.getTxTimestamp()
    const time = seconds.toNumber() * 1000 + Math.floor(nanos / 1_000_000)
    const call = { channel: stub.getChannelID(), time, now: this.#clock(), ...callerOf(ctx.clientIdentity) }
    const outcome = await drive(start(call), async (key) => await stub.getState(key))
    if ('refused' in outcome) throw new Error(`${outcome.refused}: ${outcome.detail}`)
    for (const { key, value } of outcome.writes) await stub.putState(key, value)
    if (outcome.event !== undefined) stub.setEvent(outcome.event.name, Buffer.from(outcome.event.payload))
    return outcome.answer
  }
}

/** Answers each read of the machine from the ledger; Fabric gives no bytes for a key that is absent. */
async function drive (reading: Reading<Outcome>, read: (key: string) => Promise<Uint8Array>): Promise<Outcome> {
  let step = reading.next()
  while (step.done !== true) {
    const value = await read(step.value)
    step = reading.next(value.length === 0 ? undefined : value)
  }
  return step.value
}
