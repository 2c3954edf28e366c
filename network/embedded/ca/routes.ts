import { authenticateBasic, authenticateToken, uncountEnrollment } from './authentication.js'
import { issueEnrollment } from './enroll.js'
import { CaError, caCode, UnknownPathError } from './errors.js'
import { describeIdentity, listCertificates, listIdentities } from './listing.js'
import { register } from './register.js'
import { textOf, type AuthenticatedRequest, type CaAnswer, type CaContext, type CaRequest } from './request.js'
import { generateRevocationList, revoke } from './revoke.js'

type Route = (context: CaContext, request: CaRequest) => Promise<CaAnswer>

const routes = new Map<string, Route>([
  ['GET cainfo', caInfo],
  ['POST cainfo', caInfo],
  ['POST enroll', enroll],
  ['POST reenroll', reenroll],
  ['POST register', registerIdentity],
  ['POST revoke', async (context, request) => ok(await revoke(context, authenticated(context, request)))],
  ['POST gencrl', async (context, request) => ok(await generateRevocationList(context, authenticated(context, request)))],
  ['GET certificates', (context, request) => answer(() => listCertificates(context, authenticated(context, request)))],
  ['GET identities', (context, request) => answer(() => listIdentities(context, authenticated(context, request)))],
  ['POST identities', addIdentity]
])

/** What an official CA has and this one does not. */
const NOT_HERE = /^(affiliations(\/.*)?|idemix\/(credential|cri))$/

/** Answers a request of the Fabric CA API. Paths are `/api/v1/<name>` or `/<name>`. @throws CaError, UnknownPathError */
export async function handleRequest (context: CaContext, request: CaRequest): Promise<CaAnswer> {
  const path = request.uri.replace(/\?.*$/, '').replace(/^\/(api\/v1\/)?/, '')
  requireThisCa(context, request)
  const route = routes.get(`${request.method} ${path}`)
  if (route !== undefined) return await route(context, request)
  const one = /^identities\/(.+)$/.exec(path)?.[1]
  if (one !== undefined) return oneIdentity(context, request, decodeURIComponent(one))
  const known = [...routes.keys()].some((key) => key.endsWith(` ${path}`))
  if (known) throw methodNotAllowed(request)
  if (NOT_HERE.test(path)) throw new CaError(404, caCode.UNKNOWN, `${path} is not supported by this CA`)
  throw new UnknownPathError(path)
}

function requireThisCa ({ authority }: CaContext, { query, body }: CaRequest): void {
  const name = query.get('ca') ?? textOf(body, 'caname')
  if (name !== '' && name !== authority.name) throw new CaError(404, caCode.CA_NOT_FOUND, `CA '${name}' does not exist`)
}

async function caInfo ({ authority }: CaContext): Promise<CaAnswer> {
  return await Promise.resolve(ok(serverInfo(authority)))
}

/** No Idemix here, hence no issuer keys. */
function serverInfo ({ name, certificatePem }: CaContext['authority']): Record<string, string> {
  const chain = Buffer.from(certificatePem).toString('base64')
  return { CAName: name, CAChain: chain, IssuerPublicKey: '', IssuerRevocationPublicKey: '', Version: 'embedded' }
}

async function enroll (context: CaContext, request: CaRequest): Promise<CaAnswer> {
  const identity = await authenticateBasic(context, request)
  try {
    return enrolled(context, await issueEnrollment(context, identity, request.body))
  } catch (error) {
    uncountEnrollment(context, identity.id)
    throw error
  }
}

async function reenroll (context: CaContext, request: CaRequest): Promise<CaAnswer> {
  return enrolled(context, await issueEnrollment(context, authenticateToken(context, request), request.body))
}

function enrolled ({ authority }: CaContext, pem: string): CaAnswer {
  return ok({ Cert: Buffer.from(pem).toString('base64'), ServerInfo: { ...serverInfo(authority), Version: '' } }, 201)
}

async function registerIdentity (context: CaContext, request: CaRequest): Promise<CaAnswer> {
  const { secret } = await register(context, authenticated(context, request))
  return ok({ secret }, 201)
}

async function addIdentity (context: CaContext, request: CaRequest): Promise<CaAnswer> {
  const { identity, secret } = await register(context, authenticated(context, request))
  return ok({ ...describeIdentity(identity), secret, caname: context.authority.name }, 201)
}

function oneIdentity (context: CaContext, request: CaRequest, id: string): CaAnswer {
  const caller = authenticated(context, request)
  if (request.method === 'GET') return ok(listIdentities(context, caller, id))
  if (request.method === 'DELETE') throw new CaError(403, caCode.REMOVAL_DISABLED, 'Identity removal is disabled')
  throw methodNotAllowed(request)
}

function authenticated (context: CaContext, request: CaRequest): AuthenticatedRequest {
  return { ...request, caller: authenticateToken(context, request) }
}

async function answer (result: () => unknown): Promise<CaAnswer> {
  return await Promise.resolve(ok(result()))
}

function ok (result: unknown, status: 200 | 201 = 200): CaAnswer {
  return { status, result }
}

function methodNotAllowed ({ method }: CaRequest): CaError {
  return new CaError(405, caCode.METHOD_NOT_ALLOWED, `Method ${method} is not allowed`)
}
