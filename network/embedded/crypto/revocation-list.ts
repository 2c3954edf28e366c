import { importPrivateKey, loadLibrary, type KeyedCertificate } from './certificates.js'

/** A certificate that is no longer to be trusted. */
export interface RevokedCertificate {
  /** Hexadecimal. */
  readonly serial: string
  readonly at: Date
}

const ALGORITHM = { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
const DAY = 86_400_000 // a list's validity, Fabric CA's default

/** The revocation list of `issuer`, as PEM. */
export async function createRevocationList (issuer: KeyedCertificate, revoked: readonly RevokedCertificate[]): Promise<string> {
  const x509 = await loadLibrary()
  const root = new x509.X509Certificate(issuer.certPem)
  const now = Date.now()
  const list = await x509.X509CrlGenerator.create({
    issuer: root.subject,
    thisUpdate: new Date(now),
    nextUpdate: new Date(now + DAY),
    entries: revoked.map(({ serial, at }) => ({ serialNumber: serial.padStart(serial.length + serial.length % 2, '0'), revocationDate: at })),
    extensions: [await x509.AuthorityKeyIdentifierExtension.create(root.publicKey)],
    signingAlgorithm: ALGORITHM,
    signingKey: await importPrivateKey(issuer.keyPem)
  })
  const lines = Buffer.from(list.rawData).toString('base64').replace(/(.{64})(?=.)/g, '$1\n')
  return `-----BEGIN X509 CRL-----\n${lines}\n-----END X509 CRL-----\n`
}
