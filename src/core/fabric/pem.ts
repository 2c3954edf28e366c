import { fromBase64, fromUtf8 } from '../bytes.js'
import { EvidenceError } from '../errors.js'

const FORM = /^\s*-----BEGIN ([A-Z0-9 ]+)-----\r?\n([A-Za-z0-9+/=\r\n]+)-----END \1-----\s*$/

/** The DER of PEM text with exactly one block of this label in it, and nothing else but white space around it. */
export function pemToDer (pem: Uint8Array, label: 'CERTIFICATE' | 'X509 CRL' = 'CERTIFICATE'): Uint8Array {
  const [, found, body] = FORM.exec(fromUtf8(pem)) ?? []
  if (body === undefined || found !== label) throw new EvidenceError({ code: 'CERTIFICATE', message: `not the PEM of one ${label}` })
  try {
    return fromBase64(body.replaceAll(/[\r\n]/g, ''))
  } catch (cause) {
    throw new EvidenceError({ code: 'CERTIFICATE', message: 'malformed base64 in PEM', cause })
  }
}
