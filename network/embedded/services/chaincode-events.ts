import * as grpc from '@grpc/grpc-js'
import { gateway, peer, type orderer } from '@hyperledger/fabric-protos'
import { once } from 'node:events'
import type { Channel, CommittedBlock } from '../channel.js'
import { committedBlock } from '../ledger/committed-block.js'
import { requireReader } from './commit-status.js'
import type { ServiceContext } from './context.js'
import { asRpcError, RpcError } from './rpc.js'

type Call = grpc.ServerWritableStream<gateway.SignedChaincodeEventsRequest, gateway.ChaincodeEventsResponse>
type Select = (event: peer.ChaincodeEvent) => boolean

/** TxValidationCode VALID: the only transactions whose events happened. */
const valid = 0

/** gateway.Gateway/ChaincodeEvents: one message for each block with events of the chaincode, until the client leaves. */
export function createChaincodeEvents (
  { channel }: ServiceContext
): grpc.handleServerStreamingCall<gateway.SignedChaincodeEventsRequest, gateway.ChaincodeEventsResponse> {
  return (call) => {
    const gone = new AbortController()
    for (const event of ['cancelled', 'error', 'close']) call.on(event, () => { gone.abort() })
    stream(channel, call, gone.signal).catch((error: unknown) => {
      if (!gone.signal.aborted) call.emit('error', asRpcError(error))
    })
  }
}

async function stream (channel: Channel, call: Call, signal: AbortSignal): Promise<void> {
  const request = authorized(channel, call.request)
  const select = selector(request)
  for await (const bytes of channel.latestBlocks(await startBlock(channel, request), signal)) {
    const block = committedBlock(bytes)
    const events = validEvents(block).filter(select)
    if (signal.aborted) return
    if (events.length === 0) continue
    const response = new gateway.ChaincodeEventsResponse()
    response.setBlockNumber(block.number)
    response.setEventsList(events)
    if (!call.write(response)) await once(call, 'drain', { signal })
  }
}

function authorized (channel: Channel, signed: gateway.SignedChaincodeEventsRequest): gateway.ChaincodeEventsRequest {
  const message = signed.getRequest_asU8()
  if (message.length === 0) throw new RpcError(grpc.status.INVALID_ARGUMENT, 'a chaincode events request is required')
  const request = gateway.ChaincodeEventsRequest.deserializeBinary(message)
  const identity = request.getIdentity_asU8()
  requireReader(channel, request.getChannelId(), { identity, message, signature: signed.getSignature_asU8() })
  return request
}

async function startBlock (channel: Channel, request: gateway.ChaincodeEventsRequest): Promise<number> {
  const after = request.getAfterTransactionId()
  const seen = after === '' ? undefined : await channel.transaction(after)
  return seen?.block ?? startPosition(request.getStartPosition(), channel.height())
}

function startPosition (position: orderer.SeekPosition | undefined, height: number): number {
  if (position === undefined || position.hasNextCommit()) return height
  if (position.hasSpecified()) return position.getSpecified()?.getNumber() ?? 0
  if (!position.hasOldest() && !position.hasNewest()) return height
  const name = position.hasOldest() ? 'Oldest' : 'Newest'
  throw new RpcError(grpc.status.INVALID_ARGUMENT, `invalid start position type: *orderer.SeekPosition_${name}`)
}

/** Events of the chaincode; after the named transaction, if one is named. */
function selector (request: gateway.ChaincodeEventsRequest): Select {
  const after = request.getAfterTransactionId()
  let passed = after === ''
  return (event) => {
    if (passed) return event.getChaincodeId() === request.getChaincodeId()
    passed = event.getTxId() === after
    return false
  }
}

function validEvents ({ transactions }: CommittedBlock): peer.ChaincodeEvent[] {
  return transactions.flatMap(({ code, chaincodeEvent }) =>
    code === valid && chaincodeEvent !== undefined ? [peer.ChaincodeEvent.deserializeBinary(chaincodeEvent)] : [])
}
