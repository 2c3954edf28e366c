/**
 * Keys of the ledger's database. Every kind begins with its own letter; state and history keys sort by the bytes of Fabric's key,
 * so that a range scan is Fabric's.
 * @module
 */
import { concat, toHex, utf8 } from '../../../src/core/bytes.js'
import { nodeCrypto } from '../../../src/platform/node.js'

const letter = (text: string): Uint8Array => utf8(text)
const BLOCK = letter('b')
const HASH = letter('h')
const HISTORY = letter('y')
const PRIVATE_CONTENT = letter('p')
const STATE = letter('s')
const TRANSACTION = letter('t')
const SEPARATOR = Uint8Array.of(0)

/** The one record that says how far the ledger is. */
export const tipKey = letter('a')

export function blockKey (number: number): Uint8Array {
  return concat(BLOCK, uint64(number))
}

export function hashKey (hash: Uint8Array): Uint8Array {
  return concat(HASH, hash)
}

export function transactionKey (txId: string): Uint8Array {
  return concat(TRANSACTION, utf8(txId))
}

/** Private content that was endorsed and waits for its block, by its SHA-256. */
export function privateContentKey (hash: Uint8Array): Uint8Array {
  return concat(PRIVATE_CONTENT, hash)
}

/** Bounds of all private content that waits. */
export const privateContentBounds = { gte: PRIVATE_CONTENT, lt: letter('q') }

// As Fabric's own state database: a collection has two namespaces of its own, and no chaincode's name has a `$`.
const HASHED_INFIX = '$$h'
const PRIVATE_INFIX = '$$p'

/** The namespace of the hashes of a collection: hash of the key (see `hashedKey`) to hash of the value. */
export function hashedNamespace (namespace: string, collection: string): string {
  return `${namespace}${HASHED_INFIX}${collection}`
}

/** The namespace of keys and values of a collection. */
export function privateNamespace (namespace: string, collection: string): string {
  return `${namespace}${PRIVATE_INFIX}${collection}`
}

/** The key under which a hashed namespace has a private key: SHA-256 in hex. */
export function hashedKey (key: string): string {
  return toHex(nodeCrypto.sha256(utf8(key)))
}

/** Chaincode names hold no zero byte, keys may: so the first zero ends the namespace. */
export function stateKey (namespace: string, key: string): Uint8Array {
  return concat(STATE, utf8(namespace), SEPARATOR, utf8(key))
}

/** The Fabric key in a state key of this namespace. */
export function keyOfState (namespace: string, key: Uint8Array): string {
  return Buffer.from(key.subarray(stateKey(namespace, '').length)).toString('utf8')
}

/** Bounds of a range of a namespace; `end` is exclusive, '' is the namespace's end. */
export function stateBounds (namespace: string, start: string, end: string): { gte: Uint8Array, lt: Uint8Array } {
  return {
    gte: stateKey(namespace, start),
    lt: end === '' ? concat(STATE, utf8(namespace), Uint8Array.of(1)) : stateKey(namespace, end)
  }
}

/** All modifications of a key; its length comes first, so that no other key shares the prefix. */
export function historyPrefix (namespace: string, key: string): Uint8Array {
  const name = concat(utf8(namespace), SEPARATOR, utf8(key))
  return concat(HISTORY, uint32(name.length), name)
}

export function historyKey (namespace: string, key: string, block: number, tx: number): Uint8Array {
  return concat(historyPrefix(namespace, key), uint64(block), uint32(tx))
}

/** Big-endian, so that byte order is number order. */
export function uint64 (value: number): Uint8Array {
  const out = new Uint8Array(8)
  new DataView(out.buffer).setBigUint64(0, BigInt(value))
  return out
}

/** Big-endian. */
export function uint32 (value: number): Uint8Array {
  const out = new Uint8Array(4)
  new DataView(out.buffer).setUint32(0, value)
  return out
}

/** The 8 bytes at `offset`, which are below 2^53 because `uint64` wrote them. */
export function readUint64 (bytes: Uint8Array, offset: number): number {
  return Number(new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(offset))
}

export function readUint32 (bytes: Uint8Array, offset: number): number {
  return new DataView(bytes.buffer, bytes.byteOffset).getUint32(offset)
}
