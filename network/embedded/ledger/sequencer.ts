/**
 * The one sequencer: takes envelopes in arrival order and cuts them into blocks. A block is cut at once when the one before it is
 * durable, so that under load everything that arrived meanwhile forms the next block, and a lone transaction waits for nothing. A
 * configuration has a block of its own.
 * @module
 */
import { OrderError, type OrgNode } from '../channel.js'

/** An envelope that was let in. */
export interface Admitted {
  /** As the client sent it. */
  readonly received: Uint8Array
  /** As it is ordered: of a configuration update, the configuration that it makes. */
  readonly envelope: Uint8Array
  readonly isConfig: boolean
  /** Of the configuration by which it was let in. */
  readonly sequence: bigint
}

/** What the channel's configuration says of ordering, as of now. */
export interface OrderingRules {
  readonly sequence: bigint
  /** The orderers that run and may sign. */
  readonly signers: readonly OrgNode[]
  /** Of them, how many must sign a block. */
  readonly quorum: number
  readonly maxMessages: number
  readonly maxBytes: number
}

/** Limits and duties of a sequencer. */
export interface SequencerOptions {
  rules (): OrderingRules
  /** Lets an envelope in once more, by a configuration that is newer than when it came; undefined: it is refused now. */
  readmit (received: Uint8Array): Admitted | undefined
  /** Makes the next block durable; when it rejects, the sequencer stops for good. */
  commit (entries: readonly Admitted[], signers: readonly OrgNode[]): Promise<void>
  onFailure (error: unknown): void
}

/** Bytes of envelopes that may wait; beyond them clients are told to come back. */
const QUEUE_BYTES = 64 * 1024 * 1024

/** Owns the envelopes that are accepted and not yet in a block. They are lost with the process, as its client must expect. */
export class Sequencer {
  readonly #options: SequencerOptions
  #queue: Admitted[] = []
  #queuedBytes = 0
  #running: Promise<void> | undefined
  #stopped = false

  constructor (options: SequencerOptions) {
    this.#options = options
  }

  /** @throws OrderError 503 if no quorum of orderers runs or too much waits already */
  submit (entry: Admitted): void {
    if (this.#stopped || signersOf(this.#options.rules()) === undefined) throw new OrderError(503, 'no quorum of orderers is running')
    if (this.#queuedBytes + entry.envelope.length > QUEUE_BYTES) throw new OrderError(503, 'too many transactions are waiting')
    this.#queue.push(entry)
    this.#queuedBytes += entry.envelope.length
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
      const rules = this.#options.rules()
      const signers = signersOf(rules)
      if (this.#stopped || signers === undefined) return
      const entries = this.#cut(rules)
      if (entries.length === 0) return
      try {
        await this.#options.commit(entries, signers)
      } catch (error) {
        this.#stopped = true
        this.#options.onFailure(error)
        return
      }
    }
  }

  /** What goes into the next block: a configuration alone, or transactions up to the limits. */
  #cut ({ sequence, maxMessages, maxBytes }: OrderingRules): Admitted[] {
    const cut: Admitted[] = []
    let bytes = 0
    for (let next = this.#next(sequence); next !== undefined; next = this.#next(sequence)) {
      const isFull = cut.length === maxMessages || bytes + next.envelope.length > maxBytes
      if (cut.length > 0 && (isFull || next.isConfig)) break
      cut.push(next)
      bytes += next.envelope.length
      this.#drop(next)
      if (next.isConfig) break
    }
    return cut
  }

  /** The first that waits, by the configuration that is in force. What this one refuses is dropped, as an orderer drops it. */
  #next (sequence: bigint): Admitted | undefined {
    for (let [first] = this.#queue; first !== undefined; [first] = this.#queue) {
      if (first.sequence === sequence) return first
      this.#drop(first)
      const again = this.#options.readmit(first.received)
      if (again === undefined) continue
      this.#queue.unshift(again)
      this.#queuedBytes += again.envelope.length
    }
    return undefined
  }

  #drop (first: Admitted): void {
    this.#queue.shift()
    this.#queuedBytes -= first.envelope.length
  }
}

/** The orderers that sign the next block, or undefined if they are too few. */
function signersOf ({ signers, quorum }: OrderingRules): readonly OrgNode[] | undefined {
  return signers.length < quorum ? undefined : signers.slice(0, quorum)
}

async function nextTurn (): Promise<void> {
  await new Promise<void>((resolve) => { setImmediate(resolve) })
}
