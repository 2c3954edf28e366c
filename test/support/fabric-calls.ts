/**
 * A fixed set of calls to the nodes of a Fabric network of four organizations that runs the counter fixture, answered in raw bytes: what
 * the official nodes answered is kept under test/vectors/fabric/answers, and any network can be asked the same.
 * @module
 */
import { createHash, randomBytes } from 'node:crypto'
import * as grpc from '@grpc/grpc-js'
import { common, discovery, gateway, orderer, peer } from '@hyperledger/fabric-protos'
import timestampPb from 'google-protobuf/google/protobuf/timestamp_pb.js'
import { serializeIdentity } from '../../network/embedded/crypto/identity.js'
import { createSigner } from '../../network/embedded/crypto/sign.js'
import { lifecycle } from '../../network/shared/proto.js'
import type { StoredIdentity } from '../../src/ledger/identity/wallet.js'

/** The channel and the contract that are called. */
export const CHANNEL = 'evidence'
export const CHAINCODE = 'counter'

/** An endpoint under TLS. */
export interface Endpoint {
  /** host:port. */
  readonly address: string
  readonly tlsRootsPem: string
}

/** Whom to ask, and as whom. */
export interface CallTarget {
  /** An enrolled client of the organization whose nodes are asked. */
  readonly client: StoredIdentity
  /** An administrator of that organization. */
  readonly admin: StoredIdentity
  readonly peer: Endpoint
  readonly orderer: Endpoint
}

/** What was asked, and what came back. */
export interface Answered {
  readonly name: string
  /** Service and method, as in the path of the call. */
  readonly method: string
  /** Type of each answer, a message of fabric-protos. */
  readonly type: string
  /** Messages that came back, base64; streams end after what was asked for. */
  readonly answers: readonly string[]
  /** How the call ended, where it did not end well. */
  readonly error?: { readonly code: number, readonly details: string, readonly status?: string }
}

type Message = { serializeBinary (): Uint8Array }

interface Caller {
  readonly target: CallTarget
  readonly peer: grpc.Client
  readonly orderer: grpc.Client
  /** Of the transaction that `endorse and submit` sent. */
  txId: string
}

/** Makes all calls, one after the other. What they answer depends on those before. */
export async function callAll (target: CallTarget): Promise<Answered[]> {
  const open = ({ address, tlsRootsPem }: Endpoint): grpc.Client =>
    new grpc.Client(address, grpc.credentials.createSsl(Buffer.from(tlsRootsPem)), { 'grpc.max_receive_message_length': -1 })
  const caller: Caller = { target, peer: open(target.peer), orderer: open(target.orderer), txId: '' }
  const all: Answered[] = []
  try {
    for (const [name, call] of CALLS) all.push({ name, ...await call(caller) })
    return all
  } finally {
    caller.peer.close()
    caller.orderer.close()
  }
}

type Call = (caller: Caller) => Promise<Omit<Answered, 'name'>>

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
  ['gateway endorse and submit', endorseAndSubmit],
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
  ['_lifecycle QueryChaincodeDefinition', system('_lifecycle', ['QueryChaincodeDefinition', definitionOf(CHAINCODE)])],
  ['_lifecycle QueryChaincodeDefinition unknown', system('_lifecycle', ['QueryChaincodeDefinition', definitionOf('nocc')])],
  ['_lifecycle QueryChaincodeDefinitions', system('_lifecycle', [
    'QueryChaincodeDefinitions', new lifecycle.QueryChaincodeDefinitionsArgs().serializeBinary()
  ])],
  ['_lifecycle QueryInstalledChaincodes by a client', system('_lifecycle', [
    'QueryInstalledChaincodes', new lifecycle.QueryInstalledChaincodesArgs().serializeBinary()
  ], { channel: '' })],
  ['_lifecycle QueryInstalledChaincodes', system('_lifecycle', [
    'QueryInstalledChaincodes', new lifecycle.QueryInstalledChaincodesArgs().serializeBinary()
  ], { channel: '', admin: true })],
  ['discovery configuration', discover((query) => { query.setConfigQuery(new discovery.ConfigQuery()) })],
  ['discovery peers', discover((query) => { query.setPeerQuery(new discovery.PeerMembershipQuery()) })],
  ['discovery endorsers', discover((query) => { query.setCcQuery(interestIn(CHAINCODE)) })],
  ['discovery endorsers of an unknown chaincode', discover((query) => { query.setCcQuery(interestIn('nocc')) })],
  ['discovery on an unknown channel', discover((query) => { query.setConfigQuery(new discovery.ConfigQuery()) }, 'nochan')],
  ['deliver of a peer', deliver('peer', '/protos.Deliver/Deliver', { from: 0, to: 3 })],
  ['deliver filtered', deliver('peer', '/protos.Deliver/DeliverFiltered', { from: 0, to: 3 })],
  ['deliver with private data', deliver('peer', '/protos.Deliver/DeliverWithPrivateData', { from: 1, to: 2 })],
  ['deliver of a peer on an unknown channel', deliver('peer', '/protos.Deliver/DeliverFiltered', { from: 0, to: 0, channel: 'nochan' })],
  ['deliver of an orderer', deliver('orderer', '/orderer.AtomicBroadcast/Deliver', { from: 1, to: 2 })],
  ['deliver of an orderer, headers with signatures', deliver('orderer', '/orderer.AtomicBroadcast/Deliver', { from: 0, to: 2, headers: true })],
  ['deliver of an orderer on an unknown channel', deliver('orderer', '/orderer.AtomicBroadcast/Deliver', { from: 0, to: 0, channel: 'nochan' })],
  ['deliver of an orderer beyond the end', deliver('orderer', '/orderer.AtomicBroadcast/Deliver', { from: 100_000, to: 100_000, fail: true })],
  ['broadcast of nothing', broadcast((caller) => envelope(caller, { type: 3 }, new Uint8Array(0)))],
  ['broadcast on an unknown channel', broadcast((caller) => envelope(caller, { type: 3, channel: 'nochan' }, new Uint8Array(1)))],
  ['broadcast with a wrong signature', broadcast((caller) => {
    const sent = envelope(caller, { type: 3 }, new Uint8Array(1))
    sent.setSignature(new Uint8Array(70))
    return sent
  })]
]

