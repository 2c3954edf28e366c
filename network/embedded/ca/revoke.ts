import { CaError, caCode, NO_SUCH_USER } from './errors.js'
import { normalHex, type CaCertificate, type CaIdentity } from './identity.js'
import { badBody, textOf, type AuthenticatedRequest, type CaContext, type CaRequest } from './request.js'
import { requireAuthority, requireRight } from './rights.js'

const reasons: Readonly<Record<string, number>> = {
  unspecified: 0,
  keycompromise: 1,
  cacompromise: 2,
  affiliationchanged: 3,
  superseded: 4,
  cessationofoperation: 5,
  certificatehold: 6,
  removefromcrl: 8,
  privilegewithdrawn: 9,
  aacompromise: 10
}

/** Revokes one certificate (serial and aki), or an identity with all its certificates (id). */
export async function revoke (context: CaContext, { caller, body }: AuthenticatedRequest): Promise<unknown> {
  const id = textOf(body, 'id')
  const serial = normalHex(textOf(body, 'serial'))
  const aki = normalHex(textOf(body, 'aki'))
  const reason = reasons[textOf(body, 'reason').toLowerCase()] ?? 0
  const single = serial !== '' && aki !== ''
  if (!single && id === '') {
    throw new CaError(400, caCode.MISSING_REVOKE_ARGUMENTS, 'Either Name or Serial and AKI are required for a revoke request')
  }
  const certificates = single ? [certificateToRevoke(context, caller, { id, serial, aki })] : revokeIdentity(context, caller, id)
  const revokedAt = new Date().toISOString()
  context.store.putCertificates(certificates.map((certificate) => ({ ...certificate, revokedAt, reason })))
  const withList = body['gencrl'] === true && certificates.length > 0
  return {
    RevokedCerts: certificates.map((certificate) => ({ Serial: certificate.serial, AKI: certificate.aki })),
    CRL: withList ? await revocationList(context, {}) : ''
  }
}

/** The signed list of revoked certificates, base64 of PEM. Bounds are those of Fabric CA's gencrl. */
export async function generateRevocationList (context: CaContext, { caller, body }: AuthenticatedRequest): Promise<unknown> {
  requireRight(caller, 'hf.GenCRL')
  return { CRL: await revocationList(context, body) }
}

function certificateToRevoke (
  { store }: CaContext, caller: CaIdentity, { id, serial, aki }: { id: string, serial: string, aki: string }
): CaCertificate {
  const certificate = store.certificate(serial, aki)
  if (certificate === undefined) {
    throw new CaError(404, caCode.CERTIFICATE_NOT_FOUND, `Certificate with serial ${serial} and AKI ${aki} was not found`)
  }
  requireRevoker(caller, store.identity(certificate.id), certificate.id)
  if (certificate.revokedAt !== undefined) {
    throw new CaError(404, caCode.ALREADY_REVOKED, `Certificate with serial ${serial} and AKI ${aki} was already revoked`)
  }
  if (id !== '' && id !== certificate.id) {
    throw new CaError(400, caCode.WRONG_OWNER, `Certificate with serial ${serial} and AKI ${aki} is not owned by ${id}`)
  }
  return certificate
}

function revokeIdentity ({ store }: CaContext, caller: CaIdentity, id: string): CaCertificate[] {
  const identity = store.identity(id)
  requireRevoker(caller, identity, id)
  if (identity === undefined) throw new CaError(404, caCode.IDENTITY_NOT_FOUND, `Identity ${id} was not found: ${NO_SUCH_USER}`)
  store.putIdentity({ ...identity, revoked: true })
  return store.certificates().filter((certificate) => certificate.id === id && certificate.revokedAt === undefined)
}

/** Everybody may revoke what is their own. */
function requireRevoker (caller: CaIdentity, owner: CaIdentity | undefined, ownerId: string): void {
  if (caller.id === ownerId) return
  requireRight(caller, 'hf.Revoker')
  if (owner !== undefined) requireAuthority(caller, owner)
}

async function revocationList ({ authority, store }: CaContext, bounds: CaRequest['body']): Promise<string> {
  const within = interval(bounds, 'revoked')
  const expiring = interval(bounds, 'expire')
  const revoked = store.certificates().flatMap(({ serial, revokedAt, notAfter }) =>
    revokedAt !== undefined && within(revokedAt) && expiring(notAfter) ? [{ serial, at: new Date(revokedAt) }] : [])
  return Buffer.from(await authority.revocationList(revoked)).toString('base64')
}

/** `<name>After` and `<name>Before`, whatever their case; Go's zero time means no bound. */
function interval (bounds: CaRequest['body'], name: string): (time: string) => boolean {
  const bound = (suffix: string): number | undefined => {
    const value = Object.entries(bounds).find(([key]) => key.toLowerCase() === name + suffix)?.[1]
    if (value === undefined || value === null || value === '') return undefined
    const time = typeof value === 'string' ? Date.parse(value) : NaN
    if (Number.isNaN(time)) throw badBody(`'${name}${suffix}' is not a time`)
    return time > 0 ? time : undefined
  }
  const [after = -Infinity, before = Infinity] = [bound('after'), bound('before')]
  return (time) => Date.parse(time) >= after && Date.parse(time) <= before
}
