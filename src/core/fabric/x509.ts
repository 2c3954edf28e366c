import { equalBytes, fromUtf8, toHex, utf8 } from '../bytes.js'
import type { Crypto } from '../crypto.js'
import { EvidenceError } from '../errors.js'
import { bitString, childrenOf, type Der, expectTag, integerBytes, isTrue, oidHex, readDer, smallInteger, STRING_TAGS, TAG } from './der.js'
import { type Curve, isCanonicalDer, type PublicKey } from './ecdsa.js'
import { pemToDer } from './pem.js'

/** An X.509 v3 certificate with an ECDSA key, as far as Fabric's identities need it (RFC 5280). */
export interface Certificate {
  readonly der: Uint8Array
  /** What the issuer signs. */
  readonly tbs: Uint8Array
  readonly subject: { readonly commonName?: string, readonly organizationalUnits: readonly string[] }
  readonly issuerDer: Uint8Array
  readonly subjectDer: Uint8Array
  /** Hexadecimal of the encoded integer. */
  readonly serial: string
  /** RFC 3339 UTC. Fabric does not enforce them on identities: they are for reports. */
  readonly notBefore: string
  readonly notAfter: string
  readonly publicKey: PublicKey
  readonly isCa: boolean
  readonly pathLength?: number
  /** Bit n of RFC 5280 section 4.2.1.3 is bit n here; absent means unrestricted. */
  readonly keyUsage?: number
  /** Extended key usages as hexadecimal OIDs; absent means unrestricted. */
  readonly extendedKeyUsage?: readonly string[]
  readonly ski?: Uint8Array
  readonly aki?: Uint8Array
  /** The attributes that a Fabric CA wrote into it: JSON, as it is. */
  readonly attributes?: Uint8Array
  /** Hexadecimal OIDs of critical extensions that are not processed: such a certificate is not usable in a path. */
  readonly unknownCritical: readonly string[]
  readonly signatureAlgorithm: string
  readonly signature: Uint8Array
}

/** Key usage bits (RFC 5280 section 4.2.1.3). */
export const KEY_CERT_SIGN = 1 << 5
export const CRL_SIGN = 1 << 6

// OIDs, as the hexadecimal of their DER content.
const COMMON_NAME = '550403'
const ORGANIZATIONAL_UNIT = '55040b'
const EC_PUBLIC_KEY = '2a8648ce3d0201'
const CURVES: ReadonlyMap<string, { curve: Curve, size: number }> = new Map([
  ['2a8648ce3d030107', { curve: 'P-256', size: 65 }],
  ['2b81040022', { curve: 'P-384', size: 97 }]
])
const SIGNATURE_HASHES: ReadonlyMap<string, 'sha256' | 'sha384'> = new Map([
  ['2a8648ce3d040302', 'sha256'],
  ['2a8648ce3d040303', 'sha384']
])
const EXTENSION = { ski: '551d0e', keyUsage: '551d0f', subjectAltName: '551d11', basicConstraints: '551d13', aki: '551d23', extendedKeyUsage: '551d25' }
/** Fabric CA's attributes, 1.2.3.4.5.6.7.8.1. Nothing of a path depends on them, so that a critical one is still unknown. */
const ATTRIBUTES = '2a03040506070801'
const PROCESSED = new Set(Object.values(EXTENSION))

function refuse (message: string, code: 'CERTIFICATE' | 'UNSUPPORTED_TYPE' = 'CERTIFICATE'): EvidenceError {
  return new EvidenceError({ code, message: `certificate: ${message}` })
}

const PEM_START = utf8('-----BEGIN')

/** Parses DER, or PEM of one certificate. Strict DER throughout; `UNSUPPORTED_TYPE` for keys that are not P-256 or P-384. */
export function parseCertificate (derOrPem: Uint8Array): Certificate {
  const isPem = equalBytes(derOrPem.subarray(0, PEM_START.length), PEM_START)
  const der = isPem ? pemToDer(derOrPem) : derOrPem
  const [tbs, algorithm, signature, ...rest] = childrenOf(expectTag(readDer(der), TAG.sequence, 'certificate'))
  if (tbs === undefined || rest.length > 0) throw refuse('not three parts')
  return { ...parseTbs(tbs, expectTag(algorithm, TAG.sequence, 'algorithm')), der, signature: wholeBits(signature, 'signature') }
}

function wholeBits (element: Der | undefined, what: string): Uint8Array {
  const { bytes, unused } = bitString(element, what)
  if (unused !== 0) throw refuse(`${what} is not whole bytes`)
  return bytes
}

