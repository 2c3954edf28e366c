import { createPublicKey, hash as hashOnce, type JsonWebKey, type KeyObject, verify } from 'node:crypto'
import type { Crypto, EcdsaInput } from '../core/crypto.js'
import { recoverAddress } from './ethereum.js'
import { pointOf } from './spki.js'

/** Most public keys kept parsed; parsing one costs about as much as verifying a signature with it. */
const KEYS = 512

/** Group order L of edwards25519, little-endian (RFC 8032 section 5.1). */
const ORDER = Uint8Array.from(Buffer.from('edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010', 'hex'))
/** p = 2^255 - 19, little-endian: an encoded y must be smaller. */
const FIELD = Uint8Array.from(Buffer.from(`ed${'ff'.repeat(30)}7f`, 'hex'))
/** The y coordinates (without sign) of the points of order 1, 2, 4 and 8: signatures by such keys prove nothing. */
const SMALL_ORDER: readonly string[] = [
  `01${'00'.repeat(31)}`,
  `ec${'ff'.repeat(30)}7f`,
  '00'.repeat(32),
  'c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a',
  '26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05'
]

const keys = new Map<string, KeyObject>()

/** The key of a point on a curve. As a JWK: OpenSSL's decoder of SubjectPublicKeyInfo takes twice the time, and is the lenient one. */
function publicKey (curve: EcdsaInput['curve'] | 'Ed25519', point: Uint8Array): KeyObject {
  const bytes = Buffer.from(point.buffer, point.byteOffset, point.byteLength)
  const id = curve + bytes.toString('latin1')
  let key = keys.get(id)
  if (key === undefined) {
    key = createPublicKey({ key: jwk(curve, bytes), format: 'jwk' })
    if (keys.size >= KEYS) keys.clear()
    keys.set(id, key)
  }
  return key
}

/** RFC 7518 section 6.2.1 and RFC 8037 section 2. An elliptic point is 0x04, x, y. */
function jwk (curve: string, point: Buffer): JsonWebKey {
  if (curve === 'Ed25519') return { kty: 'OKP', crv: curve, x: point.toString('base64url') }
  const half = 1 + (point.length - 1) / 2
  return { kty: 'EC', crv: curve, x: point.toString('base64url', 1, half), y: point.toString('base64url', half) }
}

function verifyEcdsa ({ curve, hash, spki, message, signature }: EcdsaInput): boolean {
  const point = pointOf(curve, spki)
  if (point === undefined) return false
  try {
    return verify(hash, message, { key: publicKey(curve, point), dsaEncoding: 'der' }, signature)
  } catch {
    return false // a point that is not on the curve, or a signature that OpenSSL cannot read
  }
}

function isBelow (value: Uint8Array, limit: Uint8Array): boolean {
  for (let i = limit.length - 1; i >= 0; i--) {
    const difference = (value[i] ?? 0) - (limit[i] ?? 0)
    if (difference !== 0) return difference < 0
  }
  return false
}

/** Whether an encoded point is canonical and not of small order; that it is on the curve is OpenSSL's to say. */
function isUsablePoint (encoded: Uint8Array): boolean {
  const y = Uint8Array.from(encoded)
  y[31] = (y[31] ?? 0) & 0x7f
  return isBelow(y, FIELD) && !SMALL_ORDER.includes(Buffer.from(y).toString('hex'))
}

function verifyEd25519 (key: Uint8Array, message: Uint8Array, signature: Uint8Array): boolean {
  if (key.length !== 32 || signature.length !== 64) return false
  const r = signature.subarray(0, 32)
  if (!isBelow(signature.subarray(32), ORDER) || !isUsablePoint(key) || !isUsablePoint(r)) return false
  try {
    return verify(null, message, publicKey('Ed25519', key), signature)
  } catch {
    return false
  }
}

// By way of hexadecimal: a digest as a buffer gets memory of its own from the system, which costs more than hashing something short.
function hash (algorithm: 'sha256' | 'sm3'): (data: Uint8Array) => Uint8Array {
  return (data) => {
    const digest = Buffer.from(hashOnce(algorithm, data, 'hex'), 'hex')
    return new Uint8Array(digest.buffer, digest.byteOffset, digest.byteLength)
  }
}

/** core's cryptography by node:crypto. The only state is a bounded set of parsed public keys. */
export const nodeCrypto: Crypto = { sha256: hash('sha256'), sm3: hash('sm3'), verifyEcdsa, verifyEd25519, recoverAddress }
