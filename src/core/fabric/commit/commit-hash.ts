/**
 * Fabric's commit hash: a chain over the validation flags and the state changes of every block, by which peers compare what they
 * committed.
 * @module
 */
import { compareBytes, concat, fromHex, utf8 } from '../../bytes.js'
import type { Sha256 } from '../../merkle.js'
import type { StateUpdate, StateVersion } from './state.js'

/** SHA-256(varint(length of the flags) || flags || updates || previous commit hash). */
export function commitHash (crypto: Sha256, filter: Uint8Array, updates: readonly StateUpdate[], previous: Uint8Array): Uint8Array {
  return crypto.sha256(concat(varint(filter.length), filter, updatesMessage(updates), previous))
}

/**
 * The message `Updates`: internal to the peer, so no generated class exists. Field 1: the key's last change, sorted by namespace,
 * collection (public keys first) and key; a namespace, and a collection in it, is named once.
 */
function updatesMessage (updates: readonly StateUpdate[]): Uint8Array {
  const sorted = updates
    .map((update) => ({
      update,
      namespace: utf8(update.namespace),
      collection: utf8(update.collection ?? ''),
      key: update.collection === undefined ? utf8(update.key) : fromHex(update.key)
    }))
    .sort((a, b) => compareBytes(a.namespace, b.namespace) || compareBytes(a.collection, b.collection) || compareBytes(a.key, b.key))
  return concat(...sorted.map(({ update, namespace, collection, key }, i) => {
    const before = sorted[i - 1]?.update
    const inNamespace = before?.namespace === update.namespace
    return field(1, concat(
      inNamespace ? empty : field(1, namespace),
      inNamespace && before.collection === update.collection ? empty : field(2, collection),
      field(3, key),
      update.value === undefined ? Uint8Array.of(4 << 3, 1) : field(5, update.value),
      field(6, versionBytes(update))
    ))
  }))
}

const empty = new Uint8Array(0)

/** A length-delimited protobuf field; empty ones are not written. */
function field (number: number, content: Uint8Array): Uint8Array {
  return content.length === 0 && number !== 1 ? empty : concat(Uint8Array.of((number << 3) | 2), varint(content.length), content)
}

/** Block and transaction, each as its length and its minimal big-endian bytes. */
function versionBytes (version: StateVersion): Uint8Array {
  return concat(orderPreserving(version.block), orderPreserving(version.tx))
}

function orderPreserving (value: number): Uint8Array {
  const bytes: number[] = []
  for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.unshift(rest % 256)
  return Uint8Array.of(bytes.length, ...bytes)
}

/** Protobuf's variable-length integer. */
export function varint (value: number): Uint8Array {
  const bytes: number[] = []
  let rest = value
  for (; rest > 127; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128)
  return Uint8Array.of(...bytes, rest)
}