function parseTbs (tbs: Der, outerAlgorithm: Der): Omit<Certificate, 'der' | 'signature'> {
  const [version, serial, algorithm, issuer, validity, subject, spki, ...optional] = childrenOf(expectTag(tbs, TAG.sequence, 'tbs'))
  if (smallInteger(readDer(expectTag(version, 0xa0, 'version').content), 'version') !== 2) throw refuse('not version 3')
  if (!equalBytes(expectTag(algorithm, TAG.sequence, 'algorithm').bytes, outerAlgorithm.bytes)) throw refuse('two signature algorithms')
  const [notBefore, notAfter] = childrenOf(expectTag(validity, TAG.sequence, 'validity'))
  const extensions = optional.find((element) => element.tag === 0xa3)
  return {
    tbs: tbs.bytes,
    serial: toHex(integerBytes(serial, 'serial')),
    issuerDer: expectTag(issuer, TAG.sequence, 'issuer').bytes,
    subjectDer: expectTag(subject, TAG.sequence, 'subject').bytes,
    subject: parseName(expectTag(subject, TAG.sequence, 'subject')),
    notBefore: parseTime(notBefore),
    notAfter: parseTime(notAfter),
    publicKey: parseKey(expectTag(spki, TAG.sequence, 'key')),
    signatureAlgorithm: oidHex(childrenOf(outerAlgorithm)[0], 'algorithm'),
    ...parseExtensions(extensions === undefined ? [] : childrenOf(expectTag(readDer(extensions.content), TAG.sequence, 'extensions')))
  }
}

function parseName (name: Der): Certificate['subject'] {
  const attributes = childrenOf(name).flatMap((set) => childrenOf(expectTag(set, TAG.set, 'name'))).map((attribute) => {
    const [type, value] = childrenOf(attribute)
    return { type: oidHex(type, 'attribute'), value }
  })
  const texts = (oid: string): string[] => attributes.filter(({ type }) => type === oid).map(({ value }) => nameText(value))
  const commonName = texts(COMMON_NAME).at(-1)
  return { organizationalUnits: texts(ORGANIZATIONAL_UNIT), ...(commonName === undefined ? {} : { commonName }) }
}

function nameText (value: Der | undefined): string {
  if (value === undefined || !STRING_TAGS.has(value.tag)) throw refuse('a name of another string type')
  return fromUtf8(value.content)
}

