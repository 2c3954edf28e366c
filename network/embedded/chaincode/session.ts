/**
 * One Connect stream to a chaincode server: registration, then any number of interleaved transactions. A session lives as
 * long as its stream; the driver opens the next one. It never sends KEEPALIVE, on which the Node runtime exits.
 */
import type { ClientDuplexStream } from '@grpc/grpc-js'
import { peer } from '@hyperledger/fabric-protos'
import { ChaincodeError } from './errors.js'
import type { InvocationResult } from './invocation.js'
import { answerRequest, typeName, type TransactionContext } from './state-requests.js'

type Stream = ClientDuplexStream<peer.ChaincodeMessage, peer.ChaincodeMessage>
type MessageType = peer.ChaincodeMessage.TypeMap[keyof peer.ChaincodeMessage.TypeMap]

const types = peer.ChaincodeMessage.Type

interface Running {
  readonly context: TransactionContext
  readonly resolve: (result: InvocationResult) => void
  readonly reject: (error: ChaincodeError) => void
  readonly timer: NodeJS.Timeout
}

/** A registered chaincode stream. */
export class Session {
  readonly #stream: Stream
  readonly #running = new Map<string, Running>()
  /** Resolves once the chaincode has registered; rejects when the stream ends before. */
  readonly ready: Promise<void>
  #registered: () => void = () => {}
  #refused: (error: ChaincodeError) => void = () => {}
  #closed = false

  constructor (stream: Stream, handshakeMs: number) {
    this.#stream = stream
    const timer = setTimeout(() => { this.#end(new Error('no registration in time')) }, handshakeMs)
    this.ready = new Promise<void>((resolve, reject) => {
      this.#registered = () => { clearTimeout(timer); resolve() }
      this.#refused = (error) => { clearTimeout(timer); reject(error) }
    })
    stream.on('data', (message: peer.ChaincodeMessage) => { this.#receive(message) })
    stream.on('error', (cause: Error) => { this.#end(cause) })
    stream.on('end', () => { this.#end(undefined) })
  }

  get closed (): boolean {
    return this.#closed
  }

  /** Executes one transaction; `timeoutMs` bounds it. */
  async execute (context: TransactionContext, timeoutMs: number): Promise<InvocationResult> {
    const { txId, channelId } = context
    const id = transactionKey(channelId, txId)
    if (this.#running.has(id)) throw new ChaincodeError({ code: 'DUPLICATE', message: `txid: ${txId}(${channelId}) exists` })
    if (this.#closed) throw terminated(undefined)
    try {
      return await new Promise<InvocationResult>((resolve, reject) => {
        const timer = setTimeout(() => {
          reject(new ChaincodeError({ code: 'TIMEOUT', message: 'timeout expired while executing transaction' }))
        }, timeoutMs)
        this.#running.set(id, { context, resolve, reject, timer })
        this.#send(context.isInit ? types.INIT : types.TRANSACTION, context, context.input.serializeBinary(), context.signedProposal)
      })
    } finally {
      clearTimeout(this.#running.get(id)?.timer)
      this.#running.delete(id)
      await context.iterators.closeAll()
    }
  }

  close (): void {
    this.#end(undefined)
  }

  #receive (message: peer.ChaincodeMessage): void {
    if (message.getType() === types.REGISTER) {
      this.#send(types.REGISTERED)
      this.#send(types.READY) // with a payload, newer runtimes would switch to batched state messages
      this.#registered()
      return
    }
    const running = this.#running.get(transactionKey(message.getChannelId(), message.getTxid()))
    if (running === undefined) return // finished or timed out meanwhile, or a keepalive
    if (message.getType() === types.COMPLETED) complete(message, running)
    else if (message.getType() === types.ERROR) fail(message, running)
    else void this.#answer(message, running)
  }

  async #answer (message: peer.ChaincodeMessage, running: Running): Promise<void> {
    let type: MessageType = types.RESPONSE
    let payload: Uint8Array | undefined
    try {
      payload = await answerRequest(message.getType(), message.getPayload_asU8(), running.context)
    } catch (error) {
      type = types.ERROR
      const reason = error instanceof Error ? error.message : String(error)
      payload = Buffer.from(`${typeName(message.getType())} failed: transaction ID: ${message.getTxid()}: ${reason}`)
    }
    if (!this.#closed) this.#send(type, running.context, payload)
  }

  #send (type: MessageType, context?: TransactionContext, payload?: Uint8Array, proposal?: peer.SignedProposal): void {
    const message = new peer.ChaincodeMessage()
    message.setType(type)
    if (context !== undefined) {
      message.setTxid(context.txId)
      message.setChannelId(context.channelId)
    }
    if (payload !== undefined) message.setPayload(payload)
    if (proposal !== undefined) message.setProposal(proposal)
    this.#stream.write(message)
  }

  #end (cause: Error | undefined): void {
    if (this.#closed) return
    this.#closed = true
    this.#refused(new ChaincodeError({ code: 'UNAVAILABLE', message: 'chaincode did not register', cause }))
    for (const { reject } of this.#running.values()) reject(terminated(cause))
    this.#stream.cancel()
  }
}

function complete (message: peer.ChaincodeMessage, { resolve, reject }: Running): void {
  try {
    const response = peer.Response.deserializeBinary(message.getPayload_asU8())
    resolve({ response, event: message.getChaincodeEvent() })
  } catch (cause) {
    reject(new ChaincodeError({ code: 'FAILED', message: 'failed to unmarshal response', cause }))
  }
}

function fail (message: peer.ChaincodeMessage, { reject }: Running): void {
  const reason = Buffer.from(message.getPayload_asU8()).toString()
  reject(new ChaincodeError({ code: 'FAILED', message: `transaction returned with failure: ${reason}` }))
}

function terminated (cause: Error | undefined): ChaincodeError {
  return new ChaincodeError({ code: 'TERMINATED', message: 'chaincode stream terminated', cause })
}

function transactionKey (channelId: string, txId: string): string {
  return `${channelId}/${txId}`
}
