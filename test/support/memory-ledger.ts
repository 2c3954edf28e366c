import { parseBatchHeader } from '../../src/core/batch.js'
import { fromHex, toBase64url, toHex, utf8 } from '../../src/core/bytes.js'
import { type BatchEntry, batchKey, parseBatchEntry, parseKeyRegister, keysKey, logKey, parseLogState } from '../../src/core/ledger-values.js'
import { anchor, anchorArgument, openLog } from '../../src/core/log.js'
import type { Outcome } from '../../src/core/log-process.js'
import { rangeRoot } from '../../src/core/merkle.js'
import { LedgerError } from '../../src/ledger/errors.js'
import type { Ledger, LedgerBlock } from '../../src/ledger/ledger.js'
import { callAt, MemoryLedger, sha256 } from './log-model.js'

/** What goes wrong with one call of `anchor`. */
export type Fault =
  | 'unsent' // nothing leaves
  | 'lost' // the id was given, nothing arrived
  | 'answer-lost' // it was committed, and nobody was told
  | 'committed-late' // it is committed only when asked for the third time

/**
 * A ledger in memory that runs the real state machine of the log and signs nothing; for tests of the pipeline. A transaction is a
 * block of its own.
 */
export class FakeLedger implements Ledger {
  readonly channel = 'evidence'
  readonly chaincode = 'steelyard'
  readonly log: string
  readonly state = new MemoryLedger()
  readonly faults: Fault[] = []
  isUp = true
  anchors = 0
  now: () => number
  #transactions = new Map<string, { block: number, code: number }>()
  #blocks: { keys: string[] }[] = [{ keys: [] }]
  #late: { txId: string, headers: readonly Uint8Array[], asks: number } | undefined

  constructor (log: string, now: () => number) {
    this.log = log
    this.now = now
  }

  organizations (): [] {
    return []
  }

  async openLog ({ skewMs, deadlineMs, spki }: Parameters<Ledger['openLog']>[0]): Promise<void> {
    await this.#answer()
    this.#run(openLog(sha256, this.#call(), this.log, String(skewMs), String(deadlineMs), toBase64url(spki)))
  }

  async anchor (headers: readonly Uint8Array[], onTransaction: (txId: string) => Promise<void>): ReturnType<Ledger['anchor']> {
    await this.#answer()
    const fault = this.faults.shift()
    if (fault === 'unsent') throw new LedgerError({ code: 'UNAVAILABLE', message: 'nothing was sent' })
    const txId = `tx${this.anchors++}`
    await onTransaction(txId)
    if (fault === 'committed-late') this.#late = { txId, headers, asks: 3 }
    if (fault !== 'lost' && fault !== 'committed-late') this.#commit(txId, headers)
    if (fault !== undefined) throw new LedgerError({ code: 'UNKNOWN_OUTCOME', message: 'no answer', txId })
    return { txId, entries: headers.map((header) => this.#entry(parseBatchHeader(header).number) as BatchEntry) }
  }

  async transaction (txId: string): ReturnType<Ledger['transaction']> {
    await this.#answer()
    if (this.#late?.txId === txId && --this.#late.asks <= 0) this.#commit(txId, this.#late.headers)
    const found = this.#transactions.get(txId)
    return found === undefined ? undefined : { block: String(found.block), index: 0, code: found.code }
  }

  async findBatch (number: string): Promise<BatchEntry | undefined> {
    await this.#answer()
    return this.#entry(number)
  }

  /** Where a batch was written. */
  blockOfBatch (number: string): number {
    return this.#blocks.findIndex(({ keys }) => keys.includes(batchKey(this.log, number)))
  }

  async attestBatch (number: string): ReturnType<Ledger['attestBatch']> {
    await this.#answer()
    return this.#attested(number)
  }

  async attestKeys (): ReturnType<Ledger['attestKeys']> {
    await this.#answer()
    const register = parseKeyRegister(this.state.state.get(keysKey(this.log)) as Uint8Array)
    const statement = { type: 'steelyard/keys-statement/v1' as const, channel: this.channel, register, time: new Date(this.now()).toISOString() }
    return { ...this.#attested('keys'), statement }
  }

  async attestStatus (): ReturnType<Ledger['attestStatus']> {
    await this.#answer()
    const { log, size, nextSequence, range } = parseLogState(this.state.state.get(logKey(this.log)) as Uint8Array)
    const head = { size, root: toHex(rangeRoot(sha256, { size: Number(size), hashes: range.map(fromHex) })) }
    const statement = { type: 'steelyard/status/v1' as const, channel: this.channel, log, nextSequence, head, time: new Date(this.now()).toISOString() }
    return { ...this.#attested('status'), statement }
  }

  async block (number: string): Promise<LedgerBlock> {
    await this.#answer()
    return {
      data: { number, previousHash: '00'.repeat(32), data: [toBase64url(utf8(`block ${number}`))], signatures: 'AA' },
      transactions: [{ txId: `tx${number}`, type: number === '0' ? 1 : 3, code: 0 }]
    }
  }

  async height (): Promise<string> {
    await this.#answer()
    return String(this.#blocks.length)
  }

  async findRoot (): Promise<undefined> { await Promise.reject(new TypeError('not used')) }
  async registerKey (): Promise<void> { await Promise.reject(new TypeError('not used')) }
  async peerBlock (): Promise<undefined> { await Promise.reject(new TypeError('not used')) }
  async blockOf (): Promise<undefined> { await Promise.reject(new TypeError('not used')) }
  follow (): AsyncIterable<LedgerBlock> { throw new TypeError('not used') }
  async close (): Promise<void> { await Promise.resolve() }

  #call (): Parameters<typeof anchor>[1] {
    return callAt(this.now())
  }

  #commit (txId: string, headers: readonly Uint8Array[]): void {
    const { writes } = this.#run(anchor(sha256, this.#call(), this.log, anchorArgument(headers)))
    this.#transactions.set(txId, { block: this.#blocks.length, code: 0 })
    this.#blocks.push({ keys: writes.map(({ key }) => key) })
  }

  #run (reading: Parameters<MemoryLedger['run']>[0]): Exclude<Outcome, { refused: string }> {
    const outcome = this.state.run(reading)
    if ('refused' in outcome) {
      const code = outcome.refused === 'FORK' || outcome.refused === 'GAP' ? outcome.refused : 'REFUSED'
      throw new LedgerError({ code, message: outcome.detail, reason: outcome.refused })
    }
    return outcome
  }

  #entry (number: string): BatchEntry | undefined {
    const bytes = this.state.state.get(batchKey(this.log, number))
    return bytes === undefined ? undefined : parseBatchEntry(bytes)
  }

  #attested (what: string): Awaited<ReturnType<Ledger['attestBatch']>> {
    const identity = utf8('identity')
    const hash = toHex(sha256.sha256(identity))
    return {
      attestation: { responsePayload: toBase64url(utf8(what)), endorsements: [{ identity: hash, signature: toBase64url(new Uint8Array(70)) }] },
      identities: { [hash]: toBase64url(identity) }
    }
  }

  async #answer (): Promise<void> {
    await Promise.resolve()
    if (!this.isUp) throw new LedgerError({ code: 'UNAVAILABLE', message: 'nobody answers' })
  }
}
