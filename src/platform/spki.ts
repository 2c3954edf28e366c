import type { EcdsaInput } from '../core/crypto.js'

// RFC 5480: SubjectPublicKeyInfo of an uncompressed point on each curve is this prefix and the point, which begins with 4.
const PREFIX = {
  'P-256': Uint8Array.of(0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86, 0x48, 0xce,
    0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00, 0x04),
  'P-384': Uint8Array.of(0x30, 0x76, 0x30, 0x10, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x05, 0x2b, 0x81, 0x04, 0x00,
    0x22, 0x03, 0x62, 0x00, 0x04)
} as const
const POINT = { 'P-256': 65, 'P-384': 97 } as const

/** The uncompressed point (65 or 97 bytes) that a SubjectPublicKeyInfo holds, or undefined when it is of another form or curve. */
export function pointOf (curve: EcdsaInput['curve'], spki: Uint8Array): Uint8Array | undefined {
  const prefix = PREFIX[curve]
  const start = prefix.length - 1
  return spki.length === start + POINT[curve] && prefix.every((byte, i) => spki[i] === byte) ? spki.subarray(start) : undefined
}
