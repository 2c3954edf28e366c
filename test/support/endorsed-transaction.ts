/**
 * Transactions made by hand, so that a test can make them wrong: an embedded network's own client, without sockets.
 * @module
 */
import { concat, utf8 } from '../../src/core/bytes.js'
import { endorsedBytes, proposalHash } from '../../src/core/fabric/transaction.js'
import { nodeCrypto } from '../../src/platform/node.js'
import type { OrgNode, SigningIdentity, Simulator } from '../../network/embedded/channel.js'
import type { EmbeddedNetwork } from '../../network/embedded/network.js'
import { newTransactionId } from '../../network/embedded/ledger/transaction-id.js'
import {
  chaincode, chaincodeEvent, common, proposal, proposalResponse, timestamp, transaction
} from '../../network/embedded/proto.js'

/** What to make, and what to make wrong. */
export interface TransactionOptions {
  readonly simulate: (simulator: Simulator) => Promise<void> | void
  readonly chaincode?: string
  readonly creator?: SigningIdentity
  readonly endorsers?: readonly SigningIdentity[]
  readonly channel?: string
  /** Replaces the bytes of the channel header's timestamp. */
  readonly timestamp?: Uint8Array
  readonly event?: string
  readonly ids?: { readonly txId: string, readonly nonce: Uint8Array }
  /** Replaces the proposal hash that is endorsed. */
  readonly hash?: Uint8Array
  /** Changes the signature of the envelope. */
  readonly tamper?: (signature: Uint8Array) => Uint8Array
  readonly tamperEndorsement?: (signature: Uint8Array) => Uint8Array
}

export interface MadeTransaction {
  readonly txId: string
  readonly envelope: Uint8Array
}

/** Simulates on the committed state, endorses and signs. */
export async function makeTransaction (network: EmbeddedNetwork, options: TransactionOptions): Promise<MadeTransaction> {
  const first = network.orgs[0] as OrgNode
  const { creator = first.admin, endorsers = network.orgs.map(({ peer }) => peer), chaincode: name = 'counter' } = options
  const ids = options.ids ?? newTransactionId(creator.serialized)
  const header = headers(ids, creator, name, { channel: network.ledger.id, ...options })
  const proposalPayload = invocation(name)
  const hash = options.hash ?? proposalHash(nodeCrypto, header.getChannelHeader_asU8(), header.getSignatureHeader_asU8(), proposalPayload)
  const simulator = network.ledger.simulator()
  await options.simulate(simulator)
  const response = responsePayload(hash, simulator.results(), name, ids.txId, options.event)
  await simulator.close()
  const payload = new common.Payload()
  payload.setHeader(header)
  payload.setData(transactionData(header, proposalPayload, response, endorsers, options.tamperEndorsement ?? ((bytes) => bytes)))
  const bytes = payload.serializeBinary()
  const envelope = new common.Envelope()
  envelope.setPayload(bytes)
  envelope.setSignature((options.tamper ?? ((signature) => signature))(creator.sign(bytes)))
  return { txId: ids.txId, envelope: envelope.serializeBinary() }
}

/** Orders envelopes in one turn of the event loop, and resolves when all are committed. */
export async function commit (network: EmbeddedNetwork, ...made: readonly MadeTransaction[]): Promise<number[]> {
  const target = network.ledger.height() + 1
  await Promise.all(made.map(async ({ envelope }) => { await network.ledger.order(envelope) }))
  await height(network, target)
  const block = await network.ledger.committedBlock(target - 1)
  return block?.transactions.map(({ code }) => code) ?? []
}

/** Resolves when the ledger has `wanted` blocks. */
export async function height (network: EmbeddedNetwork, wanted: number): Promise<void> {
  await new Promise<void>((resolve) => {
    const check = (): void => {
      if (network.ledger.height() < wanted) return
      forget()
      resolve()
    }
    const forget = network.ledger.onCommit(check)
    check()
  })
}

