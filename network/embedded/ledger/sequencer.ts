/**
 * The one sequencer: takes envelopes in arrival order and cuts them into blocks. A block is cut at once when the one before it is
 * durable, so that under load everything that arrived meanwhile forms the next block, and a lone transaction waits for nothing.
 * @module
 */
import { OrderError, type OrgNode } from '../channel.js'

/** Limits and duties of a sequencer. */
export interface SequencerOptions {
  readonly orgs: readonly OrgNode[]
  /** Orderers that must sign a block. */
  readonly quorum: number
  readonly maxMessages: number
  readonly maxBytes: number
  /** Makes the next block durable; when it rejects, the sequencer stops for good. */
  commit (envelopes: readonly Uint8Array[], signers: readonly OrgNode[]): Promise<void>
  onFailure (error: unknown): void
}

/** Bytes of envelopes that may wait; beyond them clients are told to come back. */
const QUEUE_BYTES = 64 * 1024 * 1024

/** Owns the envelopes that are accepted and not yet in a block. They are lost with the process, as its client must expect. */
export class Sequencer {
  readonly #options: SequencerOptions
  #queue: Uint8Array[] = []
  #queuedBytes = 0
  #running: Promise<void> | undefined
  #stopped = false

  constructor (options: SequencerOptions) {
    this.#options = options
  }

  /** @throws OrderError 503 if no quorum of orderers runs or too much waits already */
  submit (envelope: Uint8Array): void {
    if (this.#stopped || this.#signers() === undefined) throw new OrderError(503, 'no quorum of orderers is running')
    if (this.#queuedBytes + envelope.length > QUEUE_BYTES) throw new OrderError(503, 'too many transactions are waiting')
    this.#queue.push(envelope)
    this.#queuedBytes += envelope.length
    this.wake()
  }

  /** Goes on with what waits; call when an orderer was started. */
  wake (): void {
    this.#running ??= this.#run().finally(() => { this.#running = undefined })
  }

  /** Accepts nothing more, and resolves when the block at work is done. */
  async stop (): Promise<void> {
    this.#stopped = true
    await this.#running
  }

  async #run (): Promise<void> {
    await nextTurn() // what arrives in this turn of the event loop goes into one block
    for (;;) {
      const signers = this.#signers()
      if (this.#stopped || signers === undefined || this.#queue.length === 0) return
      try {
        await this.#options.commit(this.#cut(), signers)
      } catch (error) {
        this.#stopped = true
        this.#options.onFailure(error)
        return
      }
    }
  }

  /** The running orderers that sign, or undefined if they are too few. */
  #signers (): OrgNode[] | undefined {
    const { orgs, quorum } = this.#options
    const running = orgs.filter((org) => org.running.orderer)
    return running.length < quorum ? undefined : running.slice(0, quorum)
  }

  #cut (): Uint8Array[] {
    const { maxMessages, maxBytes } = this.#options
    let bytes = 0
    let count = 0
    for (const envelope of this.#queue) {
      if (count === maxMessages || (count > 0 && bytes + envelope.length > maxBytes)) break
      bytes += envelope.length
      count++
    }
    this.#queuedBytes -= bytes
    return this.#queue.splice(0, count)
  }
}

async function nextTurn (): Promise<void> {
  await new Promise<void>((resolve) => { setImmediate(resolve) })
}
