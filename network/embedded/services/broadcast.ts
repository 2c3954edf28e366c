import type * as grpc from '@grpc/grpc-js'
import { common, orderer } from '@hyperledger/fabric-protos'
import { OrderError } from '../channel.js'
import type { ServiceContext } from './context.js'
import { orderOnce } from './request-pool.js'
import { messageOf } from './rpc.js'

type Status = common.StatusMap[keyof common.StatusMap]

/** orderer.AtomicBroadcast/Broadcast: one answer for each envelope, in order. Clients half-close at once, and still want it. */
export function createBroadcast (
  context: ServiceContext
): grpc.handleBidiStreamingCall<common.Envelope, orderer.BroadcastResponse> {
  return (call) => {
    let answered = Promise.resolve()
    call.on('data', (envelope: common.Envelope) => {
      answered = answered.then(async () => { call.write(await accept(context, envelope)) })
    })
    call.on('end', () => { void answered.then(() => { call.end() }) })
    call.on('error', () => {}) // the client is gone; what it sent is ordered all the same
  }
}

async function accept ({ channel, log }: ServiceContext, envelope: common.Envelope): Promise<orderer.BroadcastResponse> {
  try {
    await orderOnce(channel, envelope.serializeBinary())
    return answer(common.Status.SUCCESS, '')
  } catch (error) {
    log('broadcast.refused', { message: messageOf(error) })
    return answer(error instanceof OrderError ? error.status : common.Status.INTERNAL_SERVER_ERROR, messageOf(error))
  }
}

function answer (status: Status, info: string): orderer.BroadcastResponse {
  const response = new orderer.BroadcastResponse()
  response.setStatus(status)
  response.setInfo(info)
  return response
}
