/**
 * The control API: loopback HTTP for the one who can read runtime.json. GET /status, POST /stop, POST /orgs/NAME/stop|start.
 * @module
 */
import { timingSafeEqual } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { ChaincodeStatus } from './chaincode-process.js'
import type { NetworkKind } from './description.js'

/** The answer to GET /status. */
export interface NetworkStatus {
  readonly ready: boolean
  readonly pid: number
  readonly kind: NetworkKind
  readonly channel: string
  readonly height: number
  /** Whether the running peers satisfy the endorsement policy, and enough orderers run to sign. */
  readonly quorum: { readonly endorsement: boolean, readonly ordering: boolean }
  readonly organizations: ReadonlyArray<{
    readonly name: string
    readonly mspId: string
    readonly operator: boolean
    readonly running: { readonly peer: boolean, readonly orderer: boolean, readonly ca: boolean }
    readonly ports: { readonly peer: number, readonly orderer: number, readonly ca: number }
  }>
  readonly chaincodes: readonly ChaincodeStatus[]
}

/** What the API does. */
export interface ControlActions {
  status (): NetworkStatus
  stop (): void
  /** False: no such organization. */
  setOrg (name: string, running: boolean): Promise<boolean>
}

/** A listening control API. */
export interface Control {
  readonly port: number
  close (): Promise<void>
}

type Answer = { readonly status: number, readonly body: unknown }

/** Listens on a port of 127.0.0.1 that the system chooses. */
export async function startControl (token: string, actions: ControlActions): Promise<Control> {
  const server = createServer((request, response) => { void handle(request, response, token, actions) })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(0, '127.0.0.1', resolve)
  })
  return { port: (server.address() as AddressInfo).port, close: async () => { await close(server) } }
}

async function handle (request: IncomingMessage, response: ServerResponse, token: string, actions: ControlActions): Promise<void> {
  const { status, body } = await answer(request, token, actions).catch((error: unknown) => ({
    status: 500, body: { error: error instanceof Error ? error.message : 'failed' }
  }))
  response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body))
}

async function answer (request: IncomingMessage, token: string, actions: ControlActions): Promise<Answer> {
  if (!isAuthorized(request.headers.authorization, token)) return { status: 401, body: { error: 'unauthorized' } }
  const call = `${request.method ?? ''} ${request.url ?? ''}`
  if (call === 'GET /status') return { status: 200, body: actions.status() }
  if (call === 'POST /stop') {
    setImmediate(() => { actions.stop() }) // after the answer
    return { status: 202, body: {} }
  }
  const [, name, action] = /^POST \/orgs\/([a-z0-9-]+)\/(start|stop)$/.exec(call) ?? []
  if (name === undefined) return { status: 404, body: { error: 'no such call' } }
  return await actions.setOrg(name, action === 'start')
    ? { status: 200, body: actions.status() }
    : { status: 404, body: { error: `no organization ${name}` } }
}

function isAuthorized (header: string | undefined, token: string): boolean {
  const given = Buffer.from(header ?? '')
  const wanted = Buffer.from(`Bearer ${token}`)
  return given.length === wanted.length && timingSafeEqual(given, wanted)
}

async function close (server: Server): Promise<void> {
  await new Promise<void>((resolve) => {
    server.close(() => { resolve() })
    server.closeIdleConnections()
  })
}
