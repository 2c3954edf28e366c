import { ed25519 } from '@noble/curves/ed25519.js'
import { p256, p384 } from '@noble/curves/nist.js'
import { sha256 as nobleSha256, sha384, sha512 } from '@noble/hashes/sha2.js'
import { createSM3, type IHasher } from 'hash-wasm'
import { concat } from '../core/bytes.js'
import type { Crypto, EcdsaInput } from '../core/crypto.js'
import { recoverAddress } from './ethereum.js'
import { pointOf } from './spki.js'

/**
 * Crypto for browsers: noble for SHA-256 and signatures, hash-wasm for SM3. P-256 takes about 30 times as long as node:crypto; a proof
 * still verifies in a fraction of a second.
 */
export async function createBrowserCrypto (): Promise<Crypto> {
  const sm3 = await createSM3()
  return {
    sha256: (data) => nobleSha256(data),
    sm3: (data) => digest(sm3, data),
    verifyEcdsa,
    verifyEd25519,
    recoverAddress
  }
}

const { Point } = ed25519

/**
 * RFC 8032 section 5.1.7 without the cofactor, as OpenSSL has it: noble's own verify multiplies by 8, and would accept signatures that
 * node:crypto refuses. Points must be canonical and not of small order.
 */
function verifyEd25519 (publicKey: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (publicKey.length !== 32 || signature.length !== 64) return false
  const s = littleEndian(signature.subarray(32))
  if (s >= Point.Fn.ORDER) return false
  try {
    const r = Point.fromBytes(signature.subarray(0, 32), false)
    const a = Point.fromBytes(publicKey, false)
    if (r.isSmallOrder() || a.isSmallOrder()) return false
    const k = Point.Fn.create(littleEndian(sha512(concat(signature.subarray(0, 32), publicKey, message))))
    return Point.BASE.multiplyUnsafe(s).equals(r.add(a.multiplyUnsafe(k)))
  } catch {
    return false
  }
}

function littleEndian (bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n)
}

function digest (hasher: IHasher, data: Uint8Array): Uint8Array {
  hasher.init()
  hasher.update(data)
  return hasher.digest('binary')
}

const CURVES = { 'P-256': p256, 'P-384': p384 } as const

function verifyEcdsa (input: EcdsaInput): boolean {
  const point = pointOf(input.curve, input.spki)
  if (point === undefined) return false
  const hash = input.hash === 'sha256' ? nobleSha256(input.message) : sha384(input.message)
  try {
    // Core has checked DER and low S where Fabric demands them; certificates may have a high S.
    return CURVES[input.curve].verify(input.signature, hash, point, { prehash: false, lowS: false, format: 'der' })
  } catch {
    return false
  }
}