/** The other one of a signature's two forms: (r, n - s). */
export function highS (signature: Uint8Array): Uint8Array {
  const rLength = signature[3] ?? 0
  const s = BigInt(`0x${Buffer.from(signature.subarray(6 + rLength)).toString('hex')}`)
  const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n
  const twin = Buffer.from((order - s).toString(16).padStart(64, '0'), 'hex')
  const integer = concat(Uint8Array.of(0), twin) // a high s has its first bit set
  const body = concat(signature.subarray(2, 4 + rLength), Uint8Array.of(2, integer.length), integer)
  return concat(Uint8Array.of(0x30, body.length), body)
}

function headers (
  ids: { txId: string, nonce: Uint8Array }, creator: SigningIdentity, name: string, { channel = '', timestamp: time }: TransactionOptions
): common.Header {
  const id = new chaincode.ChaincodeID()
  id.setName(name)
  const extension = new proposal.ChaincodeHeaderExtension()
  extension.setChaincodeId(id)
  const outer = new common.ChannelHeader()
  outer.setChannelId(channel)
  outer.setTxId(ids.txId)
  outer.setExtension$(extension.serializeBinary())
  const signature = new common.SignatureHeader()
  signature.setCreator(creator.serialized)
  signature.setNonce(ids.nonce)
  const header = new common.Header()
  const stamp = time ?? timestamp.Timestamp.fromDate(new Date()).serializeBinary()
  // In the order of the fields: type (1), timestamp (3), the rest.
  header.setChannelHeader(concat(Uint8Array.of(8, common.HeaderType.ENDORSER_TRANSACTION, 0x1a, stamp.length), stamp, outer.serializeBinary()))
  header.setSignatureHeader(signature.serializeBinary())
  return header
}

function invocation (name: string): Uint8Array {
  const id = new chaincode.ChaincodeID()
  id.setName(name)
  const input = new chaincode.ChaincodeInput()
  input.setArgsList([utf8('test')])
  const spec = new chaincode.ChaincodeSpec()
  spec.setChaincodeId(id)
  spec.setInput(input)
  const invoked = new chaincode.ChaincodeInvocationSpec()
  invoked.setChaincodeSpec(spec)
  const payload = new proposal.ChaincodeProposalPayload()
  payload.setInput(invoked.serializeBinary())
  return payload.serializeBinary()
}

function responsePayload (hash: Uint8Array, results: Uint8Array, name: string, txId: string, event: string | undefined): Uint8Array {
  const id = new chaincode.ChaincodeID()
  id.setName(name)
  id.setVersion('1.0')
  const response = new proposalResponse.Response()
  response.setStatus(200)
  const action = new proposal.ChaincodeAction()
  action.setResults(results)
  action.setResponse(response)
  action.setChaincodeId(id)
  if (event !== undefined) {
    const message = new chaincodeEvent.ChaincodeEvent()
    message.setChaincodeId(name)
    message.setTxId(txId)
    message.setEventName(event)
    action.setEvents(message.serializeBinary())
  }
  const payload = new proposalResponse.ProposalResponsePayload()
  payload.setProposalHash(hash)
  payload.setExtension$(action.serializeBinary())
  return payload.serializeBinary()
}

function transactionData (
  header: common.Header, proposalPayload: Uint8Array, response: Uint8Array, endorsers: readonly SigningIdentity[],
  tamper: (signature: Uint8Array) => Uint8Array
): Uint8Array {
  const endorsed = new transaction.ChaincodeEndorsedAction()
  endorsed.setProposalResponsePayload(response)
  endorsed.setEndorsementsList(endorsers.map((endorser) => {
    const endorsement = new proposalResponse.Endorsement()
    endorsement.setEndorser(endorser.serialized)
    endorsement.setSignature(tamper(endorser.sign(endorsedBytes(response, endorser.serialized))))
    return endorsement
  }))
  const payload = new transaction.ChaincodeActionPayload()
  payload.setChaincodeProposalPayload(proposalPayload)
  payload.setAction(endorsed)
  const action = new transaction.TransactionAction()
  action.setHeader(header.getSignatureHeader_asU8())
  action.setPayload(payload.serializeBinary())
  const message = new transaction.Transaction()
  message.addActions(action)
  return message.serializeBinary()
}
