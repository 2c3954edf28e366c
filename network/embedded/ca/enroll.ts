import { parseCertificate } from '../../../src/core/fabric/x509.js'
import type { IssueRequest } from '../channel.js'
import { readCertificateRequest } from '../crypto/certificate-request.js'
import { CaError, caCode } from './errors.js'
import { normalHex, type CaIdentity } from './identity.js'
import { objectsOf, textOf, type CaContext, type CaRequest } from './request.js'

/** Days that an enrollment certificate is valid, Fabric CA's default. */
const validDays = 365

/** Issues a certificate over the request's key; returns PEM. */
export async function issueEnrollment (context: CaContext, identity: CaIdentity, body: CaRequest['body']): Promise<string> {
  const { authority, store } = context
  const profile = textOf(body, 'profile')
  if (profile !== '') throw new CaError(500, caCode.UNKNOWN, `Invalid profile: '${profile}'`)
  const publicKey = await requestedKey(textOf(body, 'certificate_request'), identity.id)
  const pem = await authority.issue({
    commonName: identity.id,
    role: identity.type as IssueRequest['role'], // registrars can register no other type
    organizationalUnits: identity.affiliation === '' ? [] : identity.affiliation.split('.'),
    publicKey,
    attributes: certifiedAttributes(identity, body),
    days: validDays
  })
  const { serial, aki, notAfter } = parseCertificate(Buffer.from(pem))
  store.putCertificates([{
    id: identity.id, serial: normalHex(serial), aki: normalHex(Buffer.from(aki ?? []).toString('hex')), pem, notAfter
  }])
  return pem
}

async function requestedKey (csr: string, id: string): Promise<Uint8Array> {
  const request = await readCertificateRequest(csr)
  if (request === undefined) throw new CaError(400, caCode.BAD_CSR, 'CSR Decode failed')
  if (request.commonName !== id) {
    throw new CaError(403, caCode.COMMON_NAME, 'The CSR subject common name must equal the enrollment ID')
  }
  return request.publicKey
}

/** Those that are asked for; when none are, those registered with `ecert`. */
function certifiedAttributes (identity: CaIdentity, body: CaRequest['body']): Record<string, string> {
  const requests = objectsOf(body, 'attr_reqs')?.map((request) => (
    { name: textOf(request, 'name'), optional: request['optional'] === true }
  ))
  const wanted = requests ?? identity.attributes.filter(({ ecert }) => ecert).map(({ name }) => ({ name, optional: true }))
  const known = new Set(identity.attributes.map(({ name }) => name))
  const missing = wanted.filter(({ name, optional }) => !optional && !known.has(name))
  if (missing.length > 0) {
    const names = missing.map(({ name }) => name).join(' ')
    const reason = `The following required attributes are missing: [${names}]`
    throw new CaError(500, caCode.UNKNOWN, `Failed to find requested attributes: ${reason}`)
  }
  const certified = identity.attributes.filter(({ name }) => wanted.some((request) => request.name === name))
  const sorted = certified.sort((a, b) => a.name < b.name ? -1 : 1)
  return Object.fromEntries(sorted.map(({ name, value }) => [name, value]))
}
