/**
 * How calls of the nodes are made: requests as messages, answers as raw bytes, and how a call ended.
 * @module
 */
import * as grpc from '@grpc/grpc-js'
import { orderer, peer } from '@hyperledger/fabric-protos'
import type { Endpoint } from './call-messages.js'

/** What was asked, and what came back. */
export interface Answered {
  readonly name: string
  /** Service and method, as in the path of the call. */
  readonly method: string
  /** Type of each answer, a message of fabric-protos. */
  readonly type: string
  /** Messages that came back, base64; streams end after what was asked for. */
  readonly answers: readonly string[]
  /** How the call ended, where it did not end well. */
  readonly error?: { readonly code: number, readonly details: string, readonly status?: string }
}

/** How a call went. */
export type Outcome = Omit<Answered, 'name'>

type Message = { serializeBinary (): Uint8Array }

/** A connection to a node. */
export function connectTo ({ address, tlsRootsPem }: Endpoint): grpc.Client {
  return new grpc.Client(address, grpc.credentials.createSsl(Buffer.from(tlsRootsPem)), { 'grpc.max_receive_message_length': -1 })
}

const encode = (message: Message): Buffer => Buffer.from(message.serializeBinary())
const asIs = (bytes: Buffer): Buffer => bytes
const LIMIT_MS = 20_000

/** One request, one answer. */
export async function unary (client: grpc.Client, method: string, type: string, request: Message): Promise<Outcome> {
  return await new Promise((resolve) => {
    client.makeUnaryRequest(method, encode, asIs, request, { deadline: Date.now() + LIMIT_MS }, (error, answer) => {
      resolve({ method, type, answers: answer === undefined ? [] : [answer.toString('base64')], ...(error === null ? {} : { error: failure(error) }) })
    })
  })
}

/** The first answers of a stream that would go on. */
export async function serverStream (client: grpc.Client, method: string, type: string, request: Message, wanted: number): Promise<Outcome> {
  const call = client.makeServerStreamRequest(method, encode, asIs, request, { deadline: Date.now() + LIMIT_MS })
  return await collected(call, { method, type, wanted })
}

/** One request on a stream for both directions, and its answers. */
export async function exchange (client: grpc.Client, method: string, type: string, request: Message, wanted: number): Promise<Outcome> {
  const call = client.makeBidiStreamRequest(method, encode, asIs, { deadline: Date.now() + LIMIT_MS })
  call.write(request)
  return await collected(call, { method, type, wanted })
}

interface Answering {
  on (event: 'data', listener: (bytes: Buffer) => void): unknown
  on (event: 'error', listener: (error: grpc.ServiceError) => void): unknown
  on (event: 'end', listener: () => void): unknown
  cancel (): void
}

async function collected (
  call: Answering, { method, type, wanted }: { readonly method: string, readonly type: string, readonly wanted: number }
): Promise<Outcome> {
  const answers: string[] = []
  const error = await new Promise<grpc.ServiceError | undefined>((resolve) => {
    call.on('data', (bytes) => {
      answers.push(bytes.toString('base64'))
      if (answers.length === wanted || isStatus(type, bytes)) resolve(undefined)
    })
    call.on('error', resolve)
    call.on('end', () => { resolve(undefined) })
  })
  call.cancel()
  return { method, type, answers, ...(error === undefined ? {} : { error: failure(error) }) }
}

/** A stream of blocks says by a status that there will be no more. */
function isStatus (type: string, bytes: Buffer): boolean {
  if (type === 'orderer.DeliverResponse') return orderer.DeliverResponse.deserializeBinary(bytes).hasStatus()
  return type === 'protos.DeliverResponse' && peer.DeliverResponse.deserializeBinary(bytes).hasStatus()
}

function failure ({ code, details, metadata }: grpc.ServiceError): NonNullable<Answered['error']> {
  const [status] = metadata.get('grpc-status-details-bin')
  return { code, details, ...(status === undefined ? {} : { status: Buffer.from(status).toString('base64') }) }
}
