import { CaError, caCode } from './errors.js'
import type { CaAttribute, CaIdentity } from './identity.js'
import { badBody, integerOf, objectsOf, textOf, type AuthenticatedRequest, type CaContext, type CaRequest } from './request.js'
import { requireAttributes, requireAuthority } from './rights.js'
import { hashSecret, randomSecret } from './secrets.js'

/** A new identity and the secret to enroll it with. */
export interface Registered {
  readonly identity: CaIdentity
  readonly secret: string
}

/** Registers an identity on behalf of a registrar. */
export async function register ({ store }: CaContext, { caller, body }: AuthenticatedRequest): Promise<Registered> {
  const id = textOf(body, 'id')
  if (id === '') throw badBody('\'id\' is missing')
  const type = textOf(body, 'type').toLowerCase() || caller.type
  const affiliation = affiliationOf(body, caller)
  const requested = attributesOf(body)
  requireAuthority(caller, { type, affiliation })
  requireAttributes(caller, requested)
  const secret = textOf(body, 'secret') || randomSecret()
  const secretHash = await hashSecret(secret)
  if (store.identity(id) !== undefined) {
    throw new CaError(409, caCode.ALREADY_REGISTERED, `Identity '${id}' is already registered`)
  }
  const identity: CaIdentity = {
    id,
    type,
    affiliation,
    attributes: [...requested, ...standardAttributes({ id, type, affiliation })],
    maxEnrollments: maxEnrollmentsOf(body),
    enrollments: 0,
    failedLogins: 0,
    revoked: false,
    secretHash
  }
  store.putIdentity(identity)
  return { identity, secret }
}

/** Attributes that every identity has, and that every certificate shows. */
export function standardAttributes ({ id, type, affiliation }: Pick<CaIdentity, 'id' | 'type' | 'affiliation'>): CaAttribute[] {
  return [
    { name: 'hf.EnrollmentID', value: id, ecert: true },
    { name: 'hf.Type', value: type, ecert: true },
    { name: 'hf.Affiliation', value: affiliation, ecert: true }
  ]
}

/** '.' asks for the root; nothing, for the registrar's own. */
function affiliationOf (body: CaRequest['body'], caller: CaIdentity): string {
  const affiliation = textOf(body, 'affiliation')
  if (affiliation === '') return caller.affiliation
  return affiliation === '.' ? '' : affiliation
}

function attributesOf (body: CaRequest['body']): CaAttribute[] {
  return (objectsOf(body, 'attrs') ?? []).map((attribute) => {
    const name = textOf(attribute, 'name')
    if (name === '') throw badBody('an attribute needs a name')
    return { name, value: textOf(attribute, 'value'), ecert: attribute['ecert'] === true }
  })
}

/** 0 asks for the CA's own limit, and this CA has none. */
function maxEnrollmentsOf (body: CaRequest['body']): number {
  const asked = integerOf(body, 'max_enrollments')
  if (asked < -1) {
    const message = `Max enrollment in registration request may not be less than -1, but was ${String(asked)}`
    throw new CaError(400, caCode.MAX_ENROLLMENTS, message)
  }
  return asked === 0 ? -1 : asked
}
