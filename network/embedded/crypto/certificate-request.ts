import { loadLibrary } from './certificates.js'

/** What a PKCS #10 request asks for, its proof of possession checked. */
export interface CertificateRequest {
  readonly commonName: string
  /** SubjectPublicKeyInfo, DER; on P-256. */
  readonly publicKey: Uint8Array
}

const P256 = 'P-256'
const BASIC_CONSTRAINTS = '2.5.29.19'

/** Undefined for what is not a genuine request for a leaf certificate over a P-256 key. */
export async function readCertificateRequest (pem: string): Promise<CertificateRequest | undefined> {
  const x509 = await loadLibrary()
  try {
    const request = new x509.Pkcs10CertificateRequest(pem)
    const algorithm = request.publicKey.algorithm as { readonly namedCurve?: string }
    const constraints = request.getExtension(BASIC_CONSTRAINTS)
    const asksForCa = constraints !== null && new x509.BasicConstraintsExtension(constraints.rawData).ca
    if (algorithm.namedCurve !== P256 || asksForCa || !await request.verify()) return undefined
    const [commonName = ''] = request.subjectName.getField('CN')
    return { commonName, publicKey: new Uint8Array(request.publicKey.rawData) }
  } catch {
    return undefined // the library throws whatever its parsers do
  }
}
