/**
 * What an organization's registrar does at its Fabric CA: listing identities and revoking them.
 * @module
 */
import { existsSync, readFileSync } from 'node:fs'
import { request } from 'node:https'
import { join } from 'node:path'
import { createKeyPair, importKeys, loadLibrary } from '../embedded/crypto/certificates.js'
import { createSigner } from '../embedded/crypto/sign.js'
import { privateFolder, writePrivate } from '../embedded/files.js'
import { NativeNetworkError } from './errors.js'
import { REGISTRAR } from './keys.js'
import type { Layout } from './layout.js'
import { caName, tlsFiles } from './nodes.js'
import type { PlacedOrg } from './state.js'

/** An identity that a CA knows. */
export interface CaIdentity {
  readonly id: string
  readonly type: string
  readonly affiliation: string
  readonly attributes: Readonly<Record<string, string>>
}

/** The registrar of one organization, enrolled. */
export interface Registrar {
  identities (): Promise<CaIdentity[]>
  /** Revokes all certificates of an identity; returns the organization's new revocation list. */
  revoke (id: string, reason?: string): Promise<Uint8Array>
  /** The organization's revocation list. */
  revocationList (): Promise<Uint8Array>
}

interface RawIdentity {
  readonly id: string
  readonly type?: string
  readonly affiliation?: string
  readonly attrs?: ReadonlyArray<{ name: string, value: string }>
}

/** Enrols the registrar on first use; its key stays in the CA's folder. */
export async function openRegistrar (layout: Layout, org: PlacedOrg): Promise<Registrar> {
  const call = caller(layout, org, await ensureEnrolled(layout, org))
  const ca = caName(org)
  const list = (result: unknown): Uint8Array => Buffer.from((result as { CRL?: string }).CRL ?? '', 'base64')
  return {
    async identities () {
      const { identities = [] } = await call('GET', `/api/v1/identities?ca=${ca}`) as { identities?: RawIdentity[] }
      return identities.map(({ id, type = '', affiliation = '', attrs = [] }) => ({
        id, type, affiliation, attributes: Object.fromEntries(attrs.map(({ name, value }) => [name, value]))
      }))
    },
    revoke: async (id, reason = '') => list(await call('POST', '/api/v1/revoke', { id, reason, gencrl: true, caname: ca })),
    revocationList: async () => list(await call('POST', '/api/v1/gencrl', { caname: ca }))
  }
}

interface Enrolled {
  readonly certificate: string
  readonly key: string
}

async function ensureEnrolled (layout: Layout, org: PlacedOrg): Promise<Enrolled> {
  const { ca, registrarSecret } = layout.org(org.name)
  const [certFile, keyFile] = [join(ca, 'registrar', 'cert.pem'), join(ca, 'registrar', 'key.pem')]
  if (existsSync(certFile)) return { certificate: readFileSync(certFile, 'utf8'), key: readFileSync(keyFile, 'utf8') }
  const { keyPem, publicKey } = await createKeyPair()
  const x509 = await loadLibrary()
  const csr = await x509.Pkcs10CertificateRequestGenerator.create({
    name: [{ CN: [REGISTRAR] }],
    keys: await importKeys(keyPem, publicKey),
    signingAlgorithm: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' }
  })
  const secret = readFileSync(registrarSecret, 'utf8').trim()
  const authorization = `Basic ${Buffer.from(`${REGISTRAR}:${secret}`).toString('base64')}`
  const body = JSON.stringify({ certificate_request: csr.toString('pem'), caname: caName(org) })
  const { Cert } = await send(layout, org, { method: 'POST', path: '/api/v1/enroll', body, authorization }) as { Cert: string }
  const certificate = Buffer.from(Cert, 'base64').toString()
  privateFolder(join(ca, 'registrar'))
  writePrivate(keyFile, keyPem)
  writePrivate(certFile, certificate)
  return { certificate, key: keyPem }
}

function caller (layout: Layout, org: PlacedOrg, { certificate, key }: Enrolled) {
  const sign = createSigner(key)
  const encode = (text: string): string => Buffer.from(text).toString('base64')
  return async (method: string, path: string, content?: unknown): Promise<unknown> => {
    const body = content === undefined ? '' : JSON.stringify(content)
    const payload = `${method}.${encode(path)}.${encode(body)}.${encode(certificate)}`
    const signature = Buffer.from(sign(Buffer.from(payload))).toString('base64')
    return await send(layout, org, { method, path, body, authorization: `${encode(certificate)}.${signature}` })
  }
}

async function send (layout: Layout, org: PlacedOrg, call: {
  readonly method: string, readonly path: string, readonly body: string, readonly authorization: string
}): Promise<unknown> {
  const options = {
    host: org.listen,
    port: org.ports.ca,
    method: call.method,
    path: call.path,
    ca: readFileSync(tlsFiles(layout.org(org.name).ca).ca),
    headers: { authorization: call.authorization, 'content-type': 'application/json' },
    timeout: 10_000,
    agent: false as const
  }
  const text = await new Promise<string>((resolve, reject) => {
    const sent = request(options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => { resolve(Buffer.concat(chunks).toString()) })
      response.on('error', reject)
    })
    sent.on('timeout', () => { sent.destroy(new Error('the certificate authority did not answer')) })
    sent.on('error', reject)
    sent.end(call.body)
  }).catch((cause: unknown) => {
    throw new NativeNetworkError({ code: 'COMMAND', message: `${org.name}.ca cannot be asked: ${String(cause)}`, cause })
  })
  const answer = JSON.parse(text) as { success?: boolean, result?: unknown, errors?: Array<{ message?: string }> }
  if (answer.success === true) return answer.result
  throw new NativeNetworkError({ code: 'COMMAND', message: `${org.name}.ca refused: ${answer.errors?.[0]?.message ?? text}` })
}