/** UTCTime (1950 to 2049) or GeneralizedTime, to the second and in UTC, as RFC 5280 section 4.1.2.5 has them. */
function parseTime (element: Der | undefined): string {
  if (element === undefined || (element.tag !== TAG.utcTime && element.tag !== TAG.generalizedTime)) throw refuse('malformed time')
  const text = fromUtf8(element.content)
  const century = text.slice(0, 2) < '50' ? '20' : '19'
  const rfc3339 = (element.tag === TAG.utcTime ? century + text : text)
    .replace(/^(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z$/, '$1-$2-$3T$4:$5:$6.000Z')
  const moment = Date.parse(rfc3339)
  if (Number.isNaN(moment) || new Date(moment).toISOString() !== rfc3339) throw refuse('a time that does not exist')
  return rfc3339
}

function parseKey (spki: Der): PublicKey {
  const [algorithm, point] = childrenOf(spki)
  const [type, parameters] = childrenOf(expectTag(algorithm, TAG.sequence, 'key algorithm'))
  const named = oidHex(type, 'key type') === EC_PUBLIC_KEY && parameters?.tag === TAG.oid ? CURVES.get(toHex(parameters.content)) : undefined
  if (named === undefined) throw refuse('a key that is not ECDSA on P-256 or P-384', 'UNSUPPORTED_TYPE')
  const bytes = wholeBits(point, 'key')
  if (bytes.length !== named.size || bytes[0] !== 4) throw refuse('not an uncompressed point')
  return { curve: named.curve, spki: spki.bytes }
}

type Extensions = Pick<Certificate, 'isCa' | 'pathLength' | 'keyUsage' | 'extendedKeyUsage' | 'ski' | 'aki' | 'attributes' | 'unknownCritical'>

function parseExtensions (elements: readonly Der[]): Extensions {
  const found = new Map<string, Der>()
  const unknownCritical: string[] = []
  for (const element of elements) {
    const [id, ...rest] = childrenOf(element)
    const oid = oidHex(id, 'extension')
    if (found.has(oid)) throw refuse('an extension twice')
    found.set(oid, readExtension(rest))
    if (!PROCESSED.has(oid) && isCritical(rest)) unknownCritical.push(oid)
  }
  const attributes = found.get(ATTRIBUTES)?.content
  return {
    unknownCritical,
    ...(attributes === undefined ? {} : { attributes }),
    ...basicConstraints(found.get(EXTENSION.basicConstraints)),
    ...optional('keyUsage', found.get(EXTENSION.keyUsage), keyUsageBits),
    ...optional('extendedKeyUsage', found.get(EXTENSION.extendedKeyUsage), (value) => childrenOf(value).map((oid) => oidHex(oid, 'usage'))),
    ...optional('ski', found.get(EXTENSION.ski), (value) => expectTag(value, TAG.octetString, 'key identifier').content),
    ...optional('aki', found.get(EXTENSION.aki), authorityKeyId)
  }
}

function isCritical (rest: readonly Der[]): boolean {
  return rest.length === 2 && rest[0] !== undefined && isTrue(rest[0])
}

/** The one element within an extension's OCTET STRING. Unknown extensions may hold anything. */
function readExtension (rest: readonly Der[]): Der {
  if (rest.length < 1 || rest.length > 2) throw refuse('malformed extension')
  return expectTag(rest.at(-1), TAG.octetString, 'extension')
}

function optional<K extends string, T> (name: K, extension: Der | undefined, read: (value: Der) => T | undefined): { [P in K]?: T } {
  const value = extension === undefined ? undefined : read(readDer(extension.content))
  return value === undefined ? {} : { [name]: value } as { [P in K]?: T }
}

function basicConstraints (extension: Der | undefined): Pick<Certificate, 'isCa' | 'pathLength'> {
  if (extension === undefined) return { isCa: false }
  const parts = childrenOf(expectTag(readDer(extension.content), TAG.sequence, 'basic constraints'))
  const isCa = parts[0]?.tag === TAG.boolean && isTrue(parts[0])
  const length = parts.find((part) => part.tag === TAG.integer)
  return length === undefined ? { isCa } : { isCa, pathLength: smallInteger(length, 'path length') }
}

function keyUsageBits (value: Der): number {
  const [first = 0, second = 0] = bitString(value, 'key usage').bytes
  let bits = 0
  for (let n = 0; n < 9; n++) {
    const set = n < 8 ? (first >> (7 - n)) & 1 : second >> 7
    bits |= set << n
  }
  return bits
}

/** keyIdentifier [0] of AuthorityKeyIdentifier. @internal also of a CRL's. */
export function authorityKeyId (value: Der): Uint8Array | undefined {
  return childrenOf(expectTag(value, TAG.sequence, 'authority key identifier')).find((part) => part.tag === 0x80)?.content
}

/** Whether `signature` over `signed` verifies by the issuer's key. S may be high, as CAs make it; the encoding must be canonical. */
export function verifyIssued (
  crypto: Crypto, signed: { readonly bytes: Uint8Array, readonly algorithm: string, readonly signature: Uint8Array }, issuer: Certificate
): boolean {
  const hash = SIGNATURE_HASHES.get(signed.algorithm)
  if (hash === undefined) throw refuse('a signature algorithm that is not ECDSA with SHA-256 or SHA-384', 'UNSUPPORTED_TYPE')
  const { curve, spki } = issuer.publicKey
  return isCanonicalDer(signed.signature) &&
    crypto.verifyEcdsa({ curve, hash, spki, message: signed.bytes, signature: signed.signature })
}

/**
 * Whether `issuer` is a CA that may sign certificates and signed this one: names match, so do key identifiers where both
 * are given, basicConstraints and keyCertSign hold, the signature verifies. Path length and roots are the MSP's to check.
 */
export function isIssuedBy (crypto: Crypto, certificate: Certificate, issuer: Certificate): boolean {
  return equalBytes(certificate.issuerDer, issuer.subjectDer) &&
    (certificate.aki === undefined || issuer.ski === undefined || equalBytes(certificate.aki, issuer.ski)) &&
    issuer.isCa &&
    (issuer.keyUsage === undefined || (issuer.keyUsage & KEY_CERT_SIGN) !== 0) &&
    issuer.unknownCritical.length === 0 &&
    verifyIssued(crypto, { bytes: certificate.tbs, algorithm: certificate.signatureAlgorithm, signature: certificate.signature }, issuer)
}
