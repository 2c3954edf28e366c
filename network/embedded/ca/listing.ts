import { authorizationFailure, CaError, caCode, NO_SUCH_USER } from './errors.js'
import { attributeValue, normalHex, type CaAttribute, type CaCertificate, type CaIdentity } from './identity.js'
import type { AuthenticatedRequest, CaContext } from './request.js'
import { isRegistrar, requireAuthority } from './rights.js'

/** Query parameters of a certificate listing that this server evaluates. */
const filters: ReadonlySet<string> = new Set(['id', 'serial', 'aki', 'notrevoked', 'notexpired', 'ca'])

/** One identity, or all that the registrar may act on. */
export function listIdentities ({ authority, store }: CaContext, { caller }: AuthenticatedRequest, id?: string): unknown {
  if (!isRegistrar(caller)) throw authorizationFailure(`${caller.id} is not a registrar`)
  if (id === undefined) {
    const visible = store.identities().filter((identity) => mayActOn(caller, identity))
    return { identities: visible.map(describeIdentity), caname: authority.name }
  }
  const identity = store.identity(id)
  if (identity === undefined) throw new CaError(404, caCode.IDENTITY_UNKNOWN, NO_SUCH_USER)
  requireAuthority(caller, identity)
  return { ...describeIdentity(identity), caname: authority.name }
}

export function describeIdentity ({ id, type, affiliation, attributes, maxEnrollments }: CaIdentity): Record<string, unknown> {
  return { id, type, affiliation, attrs: attributes.map(describeAttribute), max_enrollments: maxEnrollments }
}

/** As Fabric CA writes it: what is false is left out. */
function describeAttribute ({ name, value, ecert }: CaAttribute): Partial<CaAttribute> {
  return { name, value, ...(ecert ? { ecert } : {}) }
}

/** Issued certificates, by owner, serial number, key id and state. */
export function listCertificates ({ authority, store }: CaContext, { caller, query }: AuthenticatedRequest): unknown {
  if (!isRegistrar(caller) && attributeValue(caller, 'hf.Revoker') !== 'true') {
    throw authorizationFailure(`${caller.id} has neither hf.Registrar.Roles nor hf.Revoker`)
  }
  const unknown = [...query.keys()].find((name) => !filters.has(name))
  if (unknown !== undefined) throw new CaError(400, caCode.CERTIFICATE_QUERY, `Invalid Request: '${unknown}' is not supported`)
  const certificates = store.certificates().filter((certificate) => matches(certificate, query))
  return { certs: certificates.map(({ pem }) => ({ PEM: pem })), caname: authority.name }
}

function matches (certificate: CaCertificate, query: URLSearchParams): boolean {
  const is = (name: string, value: string): boolean => query.get(name) === null || normalHex(query.get(name) ?? '') === value
  if (query.get('id') !== null && query.get('id') !== certificate.id) return false
  if (query.get('notrevoked') === 'true' && certificate.revokedAt !== undefined) return false
  if (query.get('notexpired') === 'true' && Date.parse(certificate.notAfter) < Date.now()) return false
  return is('serial', certificate.serial) && is('aki', certificate.aki)
}

function mayActOn (caller: CaIdentity, identity: CaIdentity): boolean {
  try {
    requireAuthority(caller, identity)
    return true
  } catch {
    return false
  }
}
