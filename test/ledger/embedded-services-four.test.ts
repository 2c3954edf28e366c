import { once } from 'node:events'
import { createConnection } from 'node:net'
import * as grpc from '@grpc/grpc-js'
import type { Contract, GatewayError } from '@hyperledger/fabric-gateway'
import { discovery, gateway, peer } from '@hyperledger/fabric-protos'
import t from 'tap'
import type { Organization } from '../../network/embedded/crypto/organization.js'
import type { NodeKind } from '../../network/embedded/services/start.js'
import { parseSerializedIdentity } from '../../src/core/fabric/msp.js'
import { counterNetwork } from '../support/counter-network.js'

const counter = await counterNetwork(t, 4)
const names = ['court', 'notary', 'forensic', 'platform']
const contract = counter.peerGateway('platform').getNetwork('evidence').getContract('counter')

async function failureOf (promise: Promise<unknown>): Promise<GatewayError> {
  try {
    await promise
  } catch (error) {
    return error as GatewayError
  }
  throw new Error('did not fail')
}

async function set (kind: NodeKind, on: boolean, ...orgs: string[]): Promise<void> {
  for (const name of orgs) await counter.services.setRunning(counter.org(name), kind, on)
  counter.network.ledger.resume()
}

/** MSP ids that endorsed what the gateway prepared. */
async function endorsersOf (from: Contract, ...args: string[]): Promise<string[]> {
  const transaction = await from.newProposal('create', { arguments: args }).endorse()
  const prepared = gateway.PreparedTransaction.deserializeBinary(transaction.getBytes())
  const bytes = Buffer.from(prepared.serializeBinary()).toString('latin1')
  return names.map((name) => counter.org(name)).filter(({ peer }) => bytes.includes(Buffer.from(peer.serialized).toString('latin1'))).map(({ name }) => name)
}

async function discover (org: Organization, query: discovery.Query): Promise<discovery.QueryResult> {
  const authentication = new discovery.AuthInfo()
  authentication.setClientIdentity(org.admin.serialized)
  const request = new discovery.Request()
  request.setAuthentication(authentication)
  request.setQueriesList([query])
  const signed = new discovery.SignedRequest()
  signed.setPayload(request.serializeBinary())
  signed.setSignature(org.admin.sign(request.serializeBinary()))
  const client = new discovery.DiscoveryClient(`localhost:${org.ports.peer}`, grpc.credentials.createSsl(Buffer.from(org.tlsCaPem)))
  try {
    return await new Promise((resolve, reject) => {
      client.discover(signed, (error, response) => {
        const [result] = response?.getResultsList() ?? []
        if (result === undefined) reject(error ?? new Error('no result'))
        else resolve(result)
      })
    })
  } finally {
    client.close()
  }
}

async function layouts (): Promise<string[][]> {
  const call = new peer.ChaincodeCall()
  call.setName('counter')
  const interest = new peer.ChaincodeInterest()
  interest.setChaincodesList([call])
  const chaincodeQuery = new discovery.ChaincodeQuery()
  chaincodeQuery.setInterestsList([interest])
  const query = new discovery.Query()
  query.setChannel('evidence')
  query.setCcQuery(chaincodeQuery)
  const result = await discover(counter.org('court'), query)
  const [descriptor] = result.getCcQueryRes()?.getContentList() ?? []
  const members = (group: string): string[] => (descriptor?.getEndorsersByGroupsMap().get(group)?.getPeersList() ?? [])
    .map((one) => parseSerializedIdentity(one.getIdentity_asU8()).mspId)
  return descriptor?.getLayoutsList().map((layout) => [...layout.getQuantitiesByGroupMap().keys()].flatMap(members).sort()) ?? []
}

t.test('endorses by as many organizations as the policy needs, the own one first', async (t) => {
  const endorsers = await endorsersOf(contract, 'a', '1')
  t.equal(endorsers.length, 3)
  t.ok(endorsers.includes('platform'))
  t.equal(Buffer.from(await contract.submitTransaction('create', 'b', '1')).toString(), '1')
})

t.test('discovery lists every minimal set of organizations', async (t) => {
  const all = await layouts()
  t.equal(all.length, 4)
  t.ok(all.every((layout) => layout.length === 3))
  t.equal(new Set(all.map(String)).size, 4)
})

t.test('fabric-network with four organizations', async (t) => {
  const client = await counter.gateway('court')
  const submitted = await (await client.getNetwork('evidence')).getContract('counter').submitTransaction('create', 'c', '1')
  t.equal(submitted.toString(), '1')
})

