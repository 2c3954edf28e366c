/**
 * The transaction that commits a chaincode's definition: a genuine CommitChaincodeDefinition of `_lifecycle`, endorsed by every
 * organization's peer. The approvals that precede it on a real network are left out: peers validate the commit alone.
 * @module
 */
import { utf8 } from '../../../src/core/bytes.js'
import { definitionFieldKey } from '../../../src/core/fabric/commit/definition-rules.js'
import { endorsedBytes, proposalHash } from '../../../src/core/fabric/transaction.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import { lifecycleNamespace, type OrgNode, type Simulator } from '../channel.js'
import type { ChaincodeDescription } from '../description.js'
import { newTransactionId } from '../ledger/transaction-id.js'
import {
  applicationPolicy, chaincode, common, definition, lifecycle, lifecycleDb, proposal, proposalResponse, timestamp, transaction
} from '../proto.js'
import { channelHeader } from './config-group.js'

/** Who commits which definition where. */
export interface DefinitionOptions {
  readonly channel: string
  readonly orgs: readonly OrgNode[]
  readonly chaincode: ChaincodeDescription
  readonly time: Date
}

const FIELDS = ['Sequence', 'EndorsementInfo', 'ValidationInfo', 'Collections'] as const
const POLICY = '/Channel/Application/Endorsement'

/** A signed envelope, ready to be ordered. */
export async function definitionTransaction (options: DefinitionOptions, simulator: Simulator): Promise<Uint8Array> {
  const [first] = options.orgs
  if (first === undefined) throw new RangeError('a network without organizations')
  const header = transactionHeader(options, first)
  const proposalPayload = invocation(options.chaincode)
  const results = await simulate(options.chaincode, simulator)
  const hash = proposalHash(nodeCrypto, header.getChannelHeader_asU8(), header.getSignatureHeader_asU8(), proposalPayload)
  const responsePayload = endorsedResponse(hash, results)
  const payload = new common.Payload()
  payload.setHeader(header)
  payload.setData(transactionBytes(header, proposalPayload, responsePayload, options.orgs))
  const bytes = payload.serializeBinary()
  const envelope = new common.Envelope()
  envelope.setPayload(bytes)
  envelope.setSignature(first.admin.sign(bytes))
  return envelope.serializeBinary()
}

function lifecycleId (version?: string): chaincode.ChaincodeID {
  const id = new chaincode.ChaincodeID()
  id.setName(lifecycleNamespace)
  if (version !== undefined) id.setVersion(version)
  return id
}

function transactionHeader ({ channel, time }: DefinitionOptions, { admin }: OrgNode): common.Header {
  const { txId, nonce } = newTransactionId(admin.serialized)
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

function invocation ({ name, version }: ChaincodeDescription): Uint8Array {
  const args = new lifecycle.CommitChaincodeDefinitionArgs()
  args.setSequence(1)
  args.setName(name)
  args.setVersion(version)
  const input = new chaincode.ChaincodeInput()
  input.setArgsList([utf8('CommitChaincodeDefinition'), args.serializeBinary()])
  const spec = new chaincode.ChaincodeSpec()
  spec.setChaincodeId(lifecycleId())
  spec.setInput(input)
  const invoked = new chaincode.ChaincodeInvocationSpec()
  invoked.setChaincodeSpec(spec)
  const payload = new proposal.ChaincodeProposalPayload()
  payload.setInput(invoked.serializeBinary())
  return payload.serializeBinary()
}

/** Reads and writes what a peer's `_lifecycle` does, in the same keys. */
async function simulate ({ name, version }: ChaincodeDescription, simulator: Simulator): Promise<Uint8Array> {
  const metadataKey = `namespaces/metadata/${name}`
  await simulator.get(lifecycleNamespace, definitionFieldKey(name, 'Sequence'))
  await simulator.get(lifecycleNamespace, metadataKey)
  await simulator.get('lscc', name) // a name of the old lifecycle would be taken
  const sequence = new lifecycleDb.StateData()
  sequence.setInt64(1)
  const values = [sequence.serializeBinary(), endorsementInfo(version), validationInfo(), stateBytes(new Uint8Array(0))]
  for (const [i, field] of FIELDS.entries()) {
    simulator.put(lifecycleNamespace, definitionFieldKey(name, field), values[i] ?? new Uint8Array(0))
  }
  const metadata = new lifecycleDb.StateMetadata()
  metadata.setDatatype('ChaincodeDefinition')
  metadata.setFieldsList([...FIELDS])
  simulator.put(lifecycleNamespace, metadataKey, metadata.serializeBinary())
  return simulator.results()
}

function endorsementInfo (version: string): Uint8Array {
  const info = new definition.ChaincodeEndorsementInfo()
  info.setVersion(version)
  info.setEndorsementPlugin('escc')
  return stateBytes(info.serializeBinary())
}

function validationInfo (): Uint8Array {
  const policy = new applicationPolicy.ApplicationPolicy()
  policy.setChannelConfigPolicyReference(POLICY)
  const info = new definition.ChaincodeValidationInfo()
  info.setValidationPlugin('vscc')
  info.setValidationParameter(policy.serializeBinary())
  return stateBytes(info.serializeBinary())
}

function stateBytes (bytes: Uint8Array): Uint8Array {
  const data = new lifecycleDb.StateData()
  data.setBytes(bytes)
  return data.serializeBinary()
}

function endorsedResponse (hash: Uint8Array, results: Uint8Array): Uint8Array {
  const response = new proposalResponse.Response()
  response.setStatus(200)
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
