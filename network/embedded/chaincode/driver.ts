import * as grpc from '@grpc/grpc-js'
import { peer } from '@hyperledger/fabric-protos'
import { definitionSequenceKey, lifecycleNamespace } from '../channel.js'
import { ChaincodeError } from './errors.js'
import type { ChaincodeEndpoint } from '../lifecycle/package.js'
import { isInitialization } from './initialization.js'
import type { ChaincodeRunner, Invocation, InvocationResult, Runnable } from './invocation.js'
import { Iterators } from './iterators.js'
import { Session } from './session.js'

/** What a driver needs. Times in milliseconds. */
export interface DriverOptions {
  /** Of the definition: the namespace that it works in. */
  readonly name: string
  readonly packageId: string
  /** Where the chaincode server listens now; asked at each connect, so it may move. */
  readonly endpoint: () => ChaincodeEndpoint
  /** Connecting and registering must be done within this time; else the call fails. */
  readonly connectTimeout: number
  readonly executeTimeout: number
  /** Another chaincode of the same peer. */
  readonly callee: (name: string) => Promise<Runnable>
}

const channelOptions = {
  'grpc.max_receive_message_length': -1,
  'grpc.max_send_message_length': -1,
  'grpc.keepalive_time_ms': 60_000,
  'grpc.initial_reconnect_backoff_ms': 50,
  'grpc.min_reconnect_backoff_ms': 50,
  'grpc.max_reconnect_backoff_ms': 500
}

/**
 * One organization's peer calling one chaincode server. It owns its own stream, since both sides tell transactions apart by
 * channel and transaction id only, and the same proposal goes to several peers at once.
 */
export class ChaincodeDriver implements ChaincodeRunner {
  readonly #options: DriverOptions
  #client: { readonly address: string, readonly grpc: peer.ChaincodeClient } | undefined
  #opening: Promise<Session> | undefined
  #session: Session | undefined

  constructor (options: DriverOptions) {
    this.#options = options
  }

  async invoke (invocation: Invocation): Promise<InvocationResult> {
    const { name, executeTimeout, callee } = this.#options
    // A peer reads the definition's sequence in each transaction, so that an upgrade invalidates what was endorsed before it.
    await invocation.simulator.get(lifecycleNamespace, definitionSequenceKey(name))
    const isInit = await isInitialization(invocation)
    const session = await this.#connect()
    return await session.execute({ ...invocation, isInit, namespace: name, iterators: new Iterators(), callee }, executeTimeout)
  }

  close (): void {
    this.#session?.close()
    this.#client?.grpc.close()
    this.#session = undefined
    this.#client = undefined
  }

  async #connect (): Promise<Session> {
    if (this.#session !== undefined && !this.#session.closed) return this.#session
    this.#opening ??= this.#open().finally(() => { this.#opening = undefined })
    return await this.#opening
  }

  async #open (): Promise<Session> {
    const { packageId, connectTimeout, endpoint } = this.#options
    const { dialTimeout = connectTimeout, ...server } = endpoint()
    const deadline = Date.now() + dialTimeout
    try {
      const client = this.#clientFor(server)
      await waitForReady(client, deadline)
      const session = new Session(client.connect(), Math.max(1, deadline - Date.now()))
      this.#session = session
      await session.ready
      return session
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new ChaincodeError({ code: 'UNAVAILABLE', message: `could not launch chaincode ${packageId}: ${reason}`, cause })
    }
  }

  #clientFor ({ address, tls }: ChaincodeEndpoint): peer.ChaincodeClient {
    if (this.#client?.address !== address) {
      this.#client?.grpc.close()
      const override = tls?.domain === undefined ? {} : { 'grpc.ssl_target_name_override': tls.domain }
      this.#client = { address, grpc: new peer.ChaincodeClient(address, credentialsFor(tls), { ...channelOptions, ...override }) }
    }
    return this.#client.grpc
  }
}

function credentialsFor (tls: ChaincodeEndpoint['tls']): grpc.ChannelCredentials {
  if (tls === undefined) return grpc.credentials.createInsecure()
  const { rootPem, client } = tls
  if (client === undefined) return grpc.credentials.createSsl(Buffer.from(rootPem))
  return grpc.credentials.createSsl(Buffer.from(rootPem), Buffer.from(client.keyPem), Buffer.from(client.certPem))
}

async function waitForReady (client: grpc.Client, deadline: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    client.waitForReady(deadline, (error) => {
      if (error === undefined) resolve()
      else reject(error)
    })
  })
}