type Argument = string | Uint8Array

interface ProposalOptions {
  readonly channel?: string
  readonly chaincode?: string
  readonly mspId?: string
  readonly admin?: boolean
  /** Signed by nobody. */
  readonly forged?: boolean
  readonly organizations?: readonly string[]
}

function endorser (args: readonly Argument[], options: ProposalOptions = {}): Call {
  return async (caller) => await unary(
    caller.peer, '/protos.Endorser/ProcessProposal', 'protos.ProposalResponse', proposalOf(caller, args, options).signed
  )
}

/** A query to a chaincode that every peer has. */
function system (chaincode: string, args: readonly Argument[], options: ProposalOptions = {}): Call {
  return endorser(args, { chaincode, ...options })
}

function evaluate (args: readonly Argument[], options: ProposalOptions = {}): Call {
  return async (caller) => {
    const { signed, txId } = proposalOf(caller, args, options)
    const request = new gateway.EvaluateRequest()
    request.setTransactionId(txId)
    request.setChannelId(CHANNEL)
    request.setProposedTransaction(signed)
    return await unary(caller.peer, '/gateway.Gateway/Evaluate', 'gateway.EvaluateResponse', request)
  }
}

function endorse (args: readonly Argument[], options: ProposalOptions = {}): Call {
  return async (caller) => await endorsed(caller, proposalOf(caller, args, options), options.organizations ?? [])
}

async function endorsed (caller: Caller, { signed, txId }: Proposed, organizations: readonly string[]): ReturnType<Call> {
  const request = new gateway.EndorseRequest()
  request.setTransactionId(txId)
  request.setChannelId(CHANNEL)
  request.setProposedTransaction(signed)
  request.setEndorsingOrganizationsList([...organizations])
  return await unary(caller.peer, '/gateway.Gateway/Endorse', 'gateway.EndorseResponse', request)
}

/** What is kept is the answer to `Endorse`, the transaction as the peer prepared it; `Submit` answers with an empty message. */
async function endorseAndSubmit (caller: Caller): ReturnType<Call> {
  const proposed = proposalOf(caller, ['create', 'fresh', 'value'], {})
  const answer = await endorsed(caller, proposed, [])
  const [bytes = ''] = answer.answers
  const prepared = gateway.EndorseResponse.deserializeBinary(Buffer.from(bytes, 'base64')).getPreparedTransaction()
  if (prepared === undefined) return answer
  prepared.setSignature(signerOf(caller.target.client)(prepared.getPayload_asU8()))
  const request = new gateway.SubmitRequest()
  request.setTransactionId(proposed.txId)
  request.setChannelId(CHANNEL)
  request.setPreparedTransaction(prepared)
  const submitted = await unary(caller.peer, '/gateway.Gateway/Submit', 'gateway.SubmitResponse', request)
  caller.txId = proposed.txId
  return submitted.error === undefined ? answer : submitted
}

async function commitStatus (caller: Caller, channel: string): ReturnType<Call> {
  const request = new gateway.CommitStatusRequest()
  request.setTransactionId(caller.txId)
  request.setChannelId(channel)
  request.setIdentity(creatorOf(caller.target.client))
  const signed = new gateway.SignedCommitStatusRequest()
  signed.setRequest(request.serializeBinary())
  signed.setSignature(signerOf(caller.target.client)(request.serializeBinary()))
  return await unary(caller.peer, '/gateway.Gateway/CommitStatus', 'gateway.CommitStatusResponse', signed)
}

