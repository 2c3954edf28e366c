import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { concat, utf8 } from '../../core/bytes.js'
import { derInteger, derSequence } from '../../core/fabric/der.js'
import { ecdsaSigner } from './signer.js'

/** A fresh P-256 key: made here, by node:crypto, and never leaves. */
export function newKey (): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: 'P-256' }).privateKey
}

const COMMON_NAME = Uint8Array.of(0x06, 0x03, 0x55, 0x04, 0x03) // 2.5.4.3
const ECDSA_SHA256 = Uint8Array.of(0x06, 0x08, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x04, 0x03, 0x02) // 1.2.840.10045.4.3.2

/** A PKCS #10 request (RFC 2986 section 4) for a common name; a Fabric CA decides everything else itself. */
export function certificateRequest (commonName: string, privateKey: KeyObject): string {
  const spki = createPublicKey(privateKey).export({ format: 'der', type: 'spki' })
  const name = derSequence(element(0x31, derSequence(COMMON_NAME, element(0x0c, utf8(commonName)))))
  const info = derSequence(derInteger(0n), name, spki, element(0xa0, new Uint8Array(0)))
  const signature = element(0x03, concat(Uint8Array.of(0), ecdsaSigner(privateKey)(info)))
  const der = derSequence(info, derSequence(ECDSA_SHA256), signature)
  const lines = Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN CERTIFICATE REQUEST-----\n${lines.join('\n')}\n-----END CERTIFICATE REQUEST-----\n`
}

/** Elements here are shorter than 128 bytes, apart from sequences: one byte of length does. */
function element (tag: number, content: Uint8Array): Uint8Array {
  if (content.length > 127) throw new RangeError('the common name is too long')
  return concat(Uint8Array.of(tag, content.length), content)
}
