/**
 * Fabric's answers, taken apart down to their last field: messages within the bytes of other messages too, which is most of them. The result
 * is a flat list, path by path, so that two answers can be compared field by field.
 * @module
 */
import anyPb from 'google-protobuf/google/protobuf/any_pb.js'
import { common, discovery, gateway, gossip, ledger, msp, orderer, peer } from '@hyperledger/fabric-protos'
import { lifecycle } from '../../network/shared/proto.js'

type Bytes = Uint8Array
type Getter = () => unknown
/** A message of fabric-protos, whose members are found by the names in its `toObject`. */
interface Message { toObject (): object }
export interface MessageClass { deserializeBinary (bytes: Bytes): Message }

/** Where a field is: members from the root, and the type of what the chaincode that was called answers. */
interface Place {
  readonly path: readonly string[]
  readonly index: number
  readonly answer: MessageClass | undefined
}

type Nested = MessageClass | ((message: never, place: Place) => MessageClass | undefined)

/** A field with nothing below it: where it is, and its value. */
type Leaf = readonly [path: readonly string[], value: string | Bytes]

/** Takes a message apart. `answer`: the type that a called chaincode answers with, where it is a message. */
export function leavesOf (type: MessageClass, bytes: Bytes, answer?: MessageClass): Leaf[] {
  return messageLeaves(type.deserializeBinary(bytes), { path: [], index: 0, answer })
}

function messageLeaves (message: Message, place: Place): Leaf[] {
  return Object.keys(message.toObject()).flatMap((name) => {
    const member = name.slice(0, 1).toUpperCase() + name.slice(1)
    const read = (suffix: string): unknown => (Reflect.get(message, `get${member}${suffix}`) as Getter | undefined)?.call(message)
    const value = read('_asU8') ?? read('') ?? read('$')
    const at = { ...place, path: [...place.path, name] }
    return value === undefined ? [] : valueLeaves(value, at, (bytes, where) => bytesLeaves(message, name, bytes, where))
  })
}

function valueLeaves (value: unknown, place: Place, ofBytes: (bytes: Bytes, place: Place) => Leaf[]): Leaf[] {
  if (value instanceof Uint8Array) return ofBytes(value, place)
  if (Array.isArray(value)) {
    const counted: Leaf = [[...place.path, 'length'], `${value.length}`]
    return [counted, ...value.flatMap((item, index) => valueLeaves(item, { ...place, path: [...place.path, `${index}`], index }, ofBytes))]
  }
  if (isMap(value)) {
    const entries = [...value.entries() as Iterable<[string, unknown]>].sort(([a], [b]) => a < b ? -1 : 1)
    return entries.flatMap(([key]) => valueLeaves(value.get(key), { ...place, path: [...place.path, key] }, ofBytes))
  }
  if (typeof value === 'object' && value !== null) return messageLeaves(value as Message, place)
  return [[place.path, String(value)]]
}

function bytesLeaves (message: Message, name: string, bytes: Bytes, place: Place): Leaf[] {
  const nested = NESTED.get(message.constructor)?.[name]
  const type = nested === undefined || 'deserializeBinary' in nested ? nested : nested(message as never, place)
  if (type === undefined || bytes.length === 0) return [[place.path, bytes]]
  return messageLeaves(type.deserializeBinary(bytes), place)
}

function isMap (value: unknown): value is { entries (): unknown, get (key: string): unknown } {
  return typeof value === 'object' && value !== null && 'getLength' in value && 'entries' in value
}

const HEADER_TYPE = common.HeaderType

function typeIn (payload: common.Payload): number {
  return common.ChannelHeader.deserializeBinary(payload.getHeader()?.getChannelHeader_asU8() ?? new Uint8Array()).getType()
}

/** Values of a configuration, by name (common/configtx.proto and the protos beside it). */
const CONFIG_VALUES: Readonly<Record<string, MessageClass>> = {
  ACLs: peer.ACLs,
  AnchorPeers: peer.AnchorPeers,
  BatchSize: orderer.BatchSize,
  BatchTimeout: orderer.BatchTimeout,
  BlockDataHashingStructure: common.BlockDataHashingStructure,
  Capabilities: common.Capabilities,
  ChannelRestrictions: orderer.ChannelRestrictions,
  ConsensusType: orderer.ConsensusType,
  Consortium: common.Consortium,
  Endpoints: common.OrdererAddresses,
  HashingAlgorithm: common.HashingAlgorithm,
  MSP: msp.MSPConfig,
  OrdererAddresses: common.OrdererAddresses,
  Orderers: common.Orderers
}

