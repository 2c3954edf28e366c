import * as grpc from '@grpc/grpc-js'
import { gateway, google } from '@hyperledger/fabric-protos'
import anyPb from 'google-protobuf/google/protobuf/any_pb.js'

/** What one peer or orderer answered to the gateway, as clients get it in the error's details. */
export interface NodeFailure {
  readonly address: string
  readonly mspId: string
  readonly message: string
}

/** A gRPC answer other than OK; grpc-js sends `code`, `details` and `metadata` as they are. */
export class RpcError extends Error {
  readonly code: grpc.status
  readonly details: string
  readonly metadata: grpc.Metadata

  constructor (code: grpc.status, details: string, failures: readonly NodeFailure[] = []) {
    super(details)
    this.name = 'RpcError'
    this.code = code
    this.details = details
    this.metadata = failures.length === 0 ? new grpc.Metadata() : statusDetails(code, details, failures)
  }
}

/** Runs an asynchronous handler as a unary method. `signal` aborts when the client goes away. */
export function unary<Request, Response> (
  handler: (request: Request, signal: AbortSignal) => Promise<Response>
): grpc.handleUnaryCall<Request, Response> {
  return (call, callback) => {
    const cancelled = new AbortController()
    call.on('cancelled', () => { cancelled.abort() })
    handler(call.request, cancelled.signal).then(
      (response) => { callback(null, response) },
      (error: unknown) => { callback(asRpcError(error)) }
    )
  }
}

/** Any error as the one that goes to the client. */
export function asRpcError (error: unknown): RpcError {
  if (error instanceof RpcError) return error
  return new RpcError(grpc.status.UNKNOWN, messageOf(error))
}

export function messageOf (error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** `google.rpc.Status` in the trailer that gRPC libraries read details from. */
function statusDetails (code: grpc.status, message: string, failures: readonly NodeFailure[]): grpc.Metadata {
  const status = new google.rpc.Status()
  status.setCode(code)
  status.setMessage(message)
  status.setDetailsList(failures.map((failure) => {
    const detail = new gateway.ErrorDetail()
    detail.setAddress(failure.address)
    detail.setMspId(failure.mspId)
    detail.setMessage(failure.message)
    const any = new anyPb.Any()
    any.pack(detail.serializeBinary(), 'gateway.ErrorDetail')
    return any
  }))
  const metadata = new grpc.Metadata()
  metadata.set('grpc-status-details-bin', Buffer.from(status.serializeBinary()))
  return metadata
}
