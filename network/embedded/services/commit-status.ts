import * as grpc from '@grpc/grpc-js'
import { gateway } from '@hyperledger/fabric-protos'
import type { Channel, TransactionLocation } from '../channel.js'
import { checkAccess, policyRefusal } from './access.js'
import { RpcError } from './rpc.js'

/** Waits for commits of single transactions. One ledger listener serves all of them. */
export interface CommitWaiter {
  /** Where `txId` was committed, now or later; rejects when `signal` aborts. */
  wait (txId: string, signal: AbortSignal): Promise<TransactionLocation>
  close (): void
}

type Waiter = (location: TransactionLocation) => void

export function createCommitWaiter (channel: Channel): CommitWaiter {
  const waiting = new Map<string, Set<Waiter>>()
  const stop = channel.onCommit(({ number, transactions }) => {
    if (waiting.size === 0) return
    transactions.forEach(({ txId, code }, index) => {
      for (const waiter of waiting.get(txId) ?? []) waiter({ block: number, index, code })
    })
  })

  function subscribe (txId: string): { readonly location: Promise<TransactionLocation>, readonly stop: () => void } {
    const waiters = waiting.get(txId) ?? new Set<Waiter>()
    waiting.set(txId, waiters)
    let waiter: Waiter = () => {}
    const location = new Promise<TransactionLocation>((resolve) => {
      waiter = resolve
      waiters.add(waiter)
    })
    const unsubscribe = (): void => {
      waiters.delete(waiter)
      if (waiters.size === 0 && waiting.get(txId) === waiters) waiting.delete(txId)
    }
    return { location, stop: unsubscribe }
  }

  async function wait (txId: string, signal: AbortSignal): Promise<TransactionLocation> {
    const subscription = subscribe(txId) // before looking, so that a commit in between is not missed
    try {
      // The ledger goes first: what is committed now may be a repetition of what was committed long ago.
      return await channel.transaction(txId) ?? await Promise.race([subscription.location, aborted(signal)])
    } finally {
      subscription.stop()
    }
  }

  return { wait, close: stop }
}

async function aborted (signal: AbortSignal): Promise<never> {
  return await new Promise((_resolve, reject) => {
    const cancel = (): void => { reject(new RpcError(grpc.status.CANCELLED, 'context canceled')) }
    if (signal.aborted) cancel()
    signal.addEventListener('abort', cancel, { once: true })
  })
}

/** gateway.Gateway/CommitStatus: blocks until the transaction is committed or the client gives up. */
export async function commitStatus (
  channel: Channel, waiter: CommitWaiter, signed: gateway.SignedCommitStatusRequest, signal: AbortSignal
): Promise<gateway.CommitStatusResponse> {
  const message = signed.getRequest_asU8()
  if (message.length === 0) throw new RpcError(grpc.status.INVALID_ARGUMENT, 'a commit status request is required')
  const request = gateway.CommitStatusRequest.deserializeBinary(message)
  const identity = request.getIdentity_asU8()
  if (identity.length === 0) throw new RpcError(grpc.status.INVALID_ARGUMENT, 'no identity provided')
  if (request.getTransactionId() === '') throw new RpcError(grpc.status.INVALID_ARGUMENT, 'transaction ID should not be empty')
  requireReader(channel, request.getChannelId(), { identity, message, signature: signed.getSignature_asU8() })
  const { block, code } = await waiter.wait(request.getTransactionId(), signal)
  const response = new gateway.CommitStatusResponse()
  response.setBlockNumber(block)
  response.setResult(code as ReturnType<typeof response.getResult>)
  return response
}

/** @throws RpcError unless the message is a genuine one of a reader of this channel */
export function requireReader (channel: Channel, channelId: string, message: Parameters<typeof checkAccess>[2]): void {
  const policy = '/Channel/Application/Readers'
  if (channelId === '') throw new RpcError(grpc.status.INVALID_ARGUMENT, 'no channel ID provided')
  if (channelId !== channel.id) {
    throw new RpcError(grpc.status.PERMISSION_DENIED, `Failed to get policy manager for channel [${channelId}]`)
  }
  if (!checkAccess(channel, policy, message).ok) throw new RpcError(grpc.status.PERMISSION_DENIED, policyRefusal(policy))
}
