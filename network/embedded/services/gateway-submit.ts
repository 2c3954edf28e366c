import * as grpc from '@grpc/grpc-js'
import { common, gateway } from '@hyperledger/fabric-protos'
import { OrderError, type OrgNode } from '../channel.js'
import { endpoint } from './discovery-peers.js'
import { unreachable, type GatewayContext } from './gateway-peers.js'
import { messageOf, RpcError, type NodeFailure } from './rpc.js'

const insufficient = 'insufficient number of orderers could successfully process transaction to satisfy quorum requirement'

/** gateway.Gateway/Submit: hands the transaction to the orderers; succeeds when a quorum of them took it. */
export async function submit (context: GatewayContext, request: gateway.SubmitRequest): Promise<gateway.SubmitResponse> {
  const { INVALID_ARGUMENT, FAILED_PRECONDITION, UNAVAILABLE } = grpc.status
  const { channel } = context
  const envelope = request.getPreparedTransaction()
  if (envelope === undefined) throw new RpcError(INVALID_ARGUMENT, 'a prepared transaction is required')
  if (envelope.getSignature_asU8().length === 0) throw new RpcError(INVALID_ARGUMENT, 'prepared transaction must be signed')
  const channelId = request.getChannelId()
  if (channelId !== channel.id) {
    throw new RpcError(FAILED_PRECONDITION, `failed to get config for channel [${channelId}]: channel '${channelId}' not found`)
  }
  const stopped = channel.orgs.filter((org) => !org.running.orderer)
  if (channel.orderers().length < channel.config.quorum) {
    throw new RpcError(UNAVAILABLE, insufficient, stopped.map((org) => failureOf(org, unreachable(org, 'orderer'))))
  }
  try {
    await channel.order(envelope.serializeBinary())
  } catch (error) {
    throw refusal(context, error)
  }
  return new gateway.SubmitResponse()
}

/** A refusal by BFT orderers is a missing quorum to the gateway; by others, the one orderer's answer. */
function refusal ({ channel }: GatewayContext, error: unknown): RpcError {
  const status = error instanceof OrderError ? error.status : common.Status.INTERNAL_SERVER_ERROR
  const name = Object.entries(common.Status).find(([, code]) => code === status)?.[0] ?? ''
  const message = `received unsuccessful response from orderer: status=${name}, info=${messageOf(error)}`
  if (channel.config.consensusType !== 'BFT') {
    const clientFault = status < 500
    return clientFault
      ? new RpcError(grpc.status.ABORTED, message)
      : new RpcError(grpc.status.UNAVAILABLE, 'no orderers could successfully process transaction')
  }
  const failures = channel.orgs.map((org) => failureOf(org, org.running.orderer ? message : unreachable(org, 'orderer')))
  return new RpcError(grpc.status.UNAVAILABLE, insufficient, failures)
}

function failureOf (org: OrgNode, message: string): NodeFailure {
  return { address: endpoint(org, 'orderer'), mspId: org.ordererMspId, message }
}