const POLICIES: Readonly<Record<number, MessageClass>> = { 1: common.SignaturePolicyEnvelope, 3: common.ImplicitMetaPolicy }
const PRINCIPALS: Readonly<Record<number, MessageClass>> = { 0: msp.MSPRole, 1: msp.OrganizationUnit, 2: msp.SerializedIdentity }
const METADATA_VALUES: readonly MessageClass[] = [common.OrdererBlockMetadata, common.LastConfig]

/** What functions of the lifecycle that end in blocks take. */
const LIFECYCLE_ARGS: Readonly<Record<string, MessageClass>> = {
  ApproveChaincodeDefinitionForMyOrg: lifecycle.ApproveChaincodeDefinitionForMyOrgArgs,
  CommitChaincodeDefinition: lifecycle.CommitChaincodeDefinitionArgs
}

/** Where a proposal's response has the answer: further down are those of the transactions in it. */
const OWN_ANSWER: ReadonlySet<string> = new Set(['response/payload', 'payload/extension/response/payload'])

/** What is within bytes. */
const NESTED: ReadonlyMap<unknown, Readonly<Record<string, Nested>>> = new Map<unknown, Readonly<Record<string, Nested>>>([
  [common.BlockData, { dataList: common.Envelope }],
  [common.BlockMetadata, { metadataList: (_: unknown, { index }) => index < 2 ? common.Metadata : undefined }],
  [common.ChannelHeader, { extension: peer.ChaincodeHeaderExtension }],
  [common.ConfigSignature, { signatureHeader: common.SignatureHeader }],
  [common.ConfigValue, { value: (_: unknown, { path }) => CONFIG_VALUES[path.at(-2) ?? ''] }],
  [common.Envelope, { payload: common.Payload }],
  [common.Header, { channelHeader: common.ChannelHeader, signatureHeader: common.SignatureHeader }],
  [common.Metadata, { value: (_: unknown, { path }) => METADATA_VALUES[Number(path.at(-2))] }],
  [common.MetadataSignature, { signatureHeader: common.SignatureHeader, identifierHeader: common.IdentifierHeader }],
  [common.Payload, { data: (message: common.Payload) => typeIn(message) === HEADER_TYPE.CONFIG ? common.ConfigEnvelope : peer.Transaction }],
  [common.Policy, { value: (message: common.Policy) => POLICIES[message.getType()] }],
  [common.SignatureHeader, { creator: msp.SerializedIdentity }],
  [discovery.Peer, { identity: msp.SerializedIdentity }],
  [anyPb.Any, { value: gateway.ErrorDetail }], // the only one that Fabric puts in there
  [gossip.Envelope, { payload: gossip.GossipMessage }],
  [ledger.rwset.CollectionHashedReadWriteSet, { hashedRwset: ledger.rwset.kvrwset.HashedRWSet }],
  [ledger.rwset.NsReadWriteSet, { rwset: ledger.rwset.kvrwset.KVRWSet }],
  [msp.MSPConfig, { config: msp.FabricMSPConfig }],
  [msp.MSPPrincipal, { principal: (message: msp.MSPPrincipal) => PRINCIPALS[message.getPrincipalClassification()] }],
  [orderer.ConsensusType, { metadata: orderer.smartbft.Options }],
  [peer.ChaincodeAction, { results: ledger.rwset.TxReadWriteSet, events: peer.ChaincodeEvent }],
  [peer.ChaincodeActionPayload, { chaincodeProposalPayload: peer.ChaincodeProposalPayload }],
  [peer.ChaincodeEndorsedAction, { proposalResponsePayload: peer.ProposalResponsePayload }],
  [peer.ChaincodeInput, {
    argsList: (message: peer.ChaincodeInput, { index }) => index === 0 ? undefined : LIFECYCLE_ARGS[Buffer.from(message.getArgsList_asU8()[0] ?? []).toString()]
  }],
  [peer.ChaincodeProposalPayload, { input: peer.ChaincodeInvocationSpec }],
  [peer.Endorsement, { endorser: msp.SerializedIdentity }],
  [peer.ProposalResponse, { payload: peer.ProposalResponsePayload }],
  [peer.ProposalResponsePayload, { extension: peer.ChaincodeAction }],
  [peer.Response, { payload: (_: unknown, { path, answer }) => OWN_ANSWER.has(path.join('/')) ? answer : undefined }],
  [peer.TransactionAction, { header: common.SignatureHeader, payload: peer.ChaincodeActionPayload }]
])