async function chaincodeEvents (caller: Caller): ReturnType<Call> {
  const request = new gateway.ChaincodeEventsRequest()
  request.setChannelId(CHANNEL)
  request.setChaincodeId(CHAINCODE)
  request.setIdentity(creatorOf(caller.target.client))
  request.setStartPosition(position(0))
  const signed = new gateway.SignedChaincodeEventsRequest()
  signed.setRequest(request.serializeBinary())
  signed.setSignature(signerOf(caller.target.client)(request.serializeBinary()))
  return await serverStream(caller.peer, '/gateway.Gateway/ChaincodeEvents', 'gateway.ChaincodeEventsResponse', signed, 1)
}

function discover (ask: (query: discovery.Query) => void, channel = CHANNEL): Call {
  return async (caller) => {
    const query = new discovery.Query()
    query.setChannel(channel)
    ask(query)
    const authentication = new discovery.AuthInfo()
    authentication.setClientIdentity(creatorOf(caller.target.client))
    const request = new discovery.Request()
    request.setAuthentication(authentication)
    request.addQueries(query)
    const signed = new discovery.SignedRequest()
    signed.setPayload(request.serializeBinary())
    signed.setSignature(signerOf(caller.target.client)(request.serializeBinary()))
    return await unary(caller.peer, '/discovery.Discovery/Discover', 'discovery.Response', signed)
  }
}

function interestIn (chaincode: string): discovery.ChaincodeQuery {
  const call = new peer.ChaincodeCall()
  call.setName(chaincode)
  const interest = new peer.ChaincodeInterest()
  interest.addChaincodes(call)
  const query = new discovery.ChaincodeQuery()
  query.addInterests(interest)
  return query
}

interface Range {
  readonly from: number
  readonly to: number
  readonly channel?: string
  readonly headers?: boolean
  readonly fail?: boolean
}

function deliver (node: 'peer' | 'orderer', method: string, { from, to, channel = CHANNEL, headers, fail }: Range): Call {
  return async (caller) => {
    const seek = new orderer.SeekInfo()
    seek.setStart(position(from))
    seek.setStop(position(to))
    if (headers === true) seek.setContentType(orderer.SeekInfo.SeekContentType.HEADER_WITH_SIG)
    if (fail === true) seek.setBehavior(orderer.SeekInfo.SeekBehavior.FAIL_IF_NOT_READY)
    const type = node === 'peer' ? 'protos.DeliverResponse' : 'orderer.DeliverResponse'
    // one answer more than blocks: the status at the end
    return await exchange(caller[node], method, type, envelope(caller, { type: 5, channel }, seek.serializeBinary()), to - from + 2)
  }
}

function broadcast (make: (caller: Caller) => common.Envelope): Call {
  return async (caller) => await exchange(caller.orderer, '/orderer.AtomicBroadcast/Broadcast', 'orderer.BroadcastResponse', make(caller), 1)
}

function position (number: number): orderer.SeekPosition {
  const specified = new orderer.SeekSpecified()
  specified.setNumber(number)
  const at = new orderer.SeekPosition()
  at.setSpecified(specified)
  return at
}

function definitionOf (name: string): Uint8Array {
  const args = new lifecycle.QueryChaincodeDefinitionArgs()
  args.setName(name)
  return args.serializeBinary()
}

function creatorOf ({ mspId, certificatePem }: StoredIdentity): Uint8Array {
  return serializeIdentity(mspId, certificatePem)
}

function signerOf ({ privateKeyPem }: StoredIdentity): (bytes: Uint8Array) => Uint8Array {
  return createSigner(privateKeyPem)
}

interface Proposed {
  readonly signed: peer.SignedProposal
  readonly txId: string
}

function proposalOf ({ target }: Caller, args: readonly Argument[], options: ProposalOptions): Proposed {
  const { channel = CHANNEL, chaincode = CHAINCODE, admin = false, forged = false } = options
  const used = admin ? target.admin : target.client
  const identity = { ...used, mspId: options.mspId ?? used.mspId }
  const id = new peer.ChaincodeID()
  id.setName(chaincode)
  const extension = new peer.ChaincodeHeaderExtension()
  extension.setChaincodeId(id)
  const input = new peer.ChaincodeInput()
  input.setArgsList(args.map((arg) => typeof arg === 'string' ? Buffer.from(arg) : arg))
  const spec = new peer.ChaincodeSpec()
  spec.setChaincodeId(id)
  spec.setInput(input)
  const invocation = new peer.ChaincodeInvocationSpec()
  invocation.setChaincodeSpec(spec)
  const payload = new peer.ChaincodeProposalPayload()
  payload.setInput(invocation.serializeBinary())
  const { header, txId } = headerOf(identity, { type: 3, channel, extension: extension.serializeBinary() })
  const proposal = new peer.Proposal()
  proposal.setHeader(header.serializeBinary())
  proposal.setPayload(payload.serializeBinary())
  const bytes = proposal.serializeBinary()
  const signed = new peer.SignedProposal()
  signed.setProposalBytes(bytes)
  signed.setSignature(forged ? new Uint8Array(70) : signerOf(identity)(bytes))
  return { signed, txId }
}

