/**
 * A fixed set of calls to an organization's Fabric CA over HTTP: what the official server answered is kept under
 * test/vectors/fabric/answers, and any other can be asked the same.
 * @module
 */
import { request } from 'node:https'
import { createKeyPair, importKeys, loadLibrary } from '../../network/embedded/crypto/certificates.js'
import { createSigner } from '../../network/embedded/crypto/sign.js'

/** Whom to ask, and who may register others there. */
export interface CaTarget {
  readonly url: string
  readonly name: string
  readonly tlsRootsPem: string
  readonly registrar: { readonly id: string, readonly secret: string }
}

/** What came back. Texts that are secret are replaced. */
export interface CaAnswered {
  readonly name: string
  /** Method and path. */
  readonly call: string
  readonly status: number
  readonly contentType: string
  /** Parsed, where it is JSON. */
  readonly body: unknown
}

interface Enrolled {
  readonly certificate: string
  readonly key: string
}

interface Raw {
  readonly status: number
  readonly contentType: string
  readonly text: string
}

type Send = (name: string, call: string, body?: object, by?: Enrolled | string) => Promise<unknown>

/** Makes all calls, one after the other. What they answer depends on those before. */
export async function callCa (target: CaTarget): Promise<CaAnswered[]> {
  const all: CaAnswered[] = []
  const send: Send = async (name, call, body, by) => {
    const { status, contentType, text } = await ask(target, call, body, by)
    const parsed: unknown = text.startsWith('{') ? JSON.parse(text) : text
    all.push({ name, call, status, contentType, body: withoutSecrets(parsed) })
    return parsed
  }
  const caname = target.name
  const basic = (id: string, secret: string): string => `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`
  const enrol = async (name: string, id: string, secret: string, more: object = {}): Promise<Enrolled> => {
    const { csr, key } = await certificateRequest(id)
    const answer = await send(name, 'POST /api/v1/enroll', { certificate_request: csr, caname, ...more }, basic(id, secret))
    return { certificate: certificateIn(answer), key }
  }

  await send('information', 'GET /api/v1/cainfo')
  await send('information, by POST', 'POST /api/v1/cainfo', { caname })
  await send('information of an unknown authority', 'POST /api/v1/cainfo', { caname: 'nope' })
  const registrar = await enrol('enrol', target.registrar.id, target.registrar.secret)
  await send('enrol with a wrong secret', 'POST /api/v1/enroll', { certificate_request: 'x', caname }, basic(target.registrar.id, 'x'))
  await send('enrol an unknown identity', 'POST /api/v1/enroll', { certificate_request: 'x', caname }, basic('nobody', 'x'))
  await send('enrol without authorization', 'POST /api/v1/enroll', { certificate_request: 'x', caname })
  await send('enrol without a request', 'POST /api/v1/enroll', { caname }, basic(target.registrar.id, target.registrar.secret))
  const secret = 'a secret of a test'
  const attrs = [{ name: 'role', value: 'anchor', ecert: true }, { name: 'quiet', value: 'q' }]
  const someone = { id: 'someone', type: 'client', affiliation: '', secret, max_enrollments: 2, attrs, caname }
  await send('register', 'POST /api/v1/register', someone, registrar)
  await send('register again', 'POST /api/v1/register', someone, registrar)
  await send('register without authorization', 'POST /api/v1/register', someone)
  await send('register without a name', 'POST /api/v1/register', { type: 'client', caname }, registrar)
  const client = await enrol('enrol with attributes', 'someone', secret, { attr_reqs: [{ name: 'role' }, { name: 'quiet', optional: true }] })
  await enrol('enrol with an attribute that is not there', 'someone', secret, { attr_reqs: [{ name: 'nothing' }] })
  await send('register as one who may not', 'POST /api/v1/register', { ...someone, id: 'another' }, client)
  const { csr } = await certificateRequest('someone')
  await send('re-enrol', 'POST /api/v1/reenroll', { certificate_request: csr, caname }, client)
  await send('identities', `GET /api/v1/identities?ca=${caname}`, undefined, registrar)
  await send('identities, as one who may not', `GET /api/v1/identities?ca=${caname}`, undefined, client)
  await send('one identity', `GET /api/v1/identities/someone?ca=${caname}`, undefined, registrar)
  await send('an unknown identity', `GET /api/v1/identities/nobody?ca=${caname}`, undefined, registrar)
  await send('certificates of an identity', `GET /api/v1/certificates?id=someone&ca=${caname}`, undefined, registrar)
  await send('revoke', 'POST /api/v1/revoke', { id: 'someone', reason: 'keycompromise', gencrl: true, caname }, registrar)
  await send('revoke an unknown identity', 'POST /api/v1/revoke', { id: 'nobody', caname }, registrar)
  await send('revocation list', 'POST /api/v1/gencrl', { caname }, registrar)
  await send('re-enrol after the revocation', 'POST /api/v1/reenroll', { certificate_request: csr, caname }, client)
  await enrol('enrol after the revocation', 'someone', secret)
  await send('an unknown path', 'GET /api/v1/nothing')
  return all
}

/** Names of members whose text is nobody's business. */
const SECRET = new Set(['secret'])

function withoutSecrets (value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutSecrets)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(Object.entries(value).map(([name, member]) => [name, SECRET.has(name) ? 'left out' : withoutSecrets(member)]))
}

function certificateIn (answer: unknown): string {
  const { result } = answer as { result?: { Cert?: string } | null }
  return Buffer.from(result?.Cert ?? '', 'base64').toString()
}

async function certificateRequest (id: string): Promise<{ csr: string, key: string }> {
  const { keyPem, publicKey } = await createKeyPair()
  const x509 = await loadLibrary()
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [id] }],
    keys: await importKeys(keyPem, publicKey),
    signingAlgorithm: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  })
  return { csr: csr.toString('pem'), key: keyPem }
}

async function ask (target: CaTarget, call: string, content: object | undefined, by: Enrolled | string | undefined): Promise<Raw> {
  const [method = '', path = ''] = call.split(' ')
  const body = content === undefined ? '' : JSON.stringify(content)
  const authorization = by === undefined ? undefined : typeof by === 'string' ? by : tokenOf(by, method, path, body)
  return await new Promise((resolve, reject) => {
    const sent = request(`${target.url}${path}`, {
      method, ca: target.tlsRootsPem, agent: false, headers: { ...(authorization === undefined ? {} : { authorization }) }
    }, (response) => {
      let text = ''
      response.on('data', (chunk: Buffer) => { text += chunk.toString() })
      response.on('end', () => { resolve({ status: response.statusCode ?? 0, contentType: response.headers['content-type'] ?? '', text }) })
    })
    sent.on('error', reject)
    sent.end(body)
  })
}

/** Fabric CA's token: the certificate, and a signature over the request. */
function tokenOf ({ certificate, key }: Enrolled, method: string, path: string, body: string): string {
  const encode = (text: string): string => Buffer.from(text).toString('base64')
  const signed = `${method}.${encode(path)}.${encode(body)}.${encode(certificate)}`
  return `${encode(certificate)}.${Buffer.from(createSigner(key)(Buffer.from(signed))).toString('base64')}`
}
