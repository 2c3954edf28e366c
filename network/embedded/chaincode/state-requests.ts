/**
 * Answers of the peer to what a contract asks while it runs. Everything is in the contract's own namespace. What this
 * network does not keep (private data, key-level policies, rich queries) is refused, never dropped silently.
 */
import { ledger, peer } from '@hyperledger/fabric-protos'
import timestampPb from 'google-protobuf/google/protobuf/timestamp_pb.js'
import type { HistoryEntry, StateEntry } from '../channel.js'
import type { Invocation, Runnable } from './invocation.js'
import { explicitPage, type Iterators, type QueryItem } from './iterators.js'

const types = peer.ChaincodeMessage.Type
const unlimited = Number.MAX_SAFE_INTEGER

/** A transaction that executes in a chaincode. */
export interface TransactionContext extends Invocation {
  readonly namespace: string
  readonly isInit: boolean
  readonly iterators: Iterators
  /** Another chaincode of the same peer. */
  readonly callee: (name: string) => Promise<Runnable>
}

type Answer = Promise<Uint8Array | undefined>
type StateRequest = (payload: Uint8Array, context: TransactionContext) => Answer | Uint8Array | undefined

const requests = new Map<number, StateRequest>([
  [types.GET_STATE, getState],
  [types.PUT_STATE, putState],
  [types.DEL_STATE, delState],
  [types.GET_STATE_METADATA, getStateMetadata],
  [types.GET_STATE_BY_RANGE, getStateByRange],
  [types.GET_HISTORY_FOR_KEY, getHistoryForKey],
  [types.QUERY_STATE_NEXT, queryStateNext],
  [types.QUERY_STATE_CLOSE, queryStateClose],
  [types.INVOKE_CHAINCODE, invokeChaincode]
])
const names = new Map<number, string>(Object.entries(types).map(([name, type]) => [type, name]))

/** Name of a message type, for messages. */
export function typeName (type: number): string {
  return names.get(type) ?? `type ${String(type)}`
}

/** The payload of the RESPONSE to a request of the contract. */
export async function answerRequest (type: number, payload: Uint8Array, context: TransactionContext): Answer {
  const request = requests.get(type)
  if (request === undefined) throw new Error('not supported by this network')
  return await request(payload, context)
}

async function getState (payload: Uint8Array, { simulator, namespace }: TransactionContext): Answer {
  const request = peer.GetState.deserializeBinary(payload)
  refuseCollection(request.getCollection())
  return await simulator.get(namespace, request.getKey())
}

function putState (payload: Uint8Array, { simulator, namespace }: TransactionContext): undefined {
  const request = peer.PutState.deserializeBinary(payload)
  refuseCollection(request.getCollection())
  simulator.put(namespace, request.getKey(), request.getValue_asU8())
}

function delState (payload: Uint8Array, { simulator, namespace }: TransactionContext): undefined {
  const request = peer.DelState.deserializeBinary(payload)
  refuseCollection(request.getCollection())
  simulator.del(namespace, request.getKey())
}

function getStateMetadata (payload: Uint8Array): Uint8Array {
  refuseCollection(peer.GetStateMetadata.deserializeBinary(payload).getCollection())
  return new peer.StateMetadataResult().serializeBinary() // none is ever accepted, so there is none
}

async function getStateByRange (payload: Uint8Array, { simulator, namespace, iterators }: TransactionContext): Answer {
  const request = peer.GetStateByRange.deserializeBinary(payload)
  refuseCollection(request.getCollection())
  const metadata = request.getMetadata_asU8()
  const query = peer.QueryMetadata.deserializeBinary(metadata)
  const start = query.getBookmark() === '' ? request.getStartkey() : query.getBookmark()
  const items = keyValues(namespace, simulator.range(namespace, start, request.getEndkey()))
  if (metadata.length === 0) return await iterators.open(items)
  return await explicitPage(items, query.getPagesize() > 0 ? query.getPagesize() : unlimited)
}

async function getHistoryForKey (payload: Uint8Array, { simulator, namespace, iterators }: TransactionContext): Answer {
  const request = peer.GetHistoryForKey.deserializeBinary(payload)
  return await iterators.open(modifications(simulator.history(namespace, request.getKey())))
}

async function queryStateNext (payload: Uint8Array, { iterators }: TransactionContext): Answer {
  return await iterators.next(peer.QueryStateNext.deserializeBinary(payload).getId())
}

async function queryStateClose (payload: Uint8Array, { iterators }: TransactionContext): Answer {
  return await iterators.close(peer.QueryStateClose.deserializeBinary(payload).getId())
}

/** The callee shares the simulator, so it reads and writes in the same transaction. Its event is dropped, as in Fabric. */
async function invokeChaincode (payload: Uint8Array, context: TransactionContext): Answer {
  const spec = peer.ChaincodeSpec.deserializeBinary(payload)
  const [name = '', channelId = context.channelId] = (spec.getChaincodeId()?.getName() ?? '').split('/')
  if (channelId !== context.channelId) throw new Error(`failed to find ledger for channel: ${channelId}`)
  const callee = await context.callee(name)
  if (!callee.ok) throw new Error(`[channel ${channelId}] failed to get chaincode container info for ${name}: ${callee.reason}`)
  const { simulator, txId, signedProposal } = context
  const input = spec.getInput() ?? new peer.ChaincodeInput()
  const { response } = await callee.runner.invoke({ simulator, txId, channelId, input, signedProposal, definition: callee.definition })
  const completed = new peer.ChaincodeMessage()
  completed.setType(types.COMPLETED)
  completed.setTxid(txId)
  completed.setChannelId(channelId)
  completed.setPayload(response.serializeBinary())
  return completed.serializeBinary()
}

function refuseCollection (collection: string): void {
  if (collection !== '') throw new Error(`collection ${collection}: private data is not supported by this network`)
}

async function * keyValues (namespace: string, entries: AsyncIterable<StateEntry>): AsyncGenerator<QueryItem> {
  for await (const entry of entries) {
    const record = new ledger.queryresult.KV()
    record.setNamespace(namespace)
    record.setKey(entry.key)
    record.setValue(entry.value)
    yield { key: entry.key, record: record.serializeBinary() }
  }
}

async function * modifications (entries: AsyncIterable<HistoryEntry>): AsyncGenerator<QueryItem> {
  for await (const entry of entries) {
    const timestamp = new timestampPb.Timestamp()
    timestamp.setSeconds(Number(entry.timestamp.seconds))
    timestamp.setNanos(entry.timestamp.nanos)
    const record = new ledger.queryresult.KeyModification()
    record.setTxId(entry.txId)
    record.setValue(entry.value)
    record.setTimestamp(timestamp) // the shim converts it without asking whether it is there
    record.setIsDelete(entry.isDelete)
    yield { key: entry.txId, record: record.serializeBinary() }
  }
}