interface HeaderOptions {
  readonly type: number
  readonly channel?: string
  readonly extension?: Uint8Array
}

function headerOf (identity: StoredIdentity, { type, channel = CHANNEL, extension }: HeaderOptions): { header: common.Header, txId: string } {
  const creator = creatorOf(identity)
  const nonce = randomBytes(24)
  const txId = createHash('sha256').update(nonce).update(creator).digest('hex')
  const channelHeader = new common.ChannelHeader()
  channelHeader.setType(type)
  channelHeader.setChannelId(channel)
  channelHeader.setTxId(txId)
  channelHeader.setTimestamp(timestampPb.Timestamp.fromDate(new Date()))
  if (extension !== undefined) channelHeader.setExtension$(extension)
  const signatureHeader = new common.SignatureHeader()
  signatureHeader.setCreator(creator)
  signatureHeader.setNonce(nonce)
  const header = new common.Header()
  header.setChannelHeader(channelHeader.serializeBinary())
  header.setSignatureHeader(signatureHeader.serializeBinary())
  return { header, txId }
}

function envelope ({ target }: Caller, options: HeaderOptions, data: Uint8Array): common.Envelope {
  const payload = new common.Payload()
  payload.setHeader(headerOf(target.client, options).header)
  payload.setData(data)
  const made = new common.Envelope()
  made.setPayload(payload.serializeBinary())
  made.setSignature(signerOf(target.client)(payload.serializeBinary()))
  return made
}

const encode = (message: Message): Buffer => Buffer.from(message.serializeBinary())
const asIs = (bytes: Buffer): Buffer => bytes
const LIMIT_MS = 20_000

async function unary (client: grpc.Client, method: string, type: string, request: Message): ReturnType<Call> {
  return await new Promise((resolve) => {
    client.makeUnaryRequest(method, encode, asIs, request, { deadline: Date.now() + LIMIT_MS }, (error, answer) => {
      resolve({ method, type, answers: answer === undefined ? [] : [answer.toString('base64')], ...(error === null ? {} : { error: failure(error) }) })
    })
  })
}

/** The first answers of a stream that would go on. */
async function serverStream (client: grpc.Client, method: string, type: string, request: Message, wanted: number): ReturnType<Call> {
  const call = client.makeServerStreamRequest(method, encode, asIs, request, { deadline: Date.now() + LIMIT_MS })
  return await collected(call, { method, type, wanted })
}

/** One request on a stream for both directions, and its answers. */
async function exchange (client: grpc.Client, method: string, type: string, request: Message, wanted: number): ReturnType<Call> {
  const call = client.makeBidiStreamRequest(method, encode, asIs, { deadline: Date.now() + LIMIT_MS })
  call.write(request)
  return await collected(call, { method, type, wanted })
}

interface Answering {
  on (event: 'data', listener: (bytes: Buffer) => void): unknown
  on (event: 'error', listener: (error: grpc.ServiceError) => void): unknown
  on (event: 'end', listener: () => void): unknown
  cancel (): void
}

async function collected (
  call: Answering, { method, type, wanted }: { readonly method: string, readonly type: string, readonly wanted: number }
): ReturnType<Call> {
  const answers: string[] = []
  const error = await new Promise<grpc.ServiceError | undefined>((resolve) => {
    call.on('data', (bytes) => {
      answers.push(bytes.toString('base64'))
      if (answers.length === wanted || isStatus(type, bytes)) resolve(undefined)
    })
    call.on('error', resolve)
    call.on('end', () => { resolve(undefined) })
  })
  call.cancel()
  return { method, type, answers, ...(error === undefined ? {} : { error: failure(error) }) }
}

/** A stream of blocks says by a status that there will be no more. */
function isStatus (type: string, bytes: Buffer): boolean {
  if (type === 'orderer.DeliverResponse') return orderer.DeliverResponse.deserializeBinary(bytes).hasStatus()
  return type === 'protos.DeliverResponse' && peer.DeliverResponse.deserializeBinary(bytes).hasStatus()
}

function failure ({ code, details, metadata }: grpc.ServiceError): NonNullable<Answered['error']> {
  const [status] = metadata.get('grpc-status-details-bin')
  return { code, details, ...(status === undefined ? {} : { status: Buffer.from(status).toString('base64') }) }
}
