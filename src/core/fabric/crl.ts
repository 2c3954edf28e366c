import { equalBytes, toHex } from '../bytes.js'
import type { Crypto } from '../crypto.js'
import { bitString, childrenOf, type Der, expectTag, integerBytes, oidHex, readDer, TAG } from './der.js'
import { pemToDer } from './pem.js'
import { authorityKeyId, type Certificate, verifyIssued } from './x509.js'

/** A certificate revocation list of an MSP (RFC 5280 section 5). */
export interface RevocationList {
  readonly tbs: Uint8Array
  readonly algorithm: string
  readonly signature: Uint8Array
  readonly aki: Uint8Array | undefined
  /** Serial numbers as `Certificate.serial`. */
  readonly serials: ReadonlySet<string>
}

const AUTHORITY_KEY_IDENTIFIER = '551d23'

/** Parses a CRL, in DER or in PEM. */
export function parseRevocationList (derOrPem: Uint8Array): RevocationList {
  const der = derOrPem[0] === TAG.sequence ? derOrPem : pemToDer(derOrPem, 'X509 CRL')
  const [tbs, algorithm, signature] = childrenOf(expectTag(readDer(der), TAG.sequence, 'CRL'))
  const list = expectTag(tbs, TAG.sequence, 'CRL body')
  const parts = childrenOf(list)
  // version?, algorithm, issuer, thisUpdate, nextUpdate?, revoked?, [0] extensions?: the entries are the third SEQUENCE.
  const revoked = parts.filter((part) => part.tag === TAG.sequence)[2]
  const extensions = parts.find((part) => part.tag === 0xa0)
  return {
    tbs: list.bytes,
    algorithm: oidHex(childrenOf(expectTag(algorithm, TAG.sequence, 'algorithm'))[0], 'algorithm'),
    signature: bitString(signature, 'signature').bytes,
    serials: new Set(revoked === undefined ? [] : childrenOf(revoked).map((entry) => toHex(integerBytes(childrenOf(entry)[0], 'serial')))),
    aki: extensions === undefined ? undefined : listAuthority(childrenOf(readDer(extensions.content)))
  }
}

function listAuthority (extensions: readonly Der[]): Uint8Array | undefined {
  const parts = extensions.map(childrenOf).find(([id]) => oidHex(id, 'extension') === AUTHORITY_KEY_IDENTIFIER)
  const value = parts?.at(-1)
  return value === undefined ? undefined : authorityKeyId(readDer(expectTag(value, TAG.octetString, 'extension').content))
}

/** As Fabric: a list of the issuing CA (by key identifier) that names the serial and that this CA signed. Dates do not matter. */
export function isRevoked (crypto: Crypto, lists: readonly RevocationList[], certificate: Certificate, issuer: Certificate): boolean {
  return lists.some((list) =>
    list.aki !== undefined && issuer.ski !== undefined && equalBytes(list.aki, issuer.ski) &&
    list.serials.has(certificate.serial) &&
    verifyIssued(crypto, { bytes: list.tbs, algorithm: list.algorithm, signature: list.signature }, issuer))
}
