import { secp256k1 } from '@noble/curves/secp256k1.js'
import { keccak_256 as keccak256 } from '@noble/hashes/sha3.js'
import { concat, toHex, utf8 } from '../core/bytes.js'

/** The last byte of a signature as wallets write it: the recovery id and 27. */
const V: Readonly<Record<number, 0 | 1>> = { 27: 0, 28: 1 }

/**
 * The address (0x and 40 lower-case hex) of the secp256k1 key that signed `message` as an ERC-191 personal message; undefined for
 * anything that is not such a signature of 65 bytes r, s, v with a low s (EIP-2). Both platforms use it: neither has the curve.
 */
export function recoverAddress (message: Uint8Array, signature: Uint8Array): string | undefined {
  const recovery = V[signature[64] ?? -1]
  if (signature.length !== 65 || recovery === undefined) return undefined
  const digest = keccak256(concat(utf8(`\x19Ethereum Signed Message:\n${message.length}`), message))
  try {
    const parsed = secp256k1.Signature.fromBytes(signature.subarray(0, 64), 'compact')
    if (parsed.hasHighS()) return undefined
    const point = parsed.addRecoveryBit(recovery).recoverPublicKey(digest)
    return `0x${toHex(keccak256(point.toBytes(false).subarray(1)).subarray(12))}`
  } catch {
    return undefined // r or s out of range, or no point
  }
}
