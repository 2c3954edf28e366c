/** The wire protocols themselves, where clients do not go: what is answered to requests that are wrong, early or unusual. */
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import * as grpc from '@grpc/grpc-js'
import type { EndorseError } from '@hyperledger/fabric-gateway'
import { common, ledger, orderer, peer } from '@hyperledger/fabric-protos'
import timestampPb from 'google-protobuf/google/protobuf/timestamp_pb.js'
import t from 'tap'
import { parseCertificate } from '../../src/core/fabric/x509.js'
import { verifyLowS } from '../../src/core/fabric/ecdsa.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { invocationOf } from '../support/call-messages.js'
import { counterNetwork } from '../support/counter-network.js'

const counter = await counterNetwork(t, 1)
const org = counter.org('operator')
const credentials = grpc.credentials.createSsl(Buffer.from(org.tlsCaPem))
const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n // of the P-256 group

interface HeaderOptions {
  readonly type?: number
  readonly channel?: string
  readonly seconds?: number
  readonly creator?: Uint8Array
  readonly txId?: string
  readonly extension?: Uint8Array
}

function headerOf ({ type = 5, channel = 'evidence', seconds = Date.now() / 1000, ...options }: HeaderOptions): common.Header {
  const nonce = randomBytes(24)
  const creator = options.creator ?? org.admin.serialized
  const timestamp = new timestampPb.Timestamp()
  timestamp.setSeconds(Math.floor(seconds))
  const channelHeader = new common.ChannelHeader()
  channelHeader.setType(type)
  channelHeader.setChannelId(channel)
  channelHeader.setTimestamp(timestamp)
  channelHeader.setTxId(options.txId ?? createHash('sha256').update(nonce).update(creator).digest('hex'))
  if (options.extension !== undefined) channelHeader.setExtension$(options.extension)
  const signatureHeader = new common.SignatureHeader()
  signatureHeader.setCreator(creator)
  signatureHeader.setNonce(nonce)
  const header = new common.Header()
  header.setChannelHeader(channelHeader.serializeBinary())
  header.setSignatureHeader(signatureHeader.serializeBinary())
  return header
}

function envelopeOf (header: common.Header, data: Uint8Array): common.Envelope {
  const payload = new common.Payload()
  payload.setHeader(header)
  payload.setData(data)
  const envelope = new common.Envelope()
  envelope.setPayload(payload.serializeBinary())
  envelope.setSignature(org.admin.sign(payload.serializeBinary()))
  return envelope
}

type Position = number | 'oldest' | 'newest' | 'next'

function positionOf (position: Position): orderer.SeekPosition {
  const seek = new orderer.SeekPosition()
  if (position === 'oldest') seek.setOldest(new orderer.SeekOldest())
  if (position === 'newest') seek.setNewest(new orderer.SeekNewest())
  if (position === 'next') seek.setNextCommit(new orderer.SeekNextCommit())
  if (typeof position === 'number') {
    const specified = new orderer.SeekSpecified()
    specified.setNumber(position)
    seek.setSpecified(specified)
  }
  return seek
}

interface SeekOptions {
  readonly failIfNotReady?: boolean
  readonly headers?: boolean
}

function seekOf (start: Position, stop: Position, options: SeekOptions = {}, header: HeaderOptions = {}): common.Envelope {
  const seek = new orderer.SeekInfo()
  seek.setStart(positionOf(start))
  seek.setStop(positionOf(stop))
  if (options.failIfNotReady === true) seek.setBehavior(orderer.SeekInfo.SeekBehavior.FAIL_IF_NOT_READY)
  if (options.headers === true) seek.setContentType(orderer.SeekInfo.SeekContentType.HEADER_WITH_SIG)
  return envelopeOf(headerOf(header), seek.serializeBinary())
}

/** Everything that one stream of an orderer answers to these requests: block numbers, and statuses as text. */
async function delivered (...requests: common.Envelope[]): Promise<Array<number | string>> {
  return (await blocks(...requests)).map((answer) => answer.hasBlock() ? answer.getBlock()?.getHeader()?.getNumber() ?? -1 : `status ${answer.getStatus()}`)
}

async function blocks (...requests: common.Envelope[]): Promise<orderer.DeliverResponse[]> {
  const client = new orderer.AtomicBroadcastClient(`localhost:${org.ports.orderer}`, credentials)
  const call = client.deliver()
  const answers: orderer.DeliverResponse[] = []
  call.on('data', (answer: orderer.DeliverResponse) => { answers.push(answer) })
  const ended = once(call, 'end')
  for (const request of requests) call.write(request)
  call.end()
  await ended
  client.close()
  return answers
}

async function broadcast (...envelopes: common.Envelope[]): Promise<number[]> {
  const client = new orderer.AtomicBroadcastClient(`localhost:${org.ports.orderer}`, credentials)
  const call = client.broadcast()
  const statuses: number[] = []
  call.on('data', (answer: orderer.BroadcastResponse) => { statuses.push(answer.getStatus()) })
  const ended = once(call, 'end')
  for (const envelope of envelopes) call.write(envelope)
  call.end()
  await ended
  client.close()
  return statuses
}

