/** The HTTPS API of an organization's Fabric CA, as far as fabric-ca-client calls it. */
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer } from 'node:https'
import { join } from 'node:path'
import type { OrgNode } from '../channel.js'
import type { Log } from '../services/context.js'
import type { Listener } from '../services/grpc-server.js'
import { CaError, caCode, UnknownPathError } from './errors.js'
import { standardAttributes } from './register.js'
import { badBody, isObject, type CaContext, type CaRequest } from './request.js'
import { registrarRights } from './rights.js'
import { handleRequest } from './routes.js'
import { CaStore } from './store.js'

const maxBody = 1024 * 1024

/** Listens on 127.0.0.1; identities are kept in `ca/` of the organization's folder. */
export async function startCa (org: OrgNode, port: number, log: Log): Promise<Listener> {
  const context: CaContext = { authority: org.ca, store: new CaStore(join(org.folder, 'ca')) }
  addRegistrar(context)
  const server = createServer({ key: org.tls.ca.keyPem, cert: org.tls.ca.certPem }, (request, response) => {
    void respond(context, request, response, log)
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  const address = server.address()
  return {
    port: typeof address === 'object' && address !== null ? address.port : port,
    async close () {
      const closed = new Promise((resolve) => { server.close(resolve) })
      server.closeAllConnections()
      await closed
    }
  }
}

/** The one identity that exists before anyone is registered. */
function addRegistrar ({ authority: { registrar }, store }: CaContext): void {
  if (store.identity(registrar.id) !== undefined) return
  const standard = { id: registrar.id, type: 'client', affiliation: '' }
  const attributes = [...registrarRights, ...standardAttributes(standard)]
  store.putIdentity({ ...standard, attributes, maxEnrollments: -1, enrollments: 0, failedLogins: 0, revoked: false })
}

async function respond (context: CaContext, request: IncomingMessage, response: ServerResponse, log: Log): Promise<void> {
  try {
    const { status, result } = await handleRequest(context, await readRequest(request))
    send(response, status, { result, errors: [], messages: [], success: true })
  } catch (error) {
    if (error instanceof UnknownPathError) {
      sendText(response, 404, '404 page not found\n', 'text/plain; charset=utf-8')
      return
    }
    const { status, code, message, cause } = error instanceof CaError ? error : internal(error)
    log('ca.refused', { ca: context.authority.name, path: request.url, code, message, cause })
    send(response, status, { result: '', errors: [{ code, message }], messages: [], success: false })
  }
}

function send (response: ServerResponse, status: number, body: unknown): void {
  sendText(response, status, JSON.stringify(body), 'application/json')
}

function sendText (response: ServerResponse, status: number, text: string, type: string): void {
  // fabric-ca-client adds listeners to a socket with each request, so sockets are not to be used again.
  response.writeHead(status, { 'content-type': type, connection: 'close' })
  response.end(text)
}

function internal (error: unknown): CaError {
  return new CaError(500, caCode.UNKNOWN, 'internal error', { cause: error })
}

async function readRequest (request: IncomingMessage): Promise<CaRequest> {
  const parts: Buffer[] = []
  let size = 0
  for await (const part of request as AsyncIterable<Buffer>) {
    size += part.length
    if (size > maxBody) throw new CaError(413, caCode.BAD_BODY, 'Invalid request body: too large')
    parts.push(part)
  }
  const raw = Buffer.concat(parts)
  const uri = request.url ?? '/'
  const query = new URL(uri, 'https://localhost').searchParams
  const { method = '', headers: { authorization = '' } } = request
  return { method, uri, query, authorization, raw, body: parseBody(raw) }
}

function parseBody (raw: Buffer): CaRequest['body'] {
  if (raw.length === 0) return {}
  let body: unknown
  try {
    body = JSON.parse(raw.toString())
  } catch {
    throw badBody('not JSON')
  }
  if (!isObject(body)) throw badBody('not an object')
  return body
}
