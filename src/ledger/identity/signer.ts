import { createPrivateKey, type KeyObject, sign } from 'node:crypto'
import { derInteger, derSequence } from '../../core/fabric/der.js'

// Orders of the groups of P-256 and P-384.
const ORDERS: Readonly<Record<string, bigint>> = {
  prime256v1: 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n,
  secp384r1: 0xffffffffffffffffffffffffffffffffffffffffffffffffc7634d81f4372ddf581a0db248b0a77aecec196accc52973n
}

/** ECDSA over SHA-256 by node:crypto, DER with low S, as Fabric demands; node gives the high one half the time. */
export function ecdsaSigner (privateKey: string | KeyObject): (message: Uint8Array) => Buffer {
  const key = typeof privateKey === 'string' ? createPrivateKey(privateKey) : privateKey
  const order = ORDERS[key.asymmetricKeyDetails?.namedCurve ?? '']
  if (order === undefined) throw new TypeError('the key must be on P-256 or P-384')
  return (message) => {
    const raw = sign('sha256', message, { key, dsaEncoding: 'ieee-p1363' })
    const half = raw.length / 2
    const s = scalar(raw.subarray(half))
    return Buffer.from(derSequence(derInteger(scalar(raw.subarray(0, half))), derInteger(s > order / 2n ? order - s : s)))
  }
}

function scalar (bytes: Buffer): bigint {
  return BigInt(`0x${bytes.toString('hex')}`)
}