interface ProposalOptions extends HeaderOptions {
  readonly sign?: (bytes: Uint8Array) => Uint8Array
  readonly chaincode?: string
}

function proposalOf (args: string[], options: ProposalOptions = {}): peer.SignedProposal {
  const { extension, payload } = invocationOf(options.chaincode ?? 'counter', args)
  payload.getTransientmapMap().set('secret', Buffer.from('not in the hash'))
  const proposal = new peer.Proposal()
  proposal.setHeader(headerOf({ type: 3, ...options, extension }).serializeBinary())
  proposal.setPayload(payload.serializeBinary())
  const signed = new peer.SignedProposal()
  signed.setProposalBytes(proposal.serializeBinary())
  signed.setSignature((options.sign ?? ((bytes) => org.admin.sign(bytes)))(proposal.serializeBinary()))
  return signed
}

async function endorse (signed: peer.SignedProposal): Promise<peer.ProposalResponse> {
  const client = new peer.EndorserClient(`localhost:${org.ports.peer}`, credentials)
  try {
    return await new Promise((resolve, reject) => {
      client.processProposal(signed, (error, response) => { if (error === null) resolve(response as peer.ProposalResponse); else reject(error) })
    })
  } finally {
    client.close()
  }
}

async function refusalOf (signed: peer.SignedProposal): Promise<string> {
  try {
    await endorse(signed)
    return ''
  } catch (error) {
    t.equal((error as grpc.ServiceError).code, grpc.status.UNKNOWN)
    return (error as grpc.ServiceError).details
  }
}

/** The twin of a signature that crypto libraries accept and Fabric does not. */
function highS (signature: Uint8Array): Uint8Array {
  const hex = Buffer.from(signature).toString('hex')
  const rLength = 2 * Number.parseInt(hex.slice(6, 8), 16)
  const r = hex.slice(8, 8 + rLength)
  const s = order - BigInt(`0x${hex.slice(12 + rLength)}`)
  const sBytes = Buffer.from(`00${s.toString(16).padStart(64, '0')}`, 'hex')
  const body = Buffer.concat([Buffer.from([2, r.length / 2]), Buffer.from(r, 'hex'), Buffer.from([2, sBytes.length]), sBytes])
  return Buffer.concat([Buffer.from([0x30, body.length]), body])
}

t.test('deliver', async (t) => {
  const contract = counter.peerGateway('operator').getNetwork('evidence').getContract('counter')
  await contract.submitTransaction('create', 'first', '1')
  const height = counter.network.ledger.height()

  t.test('ranges, and more than one request on a stream', async (t) => {
    t.same(await delivered(seekOf('oldest', 1)), [0, 1, 'status 200'])
    t.same(await delivered(seekOf('newest', 'newest')), [height - 1, 'status 200'])
    t.same(await delivered(seekOf(1, 1), seekOf('oldest', 'oldest')), [1, 'status 200', 0, 'status 200'])
  })

  t.test('goes on after the client closed its side', async (t) => {
    const waiting = delivered(seekOf('next', height))
    await contract.submitTransaction('create', 'second', '1')
    t.same(await waiting, [height, 'status 200'])
  })

  t.test('refuses', async (t) => {
    t.same(await delivered(seekOf(0, 2 ** 53, { failIfNotReady: true })), [...Array(height + 1).keys(), 'status 404'])
    t.same(await delivered(seekOf(height + 5, 2 ** 53)), ['status 404'])
    t.same(await delivered(seekOf(2, 1)), ['status 400'])
    t.same(await delivered(seekOf(0, 0, {}, { channel: 'other' })), ['status 404'])
    t.same(await delivered(seekOf(0, 0, {}, { seconds: Date.now() / 1000 - 3600 })), ['status 400'])
    const forged = seekOf(0, 0)
    forged.setSignature(highS(forged.getSignature_asU8()))
    t.same(await delivered(forged), ['status 403'])
    t.same(await delivered(new common.Envelope()), ['status 400'])
  })

  t.test('sends headers and signatures without data, except for configurations', async (t) => {
    const [config, second] = await blocks(seekOf(0, 1, { headers: true }))
    t.equal(config?.getBlock()?.getData()?.getDataList().length, 1)
    t.notOk(second?.getBlock()?.hasData())
    t.ok(second?.getBlock()?.getMetadata()?.getMetadataList_asU8()[0]?.length)
  })
})

t.test('broadcast answers each envelope, in order, after the client closed its side', async (t) => {
  const forged = seekOf(0, 0)
  forged.setSignature('')
  const garbage = new common.Envelope()
  garbage.setPayload(Buffer.from('garbage'))
  const statuses = await broadcast(garbage, envelopeOf(headerOf({ type: 3, channel: 'other' }), Buffer.alloc(0)), forged)
  t.same(statuses.map((status) => status >= 400 && status < 500), [true, true, true])
  t.same(statuses.slice(0, 2), [400, 400])
})

