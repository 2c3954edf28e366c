import { fromBase64url, fromUtf8 } from '../bytes.js'
import { EvidenceError } from '../errors.js'

const FORM = /^\s*-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----\s*$/

/** The DER of PEM text with exactly one block of this label in it, and nothing else but white space around it. */
export function pemToDer (pem: Uint8Array, label: 'CERTIFICATE' | 'X509 CRL' = 'CERTIFICATE'): Uint8Array {
  const [, found, body] = FORM.exec(fromUtf8(pem)) ?? []
  if (body === undefined || found !== label) throw new EvidenceError({ code: 'CERTIFICATE', message: `not the PEM of one ${label}` })
  const text = body.replaceAll(/[\r\n]/g, '')
  const unpadded = text.replace(/={1,2}$/, '')
  if (text.length % 4 !== 0) throw new EvidenceError({ code: 'CERTIFICATE', message: 'malformed base64 in PEM' })
  try {
    return fromBase64url(unpadded.replaceAll('+', '-').replaceAll('/', '_'))
  } catch (cause) {
    throw new EvidenceError({ code: 'CERTIFICATE', message: 'malformed base64 in PEM', cause })
  }
}
