/**
 * A fixed set of calls to the nodes of a Fabric network of four organizations that runs the counter fixture, answered in raw bytes: what
 * the official nodes answered is kept under test/vectors/fabric/answers, and any network can be asked the same.
 * @module
 */
import { discovery } from '@hyperledger/fabric-protos'
import {
  broadcast, type Call, type Caller, chaincodeEvents, commitStatus, deliver, discover, endorse, endorser, endorseAndSubmit, endorsersOf, evaluate, system
} from './call-kinds.js'
import { CHAINCODE, CHANNEL, type CallTarget, envelope } from './call-messages.js'
import { type Answered, connectTo } from './call-transport.js'
import { LIFECYCLE_CALLS } from './lifecycle-calls.js'

/** Makes all calls, one after the other. What they answer depends on those before. */
export async function callAll (target: CallTarget): Promise<Answered[]> {
  return await connected(target, async (caller) => {
    const all: Answered[] = []
    for (const [name, call] of CALLS) all.push({ name, ...await call(caller) })
    return all
  })
}

/** Does the peer know all four that endorse? Official ones hear of each other by and by. */
export async function knowsAllPeers (target: CallTarget): Promise<boolean> {
  const { answers: [bytes = ''] } = await connected(target, endorsersOf(CHAINCODE))
  const [result] = discovery.Response.deserializeBinary(Buffer.from(bytes, 'base64')).getResultsList()
  return result?.getCcQueryRes()?.getContentList()[0]?.getEndorsersByGroupsMap().getLength() === 4
}

async function connected<T> (target: CallTarget, work: (caller: Caller) => Promise<T>): Promise<T> {
  const caller: Caller = { target, peer: connectTo(target.peer), orderer: connectTo(target.orderer), txId: '' }
  try {
    return await work(caller)
  } finally {
    caller.peer.close()
    caller.orderer.close()
  }
}

const CALLS: ReadonlyArray<readonly [string, Call]> = [
  ['propose', endorser(['create', 'key', 'value'])],
  ['propose, the contract refuses', endorser(['read', 'nothing'])],
  ['propose an unknown function', endorser(['nothing'])],
  ['propose to an unknown chaincode', endorser(['read', 'key'], { chaincode: 'nocc' })],
  ['propose on an unknown channel', endorser(['read', 'key'], { channel: 'nochan' })],
  ['propose with a wrong signature', endorser(['read', 'key'], { forged: true })],
  ['propose as a stranger', endorser(['read', 'key'], { mspId: 'NopeMSP' })],
  ['gateway evaluate, the contract refuses', evaluate(['read', 'nothing'])],
  ['gateway endorse, the contract refuses', endorse(['read', 'nothing'])],
  ['gateway endorse by an unknown organization', endorse(['create', 'other', 'x'], { organizations: ['NopeMSP'] })],
  ['gateway evaluate with a wrong signature', evaluate(['read', 'key'], { forged: true })],
  ['gateway endorse and submit', endorseAndSubmit(['create', 'fresh', 'value'])],
  ['gateway commit status', async (caller) => await commitStatus(caller, CHANNEL)],
  ['gateway commit status on an unknown channel', async (caller) => await commitStatus(caller, 'nochan')],
  ['gateway evaluate', evaluate(['read', 'fresh'])],
  ['gateway chaincode events', chaincodeEvents],
  ['qscc GetChainInfo', system('qscc', ['GetChainInfo', CHANNEL])],
  ['qscc GetBlockByNumber 0', system('qscc', ['GetBlockByNumber', CHANNEL, '0'])],
  ['qscc GetBlockByNumber 1', system('qscc', ['GetBlockByNumber', CHANNEL, '1'])],
  ['qscc GetBlockByNumber beyond the end', system('qscc', ['GetBlockByNumber', CHANNEL, '100000'])],
  ['qscc GetBlockByNumber of no number', system('qscc', ['GetBlockByNumber', CHANNEL, 'x'])],
  ['qscc GetBlockByTxID', async (caller) => await system('qscc', ['GetBlockByTxID', CHANNEL, caller.txId])(caller)],
  ['qscc GetBlockByTxID unknown', system('qscc', ['GetBlockByTxID', CHANNEL, 'x'])],
  ['qscc GetTransactionByID', async (caller) => await system('qscc', ['GetTransactionByID', CHANNEL, caller.txId])(caller)],
  ['qscc GetTransactionByID unknown', system('qscc', ['GetTransactionByID', CHANNEL, 'x'])],
  ['qscc GetBlockByHash unknown', system('qscc', ['GetBlockByHash', CHANNEL, 'x'])],
  ['qscc unknown function', system('qscc', ['Nothing', CHANNEL])],
  ['cscc GetConfigBlock', system('cscc', ['GetConfigBlock', CHANNEL])],
  ['cscc GetChannelConfig', system('cscc', ['GetChannelConfig', CHANNEL])],
  ['cscc GetChannels', system('cscc', ['GetChannels'], { channel: '' })],
  ['cscc GetConfigBlock of an unknown channel', system('cscc', ['GetConfigBlock', 'nochan'])],
  ['discovery configuration', discover((query) => { query.setConfigQuery(new discovery.ConfigQuery()) })],
  ['discovery peers', discover((query) => { query.setPeerQuery(new discovery.PeerMembershipQuery()) })],
  ['discovery endorsers', endorsersOf(CHAINCODE)],
  ['discovery endorsers of an unknown chaincode', endorsersOf('nocc')],
  ['discovery on an unknown channel', discover((query) => { query.setConfigQuery(new discovery.ConfigQuery()) }, 'nochan')],
  ['deliver of a peer', deliver('peer', '/protos.Deliver/Deliver', { from: 0, to: 6 })],
  ['deliver filtered', deliver('peer', '/protos.Deliver/DeliverFiltered', { from: 0, to: 6 })],
  ['deliver with private data', deliver('peer', '/protos.Deliver/DeliverWithPrivateData', { from: 1, to: 2 })],
  ['deliver of a peer on an unknown channel', deliver('peer', '/protos.Deliver/DeliverFiltered', { from: 0, to: 0, channel: 'nochan' })],
  ['deliver of an orderer', deliver('orderer', '/orderer.AtomicBroadcast/Deliver', { from: 1, to: 2 })],
  ['deliver of an orderer, headers with signatures', deliver('orderer', '/orderer.AtomicBroadcast/Deliver', { from: 0, to: 2, headers: true })],
  ['deliver of an orderer on an unknown channel', deliver('orderer', '/orderer.AtomicBroadcast/Deliver', { from: 0, to: 0, channel: 'nochan' })],
  ['deliver of an orderer beyond the end', deliver('orderer', '/orderer.AtomicBroadcast/Deliver', { from: 100_000, to: 100_000, fail: true })],
  ['broadcast of nothing', broadcast((caller) => envelope(caller.target, { type: 3 }, new Uint8Array(0)))],
  ['broadcast on an unknown channel', broadcast((caller) => envelope(caller.target, { type: 3, channel: 'nochan' }, new Uint8Array(1)))],
  ['broadcast with a wrong signature', broadcast((caller) => {
    const sent = envelope(caller.target, { type: 3 }, new Uint8Array(1))
    sent.setSignature(new Uint8Array(70))
    return sent
  })],
  ...LIFECYCLE_CALLS
]
