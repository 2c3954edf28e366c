import { createPrivateKey, sign } from 'node:crypto'
import { derInteger, derSequence } from '../../../src/core/fabric/der.js'
import { serializeIdentity } from './identity.js'
import type { SigningIdentity } from '../channel.js'

const ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n // of the P-256 group
const HALF = ORDER >> 1n

/** Whether a raw P-256 signature (r || s, 64 bytes) has the lower of its two possible s, as Fabric demands. */
export function isLowSRaw (raw: Uint8Array): boolean {
  return scalar(raw.subarray(32)) <= HALF
}

/** A signer by a PKCS #8 key: ECDSA P-256 over SHA-256, DER, low S (node:crypto gives high S half the time). */
export function createSigner (keyPem: string): (message: Uint8Array) => Uint8Array {
  const key = createPrivateKey(keyPem)
  return (message) => {
    const raw = sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' })
    const s = scalar(raw.subarray(32))
    return derSequence(derInteger(scalar(raw.subarray(0, 32))), derInteger(s > HALF ? ORDER - s : s))
  }
}

/** An identity by certificate and key. */
export function signingIdentity (mspId: string, certificatePem: string, keyPem: string): SigningIdentity {
  return {
    mspId,
    certificatePem,
    serialized: serializeIdentity(mspId, certificatePem),
    sign: createSigner(keyPem)
  }
}

function scalar (bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex')}`)
}
