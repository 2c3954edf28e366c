import { concat } from './bytes.js'
import type { Sha256 } from './merkle.js'

const BLOCK = 64

/** RFC 2104 HMAC with SHA-256, on the SHA-256 that core is given. 32 bytes. */
export function hmacSha256 (crypto: Sha256, key: Uint8Array, message: Uint8Array): Uint8Array {
  const padded = new Uint8Array(BLOCK)
  padded.set(key.length > BLOCK ? crypto.sha256(key) : key)
  const inner = crypto.sha256(concat(padded.map((byte) => byte ^ 0x36), message))
  return crypto.sha256(concat(padded.map((byte) => byte ^ 0x5c), inner))
}
