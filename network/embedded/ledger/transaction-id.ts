import { randomBytes } from 'node:crypto'
import { concat, toHex } from '../../../src/core/bytes.js'
import { nodeCrypto } from '../../../src/platform/node.js'

/** Fabric's transaction id: hex of SHA-256(nonce || creator). */
export function transactionId (nonce: Uint8Array, creator: Uint8Array): string {
  return toHex(nodeCrypto.sha256(concat(nonce, creator)))
}

/** A fresh nonce and its transaction id. */
export function newTransactionId (creator: Uint8Array): { txId: string, nonce: Uint8Array } {
  const nonce = new Uint8Array(randomBytes(24))
  return { txId: transactionId(nonce, creator), nonce }
}
