/**
 * Making X.509 certificates. The library is loaded on first use: an existing folder starts without it.
 * @module
 */
import { generateKeyPair, randomBytes, webcrypto } from 'node:crypto'
import { promisify } from 'node:util'
import type * as Library from '@peculiar/x509'
import { isLowSRaw } from './sign.js'

/** A certificate with its private key (PKCS #8), both PEM. */
export interface KeyedCertificate {
  readonly certPem: string
  readonly keyPem: string
}

/** What a certificate says beside its issuer and key. */
export interface LeafOptions {
  readonly commonName: string
  readonly organizationalUnits: readonly string[]
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
  readonly days: number
  /** Server and client authentication, for TLS. */
  readonly tls?: boolean
  /** DNS names and IP addresses of the subject alternative name. */
  readonly hosts?: readonly string[]
  /** Fabric CA attributes. */
  readonly attributes?: Readonly<Record<string, string>>
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const ATTRIBUTES_OID = '1.2.3.4.5.6.7.8.1' // where Fabric CA puts {"attrs": {...}}
const DAY = 86_400_000
const BACKDATED = 300_000 // so that a slightly slow clock of a client accepts a fresh certificate

let library: Promise<typeof Library> | undefined

/** @internal The certificate library, loaded on first use. */
export async function loadLibrary (): Promise<typeof Library> {
  library ??= (async () => {
    await import('reflect-metadata')
    const loaded = await import('@peculiar/x509')
    loaded.cryptoProvider.set(webcrypto as never)
    return loaded
  })()
  return await library
}

/** A P-256 key pair: PKCS #8 PEM and SubjectPublicKeyInfo DER. */
export async function createKeyPair (): Promise<{ keyPem: string, publicKey: Uint8Array }> {
  const pair = await promisify(generateKeyPair)('ec', {
    namedCurve: 'P-256',
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'der' }
  })
  return { keyPem: pair.privateKey, publicKey: new Uint8Array(pair.publicKey) }
}

/** A self-signed root for one organization. */
export async function createRoot (commonName: string, organizationalUnits: readonly string[]): Promise<KeyedCertificate> {
  const x509 = await loadLibrary()
  const pair = await createKeyPair()
  const keys = await importKeys(pair.keyPem, pair.publicKey)
  const flags = x509.KeyUsageFlags
  const certPem = await lowS(async () => await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: serialNumber(),
    name: name(commonName, organizationalUnits),
    ...validity(3650),
    keys,
    signingAlgorithm: ALGORITHM,
    extensions: [
      new x509.BasicConstraintsExtension(true, undefined, true),
      new x509.KeyUsagesExtension(flags.keyCertSign | flags.cRLSign | flags.digitalSignature, true),
      await x509.SubjectKeyIdentifierExtension.create(keys.publicKey)
    ]
  }))
  return { certPem, keyPem: pair.keyPem }
}

/** A certificate below `issuer`, as PEM. */
export async function issueCertificate (issuer: KeyedCertificate, options: LeafOptions): Promise<string> {
  const x509 = await loadLibrary()
  const root = new x509.X509Certificate(issuer.certPem)
  const publicKey = await importPublicKey(options.publicKey)
  const extensions = [
    new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    new x509.BasicConstraintsExtension(false, undefined, true),
    await x509.AuthorityKeyIdentifierExtension.create(await importPublicKey(new Uint8Array(root.publicKey.rawData))),
    await x509.SubjectKeyIdentifierExtension.create(publicKey),
    ...optionalExtensions(x509, options)
  ]
  const signingKey = await importPrivateKey(issuer.keyPem)
  return await lowS(async () => await x509.X509CertificateGenerator.create({
    serialNumber: serialNumber(),
    subject: name(options.commonName, options.organizationalUnits),
    issuer: root.subjectName.toJSON(),
    ...validity(options.days),
    signingKey,
    publicKey,
    signingAlgorithm: ALGORITHM,
    extensions
  }))
}

function optionalExtensions (x509: typeof Library, options: LeafOptions): Library.Extension[] {
  const out: Library.Extension[] = []
  if (options.hosts !== undefined && options.hosts.length > 0) {
    out.push(new x509.SubjectAlternativeNameExtension(options.hosts.map((value) => ({ type: hostType(value), value }))))
  }
  if (options.tls === true) {
    out.push(new x509.ExtendedKeyUsageExtension([x509.ExtendedKeyUsage.serverAuth, x509.ExtendedKeyUsage.clientAuth]))
  }
  if (options.attributes !== undefined) {
    out.push(new x509.Extension(ATTRIBUTES_OID, false, Buffer.from(JSON.stringify({ attrs: options.attributes }))))
  }
  return out
}

function hostType (host: string): 'ip' | 'dns' {
  return /^[\d.]+$|:/.test(host) ? 'ip' : 'dns'
}

/**
 * Issues again until the signature has a low S (two tries on average): Fabric rewrites certificates with a high S when it reads
 * them, and the bytes of an identity must be the same everywhere.
 */
async function lowS (issue: () => Promise<Library.X509Certificate>): Promise<string> {
  for (;;) {
    const certificate = await issue()
    if (isLowSRaw(rawSignature(new Uint8Array(certificate.signature)))) return `${certificate.toString('pem')}\n`
  }
}

/** The library keeps a signature as WebCrypto gives it (r || s) when it made it, and as DER after parsing: accept both. */
function rawSignature (signature: Uint8Array): Uint8Array {
  if (signature.length === 64) return signature
  const r = signature.subarray(4, 4 + (signature[3] ?? 0))
  const s = signature.subarray(6 + r.length)
  const raw = new Uint8Array(64)
  const [left, right] = [r.subarray(-32), s.subarray(-32)]
  raw.set(left, 32 - left.length)
  raw.set(right, 64 - right.length)
  return raw
}

function name (commonName: string, organizationalUnits: readonly string[]): Array<Record<string, string[]>> {
  return [...organizationalUnits.map((unit) => ({ OU: [unit] })), { CN: [commonName] }]
}

function validity (days: number): { notBefore: Date, notAfter: Date } {
  const now = Date.now()
  return { notBefore: new Date(now - BACKDATED), notAfter: new Date(now + days * DAY) }
}

/** RFC 5280 section 4.1.2.2: positive, at most 20 octets. */
function serialNumber (): string {
  const bytes = randomBytes(16)
  bytes[0] = ((bytes[0] ?? 0) & 0x3f) | 0x40
  return bytes.toString('hex')
}

/** Keys as the library takes them. */
export async function importKeys (keyPem: string, spki: Uint8Array): Promise<webcrypto.CryptoKeyPair> {
  return { privateKey: await importPrivateKey(keyPem), publicKey: await importPublicKey(spki) }
}

/** @internal */
export async function importPrivateKey (keyPem: string): Promise<webcrypto.CryptoKey> {
  const der = Buffer.from(keyPem.replace(/-----[^-]+-----/g, ''), 'base64')
  return await webcrypto.subtle.importKey('pkcs8', der, ALGORITHM, false, ['sign'])
}

async function importPublicKey (spki: Uint8Array): Promise<webcrypto.CryptoKey> {
  return await webcrypto.subtle.importKey('spki', spki, ALGORITHM, true, ['verify'])
}
