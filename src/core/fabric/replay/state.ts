import { compareBytes, utf8 } from '../../bytes.js'
import type { CommittedState, StateKey, StateUpdate, StateVersion } from '../commit/state.js'
import { LIFECYCLE } from '../definition.js'

/**
 * What a replay holds of the channel: where each key was written, the ids of all transactions, and the values of `_lifecycle`, which say
 * whose endorsements count. Values of other namespaces are not needed to judge a block. It grows with the keys and with the
 * transactions, not with the blocks.
 */
export interface ReplayState extends Omit<CommittedState, 'rules'> {
  /** The value of a public key of `_lifecycle`. */
  lifecycle (key: string): Uint8Array | undefined
  /** Takes over a block: its changes, and the ids of all its transactions. */
  commit (updates: readonly StateUpdate[], txIds: readonly string[]): void
}

/** More transactions than any block holds. */
const PER_BLOCK = 2 ** 22

/** A state in memory. A version is one number, an id of 64 hexadecimal digits half its length. */
export function createMemoryState (): ReplayState {
  const versions = new Map<string, Map<string, number>>()
  const sorted = new Map<string, string[]>()
  const values = new Map<string, Uint8Array>()
  const ids = new Set<string>()

  function apply (update: StateUpdate): void {
    const name = spaceOf(update)
    const space = versions.get(name) ?? new Map<string, number>()
    versions.set(name, space)
    const { key, value, block, tx } = update
    if (space.has(key) !== (value !== undefined)) sorted.delete(name)
    if (value === undefined) space.delete(key)
    else space.set(key, block * PER_BLOCK + tx)
    if (update.namespace !== LIFECYCLE || update.collection !== undefined) return
    if (value === undefined) values.delete(key)
    else values.set(key, value)
  }

  return {
    version: (key) => versionOf(versions.get(spaceOf(key))?.get(key.key)),
    range (namespace, start, end) {
      const space = versions.get(spaceOf({ namespace, key: '' })) ?? new Map<string, number>()
      const keys = sorted.get(namespace) ?? inByteOrder(space.keys())
      sorted.set(namespace, keys)
      const [from, to] = [utf8(start), utf8(end)]
      return keys.filter((key) => isWithin(utf8(key), from, to)).map((key) => ({ key, ...versionOf(space.get(key)) as StateVersion }))
    },
    isKnown: (txId) => ids.has(packed(txId)),
    lifecycle: (key) => values.get(key),
    commit (updates, txIds) {
      for (const update of updates) apply(update)
      for (const txId of txIds) ids.add(packed(txId))
    }
  }
}

function spaceOf ({ namespace, collection }: StateKey): string {
  return collection === undefined ? namespace : `${namespace}\0${collection}`
}

function versionOf (packedVersion: number | undefined): StateVersion | undefined {
  return packedVersion === undefined ? undefined : { block: Math.floor(packedVersion / PER_BLOCK), tx: packedVersion % PER_BLOCK }
}

function inByteOrder (keys: Iterable<string>): string[] {
  return [...keys].map((key) => ({ key, bytes: utf8(key) })).sort((a, b) => compareBytes(a.bytes, b.bytes)).map(({ key }) => key)
}

function isWithin (key: Uint8Array, from: Uint8Array, to: Uint8Array): boolean {
  return compareBytes(key, from) >= 0 && (to.length === 0 || compareBytes(key, to) < 0)
}

/** Half as long, for the form that an id has; other texts, which only garbage has, stay as they are. */
function packed (txId: string): string {
  if (!/^[0-9a-f]{64}$/.test(txId)) return txId
  let out = ''
  for (let at = 0; at < 64; at += 2) out += String.fromCharCode(Number.parseInt(txId.slice(at, at + 2), 16))
  return out
}
