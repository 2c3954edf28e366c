import * as grpc from '@grpc/grpc-js'
import type { TlsPair } from '../channel.js'
import { createResetBudget } from './reset-budget.js'

/** A gRPC service and what answers its methods. Methods that are left out answer UNIMPLEMENTED. */
export interface ServiceBinding {
  readonly definition: grpc.ServiceDefinition
  readonly implementation: grpc.UntypedServiceImplementation
}

/** Something that listens on a port of 127.0.0.1 and can be turned off like a process that dies. */
export interface Listener {
  readonly port: number
  /** Cuts every connection at once. */
  close (): Promise<void>
}

const limits = { 'grpc.max_receive_message_length': 100 * 1024 * 1024, 'grpc.max_send_message_length': -1 }

/** Longest that a call may go on over a connection that its client was asked to leave. */
const MOVING = 3_600_000

/** Listens with TLS; `port` 0 lets the system choose. Client certificates are neither asked for nor looked at. */
export async function listenGrpc (bindings: readonly ServiceBinding[], tls: TlsPair, port: number): Promise<Listener> {
  const budget = createResetBudget()
  const counting: grpc.ServerInterceptor = (_method, call) => {
    if (budget.isSpent()) server.drain(`127.0.0.1:${String(bound)}`, MOVING) // calls in progress end as they would
    return new grpc.ServerInterceptingCall(call)
  }
  const server = new grpc.Server({ ...limits, interceptors: [counting] })
  for (const { definition, implementation } of bindings) server.addService(definition, implementation)
  const pair = { private_key: Buffer.from(tls.keyPem), cert_chain: Buffer.from(tls.certPem) }
  const credentials = grpc.ServerCredentials.createSsl(null, [pair], false)
  const bound = await new Promise<number>((resolve, reject) => {
    server.bindAsync(`127.0.0.1:${String(port)}`, credentials, (error, actual) => {
      if (error === null) resolve(actual)
      else reject(error)
    })
  })
  return {
    port: bound,
    close () {
      server.forceShutdown()
      return Promise.resolve()
    }
  }
}