t.test('results that differ are not endorsed', async (t) => {
  const failure = await failureOf(contract.submitTransaction('differ'))
  t.equal(failure.code, grpc.status.ABORTED)
  t.match(failure.message, /failed to collect enough transaction endorsements/)
  t.match(failure.details[0]?.message, /ProposalResponsePayloads do not match/)
})

t.test('goes on with one peer down, in endorsement and in discovery', async (t) => {
  await set('peer', false, 'notary')
  const endorsers = await endorsersOf(contract, 'd', '1')
  t.same(endorsers, ['court', 'forensic', 'platform'])
  t.same(await layouts(), [['CourtMSP', 'ForensicMSP', 'PlatformMSP']])
  await contract.submitTransaction('create', 'd', '1')
  const named = await failureOf(contract.submit('create', { arguments: ['x', '1'], endorsingOrganizations: ['NotaryMSP'] }))
  t.equal(named.code, grpc.status.UNAVAILABLE)
})

t.test('fails without a majority of peers, and works again', async (t) => {
  await set('peer', false, 'court')
  const failure = await failureOf(contract.submitTransaction('create', 'e', '1'))
  t.equal(failure.code, grpc.status.FAILED_PRECONDITION)
  t.match(failure.message, /no combination of peers can be derived/)
  t.equal(Buffer.from(await contract.evaluateTransaction('read', 'd')).toString(), '1', 'reading needs one peer')
  await set('peer', true, 'court', 'notary')
  await contract.submitTransaction('create', 'e', '1')
})

t.test('orders with a quorum of orderers, and not without', async (t) => {
  await set('orderer', false, 'court')
  await contract.submitTransaction('create', 'f', '1')
  await set('orderer', false, 'notary')
  const failure = await failureOf(contract.submitTransaction('create', 'g', '1'))
  t.equal(failure.code, grpc.status.UNAVAILABLE)
  t.match(failure.message, /insufficient number of orderers/)
  await set('orderer', true, 'court', 'notary')
  await contract.submitTransaction('create', 'g', '1')
})

t.test('a stopped peer refuses connections, on the same port again after the start', async (t) => {
  const { ports } = counter.org('platform')
  const port = ports.peer
  await set('peer', false, 'platform')
  t.equal((await failureOf(contract.evaluateTransaction('read', 'a'))).code, grpc.status.UNAVAILABLE)
  await set('peer', true, 'platform')
  t.equal(ports.peer, port)
  const fresh = counter.peerGateway('platform').getNetwork('evidence').getContract('counter')
  t.equal(Buffer.from(await fresh.evaluateTransaction('read', 'b')).toString(), '1')
})

t.test('a stopped peer cuts the streams of its clients; a stopped CA answers nobody', async (t) => {
  const events = await counter.peerGateway('forensic').getNetwork('evidence').getChaincodeEvents('counter')
  const next = events[Symbol.asyncIterator]().next()
  const fresh = counter.peerGateway('court').getNetwork('evidence').getContract('counter')
  await fresh.submitTransaction('create', 'seen', '1')
  t.notOk((await next).done, 'the stream is open')
  const cut = failureOf(events[Symbol.asyncIterator]().next())
  await set('peer', false, 'forensic')
  t.equal((await cut).code, grpc.status.UNAVAILABLE)
  await set('peer', true, 'forensic')

  const { ports } = counter.org('forensic')
  const answers = async (): Promise<boolean> => {
    const socket = createConnection(ports.ca, '127.0.0.1')
    const answered = await once(socket, 'connect').then(() => true, () => false)
    socket.destroy()
    return answered
  }
  t.ok(await answers())
  await set('ca', false, 'forensic')
  t.notOk(await answers())
  await set('ca', true, 'forensic')
  t.ok(await answers())
})

t.test('discovery answers members, local peers and configuration', async (t) => {
  const court = counter.org('court')
  const members = new discovery.Query()
  members.setChannel('evidence')
  members.setPeerQuery(new discovery.PeerMembershipQuery())
  t.equal((await discover(court, members)).getMembers()?.getPeersByOrgMap().getLength(), 4)
  const local = new discovery.Query()
  local.setLocalPeers(new discovery.LocalPeerQuery())
  t.equal((await discover(court, local)).getMembers()?.getPeersByOrgMap().getLength(), 4)
  const config = new discovery.Query()
  config.setChannel('evidence')
  config.setConfigQuery(new discovery.ConfigQuery())
  const result = (await discover(court, config)).getConfigResult()
  t.same([...result?.getOrderersMap().keys() ?? []].sort(), names.map((name) => counter.org(name).ordererMspId).sort())
  t.equal(result?.getMspsMap().getLength(), 8)
})
