import { decodeDefaulted, decodeExact, decodeUnordered, type MessageType } from '../../src/core/fabric/message.js'
import * as messages from '../../src/core/fabric/messages.js'
import { crossLink, file } from '../unit/fabric-vectors.js'

export interface Sample {
  readonly type: MessageType<any>
  readonly bytes: Uint8Array
  readonly what: string
}

const BLOCKS = [0, 1, 2, 5, 6, 7, 28, 99, 143, 157, 158, 159, 160]

/** Every message within the blocks and answers of a real network (test/vectors/fabric), taken apart as core does. */
export function fabricMessages (): Sample[] {
  const samples: Sample[] = []
  const take = <T>(type: MessageType<T>, bytes: Uint8Array | undefined, what: string, decode: (type: MessageType<T>, bytes: Uint8Array) => T = decodeExact): T => {
    samples.push({ type, bytes: bytes ?? new Uint8Array(0), what })
    return decode(type, bytes ?? new Uint8Array(0))
  }
  for (const number of BLOCKS) takeBlock(take, file(`block-${number}.pb`), `block ${number}`)
  for (const query of [crossLink.readBack, ...Object.values(crossLink.qscc)]) {
    takeProposal(take, Buffer.from(query.chaincodeProposalPayload, 'base64'), 'query')
    const payload = takeResponse(take, Buffer.from(query.proposalResponsePayload, 'base64'), 'answer')
    if (query !== crossLink.readBack) take(messages.processedTransaction, payload, 'transaction by id')
  }
  return samples
}

type Take = <T>(type: MessageType<T>, bytes: Uint8Array | undefined, what: string, decode?: (type: MessageType<T>, bytes: Uint8Array) => T) => T

function takeBlock (take: Take, bytes: Uint8Array, what: string): void {
  const { data, metadata } = take(messages.block, bytes, what)
  const signatures = metadata?.metadata[0]
  if (signatures !== undefined && signatures.length > 0) {
    const signed = take(messages.metadata, signatures, what)
    take(messages.ordererBlockMetadata, signed.value, what)
    for (const { identifierHeader } of signed.signatures) take(messages.identifierHeader, identifierHeader, what)
  }
  for (const element of data?.data ?? []) takeEnvelope(take, element, what)
}

function takeEnvelope (take: Take, element: Uint8Array, what: string): void {
  const { header, data } = take(messages.payload, take(messages.envelope, element, what).payload, what)
  const { type } = take(messages.channelHeader, header?.channelHeader, what, decodeDefaulted)
  take(messages.signatureHeader, header?.signatureHeader, what)
  if (type === 1) {
    takeConfiguration(take, data, what)
    return
  }
  for (const action of take(messages.transaction, data, what).actions) {
    const { chaincodeProposalPayload, action: endorsed } = take(messages.chaincodeActionPayload, action.payload, what)
    takeProposal(take, chaincodeProposalPayload, what)
    takeResponse(take, endorsed?.proposalResponsePayload, what)
    for (const { endorser } of endorsed?.endorsements ?? []) take(messages.serializedIdentity, endorser, what)
  }
}

function takeProposal (take: Take, bytes: Uint8Array, what: string): void {
  const { input } = take(messages.chaincodeProposalPayload, bytes, what)
  const spec = take(messages.chaincodeInvocationSpec, input, what, decodeDefaulted).chaincodeSpec
  const [name, args] = spec?.input?.args ?? []
  if (name !== undefined && Buffer.from(name).toString() === 'CommitChaincodeDefinition') take(messages.commitChaincodeDefinitionArgs, args, what)
}

/** Returns what the chaincode answered. */
function takeResponse (take: Take, bytes: Uint8Array | undefined, what: string): Uint8Array | undefined {
  const action = take(messages.chaincodeAction, take(messages.proposalResponsePayload, bytes, what).extension, what)
  for (const { namespace, rwset } of take(messages.txReadWriteSet, action.results, what).nsRwset) {
    for (const { key, value } of take(messages.kvRwset, rwset, what).writes) {
      if (namespace === '_lifecycle' && key.startsWith('namespaces/fields/')) takeField(take, key, value)
    }
  }
  return action.response?.payload
}

function takeField (take: Take, key: string, value: Uint8Array): void {
  const { bytes } = take(messages.stateData, value, key)
  if (key.endsWith('/EndorsementInfo')) take(messages.chaincodeEndorsementInfo, bytes, key)
  if (key.endsWith('/ValidationInfo')) take(messages.applicationPolicy, take(messages.chaincodeValidationInfo, bytes, key).validationParameter, key)
}

const VALUES: Readonly<Record<string, MessageType<unknown>>> = {
  ConsensusType: messages.consensusType, BatchSize: messages.batchSize, BatchTimeout: messages.batchTimeout, Orderers: messages.orderers
}

function takeConfiguration (take: Take, bytes: Uint8Array, what: string): void {
  takeGroup(take, take(messages.configGroup, take(messages.configEnvelope, bytes, what).config?.channelGroup, what, decodeUnordered), what)
}

function takeGroup (take: Take, group: messages.ConfigGroup, what: string): void {
  for (const [name, { value }] of group.values) {
    if (name === 'Capabilities') take(messages.capabilities, value, what, decodeUnordered)
    if (name === 'MSP') take(messages.fabricMspConfig, take(messages.mspConfig, value, what).config, what)
    const type = VALUES[name]
    if (type !== undefined) take(type, value, `${what} ${name}`)
  }
  for (const { policy } of group.policies.values()) {
    if (policy?.type === 3) take(messages.implicitMetaPolicy, policy.value, what)
    if (policy?.type !== 1) continue
    for (const { classification, principal } of take(messages.signaturePolicyEnvelope, policy.value, what).identities) {
      if (classification === 0) take(messages.mspRole, principal, what)
    }
  }
  for (const inner of group.groups.values()) takeGroup(take, inner, what)
}
