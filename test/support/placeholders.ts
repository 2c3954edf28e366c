/**
 * What differs between any two networks, replaced by a name of its kind, so that what is left can be compared.
 * @module
 */
import { parseRevocationList } from '../../src/core/fabric/crl.js'
import { parseCertificate } from '../../src/core/fabric/x509.js'

/** Values of fields, by path. Where a field is empty or zero it stays so: whether it is filled in does not depend on the network. */
const FIELDS: ReadonlyArray<readonly [path: RegExp, placeholder: string, why: string]> = [
  [/\/signature$/, 'SIGNATURE', 'ECDSA signs with a random number'],
  [/\/nonce$/, 'NONCE', 'random'],
  [/\/(txId|txid)$/, 'TRANSACTION', 'hash of a nonce and a certificate'],
  [/\/(data|proposal|previous)Hash$|\/(current|previous)blockhash$/, 'HASH', 'covers nonces, certificates and times'],
  [/\/(pvtRwsetHash|valueHash)$/, 'HASH', 'covers the id of the package that was approved'],
  [/\/timestamp\/(seconds|nanos|incNum|seqNum)$/, 'TIME', 'of the run'],
  [/\/port$/i, 'PORT', 'assigned by the system'],
  [/\/ledgerHeight$/, 'HEIGHT', 'peers tell each other theirs every few seconds'],
  [/\/metadataList\/4$/, 'HASH', 'the commit hash covers all that was committed'],
  [/\/(pkiId|channelMac)$/, 'PEER', 'hash of the peer\'s certificate'],
  [/\/signaturesList\/\d\/identifierHeader\/identifier$/, 'CONSENTER', 'which three of the four orderers sign is chance'],
  [/\/packageId$/, 'PACKAGE', 'hash of the package: the embedded network has none of a chaincode that it runs itself']
]

/** Parts of texts. */
const TEXTS: ReadonlyArray<readonly [text: RegExp, placeholder: string, why: string]> = [
  [/\b(localhost|127\.0\.0\.1):\d+/g, 'HOST:PORT', 'assigned by the system'],
  [/\b[0-9a-f]{64}\b/g, 'HASH', 'transaction ids and hashes of packages'],
  [/\bproto:\u00a0/g, 'proto: ', 'which blank there is depends on how the program was built'],
  [/\[[0-9a-f]{8}\]/g, '[TRANSACTION]', 'the start of a transaction id'],
  [/\bclient-[0-9a-f]{8}\b/g, 'client-RANDOM', 'the service\'s name at its CA']
]

/** Units in the subjects of certificates that say which kind of network it is. */
const KINDS: ReadonlySet<string> = new Set(['consortium', 'embedded-development'])

/** A field's value, without what differs from one network to the next. */
export function withPlaceholders (path: string, value: string | Uint8Array): string {
  const shown = typeof value === 'string' ? value : textOf(value)
  const [, placeholder] = FIELDS.find(([pattern]) => pattern.test(path)) ?? []
  if (placeholder !== undefined) return shown === '' || shown === '0' ? shown : placeholder
  return TEXTS.reduce((text, [pattern, name]) => text.replaceAll(pattern, name), shown)
}

function textOf (bytes: Uint8Array): string {
  const text = Buffer.from(bytes).toString()
  if (text.startsWith('-----BEGIN CERTIFICATE')) return certificate(text)
  if (text.startsWith('-----BEGIN X509 CRL')) return `revocation list of ${parseRevocationList(bytes).serials.size}`
  return /^[\P{C}\s]*$/u.test(text) && Buffer.from(text).equals(bytes) ? text : Buffer.from(bytes).toString('hex')
}

/** Of a certificate: what it says, without keys, serial number and dates. */
export function certificate (pem: string): string {
  const { subject, isCa, pathLength, keyUsage, extendedKeyUsage, ski, aki, attributes, unknownCritical } = parseCertificate(Buffer.from(pem))
  return JSON.stringify({
    commonName: subject.commonName,
    units: subject.organizationalUnits.filter((unit) => !KINDS.has(unit)).sort(),
    isCa,
    pathLength,
    keyUsage,
    extendedKeyUsage: extendedKeyUsage?.toSorted(),
    hasKeyIds: [ski !== undefined, aki !== undefined],
    attributes: attributes === undefined ? undefined : JSON.parse(Buffer.from(attributes).toString()) as unknown,
    unknownCritical
  })
}
