import * as grpc from '@grpc/grpc-js'
import { peer } from '@hyperledger/fabric-protos'
import { definitionSequenceKey, lifecycleNamespace } from '../channel.js'
import { ChaincodeError } from './errors.js'
import type { ChaincodeRunner, Invocation, InvocationResult } from './invocation.js'
import { Iterators } from './iterators.js'
import { Session } from './session.js'

/** What a driver needs. Times in milliseconds. */
export interface DriverOptions {
  readonly name: string
  /** Where the chaincode server listens now (host:port); asked at each connect, so it may move. */
  readonly address: () => string
  /** Connecting and registering must be done within this time; else the call fails. */
  readonly connectTimeout: number
  readonly executeTimeout: number
  readonly callee: (name: string) => ChaincodeRunner | undefined
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
    const session = await this.#connect()
    return await session.execute({ ...invocation, namespace: name, iterators: new Iterators(), callee }, executeTimeout)
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
    const { name, connectTimeout } = this.#options
    const deadline = Date.now() + connectTimeout
    try {
      const client = this.#clientFor(this.#options.address())
      await waitForReady(client, deadline)
      const session = new Session(client.connect(), Math.max(1, deadline - Date.now()))
      this.#session = session
      await session.ready
      return session
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause)
      throw new ChaincodeError({ code: 'UNAVAILABLE', message: `could not launch chaincode ${name}: ${reason}`, cause })
    }
  }

  #clientFor (address: string): peer.ChaincodeClient {
    if (this.#client?.address !== address) {
      this.#client?.grpc.close()
      this.#client = { address, grpc: new peer.ChaincodeClient(address, grpc.credentials.createInsecure(), channelOptions) }
    }
    return this.#client.grpc
  }
}

async function waitForReady (client: grpc.Client, deadline: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    client.waitForReady(deadline, (error) => {
      if (error === undefined) resolve()
      else reject(error)
    })
  })
}
