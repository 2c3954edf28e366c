/**
 * Streams of blocks, as peers (whole, filtered, with private data) and orderers give them. A stream stays open after a
 * half-close for as long as a delivery is active: Fabric's own tools close their side right after the request.
 */
import type * as grpc from '@grpc/grpc-js'
import { common, orderer } from '@hyperledger/fabric-protos'
import { once } from 'node:events'
import type { Channel } from '../channel.js'
import { checkAccess, type AccessPolicy } from './access.js'
import type { ServiceContext } from './context.js'
import { openEnvelope } from './envelope.js'
import { messageOf } from './rpc.js'
import { seekRange, type SeekRange } from './seek.js'

export type Status = common.StatusMap[keyof common.StatusMap]

/** How one kind of deliver stream puts blocks and statuses into its messages. */
export interface DeliverFormat<Response> {
  readonly policy: AccessPolicy
  block (channel: Channel, block: Delivered): Response
  status (status: Status): Response
}

/** A block to deliver; `withoutData` if the client asked for header and signatures only. */
export interface Delivered {
  readonly bytes: Uint8Array
  readonly withoutData: boolean
}

type Call<Response> = grpc.ServerDuplexStream<common.Envelope, Response>

/** One deliver stream. `signal` aborts when the client goes away. */
interface Stream<Response> {
  readonly channel: Channel
  readonly format: DeliverFormat<Response>
  readonly call: Call<Response>
  readonly signal: AbortSignal
}

/** A request's time may differ from this clock by this many seconds, as on a real node. */
const timeWindow = 15 * 60

export function createDeliver<Response> (
  context: ServiceContext, format: DeliverFormat<Response>
): grpc.handleBidiStreamingCall<common.Envelope, Response> {
  return (call) => {
    const gone = new AbortController()
    let served = Promise.resolve()
    const stream = { channel: context.channel, format, call, signal: gone.signal }
    const serve = async (envelope: common.Envelope): Promise<void> => {
      if (gone.signal.aborted || call.writableEnded) return
      const status = await deliver(stream, envelope)
      if (status === undefined) return
      call.write(format.status(status))
      if (status !== common.Status.SUCCESS) call.end()
    }
    for (const event of ['cancelled', 'error', 'close']) call.on(event, () => { gone.abort() })
    call.on('data', (envelope: common.Envelope) => {
      served = served.then(async () => { await serve(envelope) }).catch((error: unknown) => {
        context.log('deliver.failed', { message: messageOf(error) })
        call.end()
      })
    })
    call.on('end', () => { void served.then(() => { call.end() }) })
  }
}

/** Delivers what one request asks for; the status that ends it, or undefined when the client went away. */
async function deliver<Response> (stream: Stream<Response>, envelope: common.Envelope): Promise<Status | undefined> {
  const { channel, format } = stream
  const seek = authorizedSeek(channel, format.policy, envelope)
  if (typeof seek === 'number') return seek
  const range = seekRange(seek, channel.height())
  if (typeof range === 'number') return range
  return await deliverRange(stream, range, seek)
}

async function deliverRange<Response> (
  { channel, format, call, signal }: Stream<Response>, { start, stop }: SeekRange, info: orderer.SeekInfo
): Promise<Status | undefined> {
  const failIfNotReady = info.getBehavior() === orderer.SeekInfo.SeekBehavior.FAIL_IF_NOT_READY
  const headersOnly = info.getContentType() === orderer.SeekInfo.SeekContentType.HEADER_WITH_SIG
  if (failIfNotReady && start >= channel.height()) return common.Status.NOT_FOUND
  let number = start
  for await (const bytes of channel.latestBlocks(start, signal)) {
    if (signal.aborted) return undefined
    const withoutData = headersOnly && !isConfigBlock(bytes)
    if (!call.write(format.block(channel, { bytes, withoutData }))) await drained(call, signal)
    if (number === stop) return common.Status.SUCCESS
    number++
    if (failIfNotReady && number >= channel.height()) return common.Status.NOT_FOUND
  }
  return undefined
}

function authorizedSeek (channel: Channel, policy: AccessPolicy, envelope: common.Envelope): orderer.SeekInfo | Status {
  const { BAD_REQUEST, FORBIDDEN, NOT_FOUND } = common.Status
  try {
    const { channelId, creator, seconds, payload, signature, data } = openEnvelope(envelope)
    if (seconds === undefined || Math.abs(Date.now() / 1000 - seconds) > timeWindow) return BAD_REQUEST
    if (channelId !== channel.id) return NOT_FOUND
    if (!checkAccess(channel, policy, { identity: creator, message: payload, signature }).ok) return FORBIDDEN
    return orderer.SeekInfo.deserializeBinary(data)
  } catch {
    return BAD_REQUEST
  }
}

/** Header-only streams carry configuration blocks whole, since their receivers must read the next configuration. */
function isConfigBlock (bytes: Uint8Array): boolean {
  const [first] = common.Block.deserializeBinary(bytes).getData()?.getDataList_asU8() ?? []
  if (first === undefined) return false
  const payload = common.Payload.deserializeBinary(common.Envelope.deserializeBinary(first).getPayload_asU8())
  const header = common.ChannelHeader.deserializeBinary(payload.getHeader()?.getChannelHeader_asU8() ?? new Uint8Array())
  return header.getType() === common.HeaderType.CONFIG
}

async function drained (call: NodeJS.EventEmitter, signal: AbortSignal): Promise<void> {
  try {
    await once(call, 'drain', { signal })
  } catch (error) {
    if (!signal.aborted) throw error
  }
}
