import type { HistoryEntry, Simulator, StateEntry } from '../channel.js'
import { EmbeddedNetworkError } from '../errors.js'
import { ReadWriteSet } from './read-write-set.js'
import type { Snapshot, Store } from './store.js'

/** Simulates on the state as it is now; blocks committed later are not seen. */
export function createSimulator (store: Store, height: number): Simulator {
  return new SnapshotSimulator(store, height)
}

class SnapshotSimulator implements Simulator {
  readonly height: number
  readonly #store: Store
  readonly #snapshot: Snapshot
  readonly #set = new ReadWriteSet()
  #open = true

  constructor (store: Store, height: number) {
    this.#store = store
    this.#snapshot = store.snapshot()
    this.height = height
  }

  async get (namespace: string, key: string): Promise<Uint8Array | undefined> {
    this.#requireOpen()
    const entry = await this.#store.state(namespace, key, this.#snapshot)
    this.#set.read(namespace, key, entry)
    return entry?.value
  }

  put (namespace: string, key: string, value: Uint8Array): void {
    this.#requireOpen()
    this.#set.write(namespace, key, Uint8Array.from(value))
  }

  del (namespace: string, key: string): void {
    this.#requireOpen()
    this.#set.write(namespace, key, undefined)
  }

  async * range (namespace: string, start: string, end: string): AsyncGenerator<StateEntry> {
    this.#requireOpen()
    const recorded = this.#set.range(namespace, start, end)
    for await (const { key, value } of this.#store.range(namespace, start, end, this.#snapshot)) {
      recorded.read(key, value)
      yield { key, value: value.value }
    }
    recorded.exhausted()
  }

  async * history (namespace: string, key: string): AsyncGenerator<HistoryEntry> {
    this.#requireOpen()
    yield * this.#store.history(namespace, key, this.#snapshot)
  }

  results (): Uint8Array {
    this.#requireOpen()
    return this.#set.encode()
  }

  async close (): Promise<void> {
    this.#open = false
    await this.#snapshot.close()
  }

  #requireOpen (): void {
    if (!this.#open) throw new EmbeddedNetworkError({ code: 'SIMULATION', message: 'the simulator is closed' })
  }
}
