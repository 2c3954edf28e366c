import type { StateVersion } from '../../../src/core/fabric/commit/state.js'
import type { HistoryEntry, PrivateState, Simulator, StateEntry } from '../channel.js'
import { EmbeddedNetworkError } from '../errors.js'
import { hashedKey, hashedNamespace, privateNamespace } from './keys.js'
import { ReadWriteSet } from './read-write-set.js'
import type { Snapshot, Store, VersionedValue } from './store.js'

/** Simulates on the state as it is now; blocks committed later are not seen. */
export function createSimulator (store: Store, height: number): Simulator {
  return new SnapshotSimulator(store, height)
}

class SnapshotSimulator implements Simulator {
  readonly height: number
  readonly #store: Store
  readonly #snapshot: Snapshot
  readonly #set = new ReadWriteSet()
  #privateContents: readonly Uint8Array[] = []
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

  private (namespace: string, collection: string): PrivateState {
    this.#requireOpen()
    const recorded = this.#set.collection(namespace, collection)
    const hashed = async (key: string): Promise<VersionedValue | undefined> =>
      await this.#store.state(hashedNamespace(namespace, collection), hashedKey(key), this.#snapshot)
    return {
      collection,
      hash: async (key) => {
        const entry = await hashed(key)
        recorded.read(key, entry)
        return entry?.value
      },
      get: async (key) => {
        const entry = await this.#store.state(privateNamespace(namespace, collection), key, this.#snapshot)
        requireSameVersion(await hashed(key), entry)
        recorded.read(key, entry)
        return entry?.value
      },
      put: (key, value) => { recorded.write(key, Uint8Array.from(value)) },
      range: (start, end) => this.#privateRange(privateNamespace(namespace, collection), start, end)
    }
  }

  results (): Uint8Array {
    this.#requireOpen()
    const { results, privateContents } = this.#set.encode()
    this.#privateContents = privateContents
    return results
  }

  privateContents (): readonly Uint8Array[] {
    return this.#privateContents
  }

  async close (): Promise<void> {
    this.#open = false
    await this.#snapshot.close()
  }

  async * #privateRange (namespace: string, start: string, end: string): AsyncGenerator<StateEntry> {
    for await (const { key, value } of this.#store.range(namespace, start, end, this.#snapshot)) yield { key, value: value.value }
  }

  #requireOpen (): void {
    if (!this.#open) throw new EmbeddedNetworkError({ code: 'SIMULATION', message: 'the simulator is closed' })
  }
}

/** A peer can have the hash of a private value without the value: what it was told of the value by no other peer is missing. */
function requireSameVersion (hashed: StateVersion | undefined, held: StateVersion | undefined): void {
  if (hashed?.block === held?.block && hashed?.tx === held?.tx) return
  const text = (version: StateVersion | undefined): string =>
    version === undefined ? '<nil>' : `{BlockNum: ${version.block}, TxNum: ${version.tx}}`
  throw new Error('private data matching public hash version is not available. ' +
    `Public hash version = ${text(hashed)}, Private data version = ${text(held)}`)
}
