import { createHash, createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { concat, fromHex, utf8 } from '../../src/core/bytes.js'
import { childrenOf, derInteger, derOctetString, derSequence, integerBytes, readDer, TAG } from '../../src/core/fabric/der.js'

/** Certificates to order, malformed ones included. Keys are made at run time and never kept. */
export interface KeyPair { readonly privateKey: KeyObject, readonly publicKey: KeyObject }

export interface Issued extends KeyPair {
  readonly der: Uint8Array
  readonly pem: string
  readonly name: Uint8Array
}

export interface CertificateOptions {
  readonly commonName: string
  readonly units?: readonly string[]
  readonly issuer?: Issued
  readonly keys?: KeyPair
  readonly ca?: boolean
  readonly pathLength?: number
  readonly keyUsage?: number | false
  readonly serial?: bigint
  readonly notBefore?: string
  readonly notAfter?: string
  readonly extensions?: readonly Uint8Array[]
  readonly highS?: boolean
  readonly authority?: boolean
}

const ORDER = BigInt('0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551')
const ECDSA_SHA256 = derSequence(tlv(TAG.oid, fromHex('2a8648ce3d040302')))

export function tlv (tag: number, content: Uint8Array): Uint8Array {
  const like = derOctetString(content)
  return concat(Uint8Array.of(tag), like.subarray(1))
}

export function keyPair (namedCurve = 'P-256'): KeyPair {
  return generateKeyPairSync('ec', { namedCurve })
}

/** ECDSA with SHA-256 over P-256, with the S that is asked for. */
export function sign (key: KeyObject, message: Uint8Array, s: 'low' | 'high' = 'low'): Uint8Array {
  const raw = createSign('sha256').update(message).sign(key)
  const parts = childrenOf(readDer(raw)).map((part) => BigInt(`0x${Buffer.from(integerBytes(part, 'part')).toString('hex')}`))
  const [r, made] = parts as [bigint, bigint]
  const isLow = made <= ORDER / 2n
  return derSequence(derInteger(r), derInteger(isLow === (s === 'low') ? made : ORDER - made))
}

export function extension (oid: string, value: Uint8Array, critical = false): Uint8Array {
  return derSequence(tlv(TAG.oid, fromHex(oid)), ...(critical ? [tlv(TAG.boolean, Uint8Array.of(0xff))] : []), derOctetString(value))
}

function attribute (oid: string, text: string): Uint8Array {
  return tlv(TAG.set, derSequence(tlv(TAG.oid, fromHex(oid)), tlv(0x0c, utf8(text))))
}

export function keyId (key: KeyObject): Uint8Array {
  return createHash('sha256').update(key.export({ type: 'spki', format: 'der' })).digest()
}

function constraints (pathLength: number | undefined): Uint8Array {
  const ca = tlv(TAG.boolean, Uint8Array.of(0xff))
  return pathLength === undefined ? derSequence(ca) : derSequence(ca, derInteger(BigInt(pathLength)))
}

export function certificate (options: CertificateOptions): Issued {
  const { commonName, units = [], keys = keyPair(), ca = false, keyUsage = ca ? 0x06 : 0x80 } = options
  const name = derSequence(...units.map((unit) => attribute('55040b', unit)), attribute('550403', commonName))
  const signer: KeyPair & { name: Uint8Array } = options.issuer ?? { ...keys, name }
  const time = (text: string): Uint8Array => tlv(TAG.utcTime, utf8(text))
  const unused = keyUsage === false ? 0 : Math.min(7, 31 - Math.clz32(keyUsage & -keyUsage))
  const tbs = derSequence(
    tlv(0xa0, derInteger(2n)),
    derInteger(options.serial ?? BigInt(`0x${Buffer.from(keyId(keys.publicKey)).toString('hex', 0, 8)}`)),
    ECDSA_SHA256,
    signer.name,
    derSequence(time(options.notBefore ?? '250101000000Z'), time(options.notAfter ?? '450101000000Z')),
    name,
    new Uint8Array(keys.publicKey.export({ type: 'spki', format: 'der' })),
    tlv(0xa3, derSequence(
      ...(ca ? [extension('551d13', constraints(options.pathLength), true)] : []),
      ...(keyUsage === false ? [] : [extension('551d0f', tlv(TAG.bitString, Uint8Array.of(unused, keyUsage)), true)]),
      extension('551d0e', derOctetString(keyId(keys.publicKey))),
      ...(options.authority === false ? [] : [extension('551d23', derSequence(tlv(0x80, keyId(signer.publicKey))))]),
      ...options.extensions ?? []
    ))
  )
  const signature = sign(signer.privateKey, tbs, options.highS === true ? 'high' : 'low')
  const der = derSequence(tbs, ECDSA_SHA256, tlv(TAG.bitString, concat(Uint8Array.of(0), signature)))
  return { ...keys, der, pem: toPem(der), name }
}

export function toPem (der: Uint8Array, label = 'CERTIFICATE'): string {
  const lines = Buffer.from(der).toString('base64').match(/.{1,64}/g) ?? []
  return `-----BEGIN ${label}-----\n${lines.join('\n')}\n-----END ${label}-----\n`
}

/** A revocation list of these serials. */
export function revocationList (issuer: Issued, serials: readonly bigint[], signer: KeyPair = issuer): Uint8Array {
  const at = tlv(TAG.utcTime, utf8('260101000000Z'))
  const tbs = derSequence(
    derInteger(1n), ECDSA_SHA256, issuer.name, at, at,
    derSequence(...serials.map((serial) => derSequence(derInteger(serial), at))),
    tlv(0xa0, derSequence(extension('551d23', derSequence(tlv(0x80, keyId(issuer.publicKey))))))
  )
  return derSequence(tbs, ECDSA_SHA256, tlv(TAG.bitString, concat(Uint8Array.of(0), sign(signer.privateKey, tbs))))
}
