/**
 * Transactions of the lifecycle that the network makes itself, so that its own chaincodes are defined: what organizations'
 * administrators and peers would make, signature by signature.
 * @module
 */
import { utf8 } from '../../../src/core/bytes.js'
import { endorsedBytes, proposalHash } from '../../../src/core/fabric/transaction.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import { lifecycleNamespace, type OrgNode } from '../channel.js'
import { newTransactionId } from '../ledger/transaction-id.js'
import { FUNCTIONS } from '../lifecycle/functions.js'
import type { LifecycleContext } from '../lifecycle/context.js'
import { chaincode, common, proposal, proposalResponse, timestamp, transaction } from '../proto.js'
import { channelHeader } from './config-group.js'

/** Which function is called, and by whose peers the result is endorsed. */
export interface LifecycleCall {
  readonly name: string
  readonly argument: Uint8Array
  readonly endorsers: readonly OrgNode[]
  readonly time: Date
}

/** A signed envelope, ready to be ordered: called by the administrator of the context's organization. */
export async function lifecycleTransaction (
  context: LifecycleContext, call: LifecycleCall
): Promise<{ readonly txId: string, readonly envelope: Uint8Array }> {
  const { channel, org, simulator } = context
  const ids = newTransactionId(org.admin.serialized)
  const header = transactionHeader(channel.id, org, { ...call, ...ids })
  const proposalPayload = invocation(call)
  const response = await FUNCTIONS.get(call.name)?.run(context, call.argument) ?? new Uint8Array(0)
  const results = simulator.results()
  await channel.keepPrivateContents(simulator.privateContents())
  const hash = proposalHash(nodeCrypto, header.getChannelHeader_asU8(), header.getSignatureHeader_asU8(), proposalPayload)
  const responsePayload = endorsedResponse(hash, results, response)
  const payload = new common.Payload()
  payload.setHeader(header)
  payload.setData(transactionBytes(header, proposalPayload, responsePayload, call.endorsers))
  const bytes = payload.serializeBinary()
  const envelope = new common.Envelope()
  envelope.setPayload(bytes)
  envelope.setSignature(org.admin.sign(bytes))
  return { txId: ids.txId, envelope: envelope.serializeBinary() }
}

function lifecycleId (version?: string): chaincode.ChaincodeID {
  const id = new chaincode.ChaincodeID()
  id.setName(lifecycleNamespace)
  if (version !== undefined) id.setVersion(version)
  return id
}

function transactionHeader (
  channel: string, { admin }: OrgNode, { time, txId, nonce }: { readonly time: Date, readonly txId: string, readonly nonce: Uint8Array }
): common.Header {
  const type = common.HeaderType.ENDORSER_TRANSACTION
  const outer = channelHeader(type, channel, txId, timestamp.Timestamp.fromDate(time))
  const extension = new proposal.ChaincodeHeaderExtension()
  extension.setChaincodeId(lifecycleId())
  outer.setExtension$(extension.serializeBinary())
  const signature = new common.SignatureHeader()
  signature.setCreator(admin.serialized)
  signature.setNonce(nonce)
  const header = new common.Header()
  header.setChannelHeader(outer.serializeBinary())
  header.setSignatureHeader(signature.serializeBinary())
  return header
}

function invocation ({ name, argument }: LifecycleCall): Uint8Array {
  const input = new chaincode.ChaincodeInput()
  input.setArgsList([utf8(name), argument])
  const spec = new chaincode.ChaincodeSpec()
  spec.setChaincodeId(lifecycleId())
  spec.setInput(input)
  const invoked = new chaincode.ChaincodeInvocationSpec()
  invoked.setChaincodeSpec(spec)
  const payload = new proposal.ChaincodeProposalPayload()
  payload.setInput(invoked.serializeBinary())
  return payload.serializeBinary()
}

function endorsedResponse (hash: Uint8Array, results: Uint8Array, answer: Uint8Array): Uint8Array {
  const response = new proposalResponse.Response()
  response.setStatus(200)
  response.setPayload(answer)
  const action = new proposal.ChaincodeAction()
  action.setResults(results)
  action.setResponse(response)
  action.setChaincodeId(lifecycleId('syscc'))
  const payload = new proposalResponse.ProposalResponsePayload()
  payload.setProposalHash(hash)
  payload.setExtension$(action.serializeBinary())
  return payload.serializeBinary()
}

function transactionBytes (
  header: common.Header, proposalPayload: Uint8Array, responsePayload: Uint8Array, orgs: readonly OrgNode[]
): Uint8Array {
  const endorsed = new transaction.ChaincodeEndorsedAction()
  endorsed.setProposalResponsePayload(responsePayload)
  endorsed.setEndorsementsList(orgs.map(({ peer }) => {
    const endorsement = new proposalResponse.Endorsement()
    endorsement.setEndorser(peer.serialized)
    endorsement.setSignature(peer.sign(endorsedBytes(responsePayload, peer.serialized)))
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
