import { verifyLowS } from '../../../src/core/fabric/ecdsa.js'
import { isIssuedBy, parseCertificate, type Certificate } from '../../../src/core/fabric/x509.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import { authenticationFailure, CaError, caCode } from './errors.js'
import { normalHex, type CaIdentity } from './identity.js'
import type { CaContext, CaRequest } from './request.js'
import { sameSecret, secretMatches } from './secrets.js'

/** Wrong passwords after which an identity can enroll no more, Fabric CA's default. */
const allowedAttempts = 10

/** Enrollment id and secret of HTTP Basic. The enrollment is counted here: two at once cannot both be the last one. */
export async function authenticateBasic (context: CaContext, request: CaRequest): Promise<CaIdentity> {
  const { store } = context
  const [id, secret] = credentials(request.authorization)
  const known = store.identity(id)
  if (known === undefined) throw authenticationFailure(`no identity ${id}`)
  if (known.failedLogins >= allowedAttempts) {
    throw new CaError(401, caCode.PASSWORD_ATTEMPTS, `Incorrect password entered ${String(known.failedLogins)} times, ` +
      `max incorrect password limit of ${String(allowedAttempts)} reached`)
  }
  const matches = await checkSecret(context, known, secret)
  const identity = store.identity(id) ?? known // it may have enrolled while the secret was hashed
  if (!matches) {
    store.putIdentity({ ...identity, failedLogins: identity.failedLogins + 1 })
    throw authenticationFailure(`wrong secret of ${id}`)
  }
  if (identity.revoked) throw authenticationFailure(`${id} is revoked`)
  if (identity.maxEnrollments !== -1 && identity.enrollments >= identity.maxEnrollments) {
    throw authenticationFailure(`${id} has reached its maximum enrollment allowance`)
  }
  const counted = { ...identity, enrollments: identity.enrollments + 1, failedLogins: 0 }
  store.putIdentity(counted)
  return counted
}

/** Gives back an enrollment that came to nothing. */
export function uncountEnrollment ({ store }: CaContext, id: string): void {
  const identity = store.identity(id)
  if (identity !== undefined) store.putIdentity({ ...identity, enrollments: identity.enrollments - 1 })
}

/** The caller of a request with a token: owner of a valid certificate that this CA issued, who signed just this request. */
export function authenticateToken (context: CaContext, request: CaRequest): CaIdentity {
  if (request.authorization === '') throw noHeader()
  const certificate = verifyToken(request)
  const issuer = parseCertificate(Buffer.from(context.authority.certificatePem))
  if (!isIssuedBy(nodeCrypto, certificate, issuer)) throw authenticationFailure('the certificate is not of this CA')
  if (Date.parse(certificate.notAfter) < Date.now()) throw authenticationFailure('the certificate has expired')
  return ownerOf(context, certificate)
}

/** The certificate of a token `b64(certificate).b64(signature)`, signed over method, path, body and certificate. */
function verifyToken ({ authorization, method, uri, raw }: CaRequest): Certificate {
  const [encoded = '', signature = ''] = authorization.split('.')
  const certificate = readCertificate(Buffer.from(encoded, 'base64'))
  const base64 = (data: string | Buffer): string => Buffer.from(data).toString('base64')
  const message = Buffer.from(`${method}.${base64(uri)}.${base64(raw)}.${encoded}`)
  if (!verifyLowS(nodeCrypto, certificate.publicKey, message, Buffer.from(signature, 'base64'))) {
    throw authenticationFailure('the token\'s signature is wrong')
  }
  return certificate
}

function ownerOf ({ store }: CaContext, { serial, aki }: Certificate): CaIdentity {
  const issued = store.certificate(normalHex(serial), normalHex(Buffer.from(aki ?? []).toString('hex')))
  if (issued === undefined) throw authenticationFailure('the certificate was not issued through this service')
  if (issued.revokedAt !== undefined) throw authenticationFailure('the certificate is revoked')
  const identity = store.identity(issued.id)
  if (identity === undefined || identity.revoked) throw authenticationFailure(`${issued.id} is revoked`)
  return identity
}

async function checkSecret ({ authority }: CaContext, identity: CaIdentity, secret: string): Promise<boolean> {
  if (identity.secretHash !== undefined) return await secretMatches(secret, identity.secretHash)
  return identity.id === authority.registrar.id && sameSecret(secret, authority.registrar.secret)
}

function credentials (authorization: string): [string, string] {
  if (authorization === '') throw noHeader()
  const [scheme = '', encoded = ''] = authorization.split(' ')
  const text = Buffer.from(encoded, 'base64').toString()
  const colon = text.indexOf(':')
  if (scheme.toLowerCase() !== 'basic' || colon < 0) throw authenticationFailure('no user and password')
  return [text.slice(0, colon), text.slice(colon + 1)]
}

function readCertificate (pem: Buffer): Certificate {
  try {
    return parseCertificate(pem)
  } catch {
    throw authenticationFailure('the token has no certificate')
  }
}

function noHeader (): CaError {
  return new CaError(401, caCode.NO_AUTHORIZATION_HEADER, 'No authorization header')
}
