import { compareBytes, fromHex } from '../bytes.js'
import type { Crypto, EcdsaInput } from '../crypto.js'
import { EvidenceError } from '../errors.js'
import { childrenOf, integerBytes, readDer, TAG } from './der.js'

export type Curve = EcdsaInput['curve']

/** A key as certificates carry it: the DER SubjectPublicKeyInfo, on a curve that Fabric's MSP accepts and core can verify. */
export interface PublicKey {
  readonly curve: Curve
  readonly spki: Uint8Array
}

/** Half of each group's order, rounded down: the largest low S. */
const HALF_ORDER: Readonly<Record<Curve, Uint8Array>> = {
  'P-256': fromHex('7fffffff800000007fffffffffffffffde737d56d38bcf4279dce5617e3192a8'),
  'P-384': fromHex('7fffffffffffffffffffffffffffffffffffffffffffffffe3b1a6c0fa1b96efac0d06d9245853bd76760cb5666294b9')
}

/**
 * Whether a signature is canonical DER with a low S, the only form that Fabric's MSP accepts. Crypto libraries accept the twin
 * (r, n - s) as well, which would let anybody change a signed document's bytes.
 */
export function isLowSDer (curve: Curve, signature: Uint8Array): boolean {
  const parts = signatureParts(signature)
  if (parts === undefined) return false
  const half = HALF_ORDER[curve]
  const { r, s } = parts
  if (r.length > half.length || s.length > half.length) return false
  const padded = new Uint8Array(half.length)
  padded.set(s, half.length - s.length)
  return compareBytes(padded, half) <= 0
}

/** r and s without leading zeros, or undefined when the encoding is not the canonical one or either is not positive. */
function signatureParts (signature: Uint8Array): { r: Uint8Array, s: Uint8Array } | undefined {
  try {
    const sequence = readDer(signature)
    const [r, s, ...rest] = sequence.tag === TAG.sequence ? childrenOf(sequence) : []
    if (rest.length > 0) return undefined
    return { r: positive(integerBytes(r, 'r')), s: positive(integerBytes(s, 's')) }
  } catch (error) {
    if (error instanceof EvidenceError) return undefined
    throw error
  }
}

function positive (content: Uint8Array): Uint8Array {
  const magnitude = content[0] === 0 ? content.subarray(1) : content
  if (magnitude.length === 0 || (content[0] ?? 0) >= 0x80) {
    throw new EvidenceError({ code: 'CERTIFICATE', message: 'not a positive integer' })
  }
  return magnitude
}

/** Whether the encoding is canonical DER of two positive integers, S of any size: what CAs put under certificates. */
export function isCanonicalDer (signature: Uint8Array): boolean {
  return signatureParts(signature) !== undefined
}

/** Verifies ECDSA with SHA-256 as Fabric's MSP does, on either curve: canonical DER and low S only. */
export function verifyLowS (crypto: Pick<Crypto, 'verifyEcdsa'>, key: PublicKey, message: Uint8Array, signature: Uint8Array): boolean {
  return isLowSDer(key.curve, signature) &&
    crypto.verifyEcdsa({ curve: key.curve, hash: 'sha256', spki: key.spki, message, signature })
}