t.test('an endorsement', async (t) => {
  const signed = proposalOf(['create', 'endorsed', '1'])
  const response = await endorse(signed)
  t.equal(response.getVersion(), 1)
  const payload = peer.ProposalResponsePayload.deserializeBinary(response.getPayload_asU8())
  const endorsement = response.getEndorsement()
  t.same(endorsement?.getEndorser_asU8(), org.peer.serialized)
  const { publicKey } = parseCertificate(Buffer.from(org.peer.certificatePem))
  const message = Buffer.concat([response.getPayload_asU8(), org.peer.serialized])
  t.ok(verifyLowS(nodeCrypto, publicKey, message, endorsement?.getSignature_asU8() ?? new Uint8Array()))

  const proposal = peer.Proposal.deserializeBinary(signed.getProposalBytes_asU8())
  const header = common.Header.deserializeBinary(proposal.getHeader_asU8())
  const bare = new peer.ChaincodeProposalPayload()
  bare.setInput(peer.ChaincodeProposalPayload.deserializeBinary(proposal.getPayload_asU8()).getInput_asU8())
  const hash = createHash('sha256').update(header.getChannelHeader_asU8()).update(header.getSignatureHeader_asU8()).update(bare.serializeBinary())
  t.same(Buffer.from(payload.getProposalHash_asU8()), hash.digest(), 'without transient data')

  const action = peer.ChaincodeAction.deserializeBinary(payload.getExtension_asU8())
  t.same([action.getChaincodeId()?.getName(), action.getChaincodeId()?.getVersion()], ['counter', '1.0'])
  const channelHeader = common.ChannelHeader.deserializeBinary(header.getChannelHeader_asU8())
  const event = peer.ChaincodeEvent.deserializeBinary(action.getEvents_asU8())
  t.same([event.getEventName(), event.getChaincodeId(), event.getTxId()], ['created', 'counter', channelHeader.getTxId()])
  const sets = ledger.rwset.TxReadWriteSet.deserializeBinary(action.getResults_asU8()).getNsRwsetList()
  t.same(sets.map((set) => set.getNamespace()), ['_lifecycle', 'counter'])
  const [definition] = sets.map((set) => ledger.rwset.kvrwset.KVRWSet.deserializeBinary(set.getRwset_asU8()))
  t.same(definition?.getReadsList().map((read) => read.getKey()), ['namespaces/fields/counter/Sequence'])
  t.ok(definition?.getReadsList()[0]?.hasVersion())
})

t.test('what is not endorsed', async (t) => {
  const failed = await endorse(proposalOf(['read', 'nothing']))
  t.equal(failed.getResponse()?.getStatus(), 500)
  t.ok(failed.getPayload_asU8().length > 0, 'a contract\'s error has a payload')
  t.notOk(failed.hasEndorsement())
  const unknown = await endorse(proposalOf(['read'], { chaincode: 'nocc' }))
  t.equal(unknown.getResponse()?.getStatus(), 500)
  t.equal(unknown.getPayload_asU8().length, 0, 'a peer\'s error has none')
  t.match(unknown.getResponse()?.getMessage(), /chaincode nocc not found/)
  const elsewhere = await endorse(proposalOf(['read'], { channel: 'other' }))
  t.equal(elsewhere.getResponse()?.getMessage(), 'channel \'other\' not found')
})

t.test('proposals that are refused', async (t) => {
  t.match(await refusalOf(proposalOf(['read', 'a'], { txId: 'ff' })), /incorrectly computed txid 'ff'/)
  t.match(await refusalOf(proposalOf(['read', 'a'], { type: 1 })), /^$/, 'type CONFIG is accepted, as on a real peer')
  t.match(await refusalOf(proposalOf(['read', 'a'], { type: 5 })), /invalid header type/)
  t.match(await refusalOf(proposalOf(['read', 'a'], { sign: (bytes) => highS(org.admin.sign(bytes)) })), /creator org \[OperatorMSP\]/)
  t.match(await refusalOf(proposalOf(['read', 'a'], { sign: () => Buffer.from('garbage') })), /creator org \[OperatorMSP\]/)
  t.match(await refusalOf(proposalOf(['read', 'a'], { creator: Buffer.from('garbage') })), /creator org unknown, creator is malformed/)
  const ordererCreator = { creator: org.orderer.serialized, sign: (bytes: Uint8Array) => org.orderer.sign(bytes) }
  t.match(await refusalOf(proposalOf(['read', 'a'], ordererCreator)), /Writers/, 'an orderer is no writer of the application')
  t.match(await refusalOf(new peer.SignedProposal()), /./)
})

t.test('a committed transaction is refused as a proposal', async (t) => {
  const contract = counter.peerGateway('operator').getNetwork('evidence').getContract('counter')
  const proposal = contract.newProposal('create', { arguments: ['twice', '1'] })
  const status = await (await (await proposal.endorse()).submit()).getStatus()
  t.ok(status.successful)
  const failure = await proposal.endorse().then(() => undefined, (error: unknown) => error as EndorseError)
  t.match(failure?.details[0]?.message, /duplicate transaction found/)
})
