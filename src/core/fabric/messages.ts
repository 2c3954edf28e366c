/**
 * The messages that core reads, field by field as in the .proto files of Hyperledger fabric-protos 0.3: all fields, since an unknown one
 * is refused. test/unit/fabric-messages.test.ts holds them against the generated classes.
 * @module
 */
import {
  bool, bytes, encoded, enumeration, int32, int64, map, message, type MessageOf, type MessageType, nested, oneOf, recursive, repeated, string,
  uint32, uint64
} from './message.js'

// common/common.proto
const lastConfig = message({ index: uint64(1) })
export const block = message({
  header: nested(1, message({ number: uint64(1), previousHash: bytes(2), dataHash: bytes(3) })),
  data: nested(2, message({ data: repeated(bytes(1)) })),
  metadata: nested(3, message({ metadata: repeated(bytes(1)) }))
})
export const envelope = message({ payload: bytes(1), signature: bytes(2) })
export const header = message({ channelHeader: bytes(1), signatureHeader: bytes(2) })
export const payload = message({ header: nested(1, header), data: bytes(2) })
export const channelHeader = message({
  type: int32(1),
  version: int32(2),
  timestamp: nested(3, message({ seconds: int64(1), nanos: int32(2) })), // google/protobuf/timestamp.proto
  channelId: string(4),
  txId: string(5),
  epoch: uint64(6),
  extension: bytes(7),
  tlsCertHash: bytes(8)
})
export type ChannelHeaderMessage = MessageOf<typeof channelHeader>
export const signatureHeader = message({ creator: bytes(1), nonce: bytes(2) })
export const metadata = message({
  value: bytes(1),
  signatures: repeated(nested(2, message({ signatureHeader: bytes(1), signature: bytes(2), identifierHeader: bytes(3) })))
})
export type Metadata = MessageOf<typeof metadata>
export const identifierHeader = message({ identifier: uint32(1), nonce: bytes(2) })
export const ordererBlockMetadata = message({ lastConfig: nested(1, lastConfig), consenterMetadata: bytes(2) })

// msp/identities.proto, msp/msp_principal.proto, msp/msp_config.proto
export const serializedIdentity = message({ mspId: string(1), idBytes: bytes(2) })
export const mspPrincipal = message({ classification: enumeration(1), principal: bytes(2) })
export type MspPrincipal = MessageOf<typeof mspPrincipal>
export const mspRole = message({ mspIdentifier: string(1), role: enumeration(2) })
export const mspConfig = message({ type: int32(1), config: bytes(2) })
const ouIdentifier = message({ certificate: bytes(1), unit: string(2) })
export type OuIdentifier = MessageOf<typeof ouIdentifier>
export const fabricMspConfig = message({
  name: string(1),
  rootCerts: repeated(bytes(2)),
  intermediateCerts: repeated(bytes(3)),
  admins: repeated(bytes(4)),
  revocationList: repeated(bytes(5)),
  signingIdentity: nested(6, message({
    publicSigner: bytes(1), privateSigner: nested(2, message({ keyIdentifier: string(1), keyMaterial: bytes(2) }))
  })),
  organizationalUnitIdentifiers: repeated(nested(7, ouIdentifier)),
  cryptoConfig: nested(8, message({ signatureHashFamily: string(1), identityIdentifierHashFunction: string(2) })),
  tlsRootCerts: repeated(bytes(9)),
  tlsIntermediateCerts: repeated(bytes(10)),
  fabricNodeOus: nested(11, message({
    enable: bool(1), client: nested(2, ouIdentifier), peer: nested(3, ouIdentifier), admin: nested(4, ouIdentifier), orderer: nested(5, ouIdentifier)
  }))
})

// common/policies.proto, peer/policy.proto
export interface SignaturePolicy {
  readonly signedBy: number | undefined
  readonly nOutOf: { readonly n: number, readonly rules: readonly SignaturePolicy[] } | undefined
}
export const signaturePolicy: MessageType<SignaturePolicy> = message({
  signedBy: oneOf(int32(1)),
  nOutOf: oneOf(nested(2, message({ n: int32(1), rules: repeated(nested(2, recursive(() => signaturePolicy))) })))
})
export const signaturePolicyEnvelope = message({
  version: int32(1), rule: nested(2, signaturePolicy), identities: repeated(nested(3, mspPrincipal))
})
export type SignaturePolicyEnvelope = MessageOf<typeof signaturePolicyEnvelope>
export const implicitMetaPolicy = message({ subPolicy: string(1), rule: enumeration(2) })
const policy = message({ type: int32(1), value: bytes(2) })
export const applicationPolicy = message({
  signaturePolicy: oneOf(nested(1, signaturePolicyEnvelope)), channelConfigPolicyReference: oneOf(string(2))
})
export type ApplicationPolicy = MessageOf<typeof applicationPolicy>

// common/configtx.proto, common/configuration.proto, orderer/configuration.proto
export interface ConfigGroup {
  readonly version: number
  readonly groups: ReadonlyMap<string, ConfigGroup>
  readonly values: ReadonlyMap<string, { readonly version: number, readonly value: Uint8Array, readonly modPolicy: string }>
  readonly policies: ReadonlyMap<string, {
    readonly version: number, readonly policy: MessageOf<typeof policy> | undefined, readonly modPolicy: string
  }>
  readonly modPolicy: string
}
export const configGroup: MessageType<ConfigGroup> = message({
  version: uint64(1),
  groups: map(2, nested(2, recursive(() => configGroup))),
  values: map(3, nested(2, message({ version: uint64(1), value: bytes(2), modPolicy: string(3) }))),
  policies: map(4, nested(2, message({ version: uint64(1), policy: nested(2, policy), modPolicy: string(3) }))),
  modPolicy: string(5)
})
export const configEnvelope = message({
  config: nested(1, message({ sequence: uint64(1), channelGroup: encoded(2) })), lastUpdate: nested(2, envelope)
})
export const orderers = message({
  consenterMapping: repeated(nested(1, message({
    id: uint32(1), host: string(2), port: uint32(3), mspId: string(4), identity: bytes(5), clientTlsCert: bytes(6), serverTlsCert: bytes(7)
  })))
})
export const capabilities = message({ capabilities: map(1, nested(2, message({}))) })
export const consensusType = message({ type: string(1), metadata: bytes(2), state: enumeration(3) })
export const batchSize = message({ maxMessageCount: uint32(1), absoluteMaxBytes: uint32(2), preferredMaxBytes: uint32(3) })
export const batchTimeout = message({ timeout: string(1) })

// peer/chaincode.proto, peer/proposal.proto, peer/proposal_response.proto
const chaincodeId = message({ path: string(1), name: string(2), version: string(3) })
export type ChaincodeIdMessage = MessageOf<typeof chaincodeId>
export const chaincodeInvocationSpec = message({
  chaincodeSpec: nested(1, message({
    type: enumeration(1),
    chaincodeId: nested(2, chaincodeId),
    input: nested(3, message({ args: repeated(bytes(1)), decorations: map(2, bytes(2)), isInit: bool(3) })),
    timeout: int32(4)
  }))
})
export const chaincodeProposalPayload = message({ input: bytes(1), transientMap: map(2, bytes(2)) })
const response = message({ status: int32(1), message: string(2), payload: bytes(3) })
export type ResponseMessage = MessageOf<typeof response>
export const chaincodeAction = message({ results: bytes(1), events: bytes(2), response: nested(3, response), chaincodeId: nested(4, chaincodeId) })
export const proposalResponsePayload = message({ proposalHash: bytes(1), extension: bytes(2) })
export const chaincodeHeaderExtension = message({ chaincodeId: nested(2, chaincodeId) })
// peer/chaincode_event.proto
export const chaincodeEvent = message({ chaincodeId: string(1), txId: string(2), eventName: string(3), payload: bytes(4) })
const endorsement = message({ endorser: bytes(1), signature: bytes(2) })

// peer/transaction.proto
export const transaction = message({ actions: repeated(nested(1, message({ header: bytes(1), payload: bytes(2) }))) })
export const chaincodeActionPayload = message({
  chaincodeProposalPayload: bytes(1),
  action: nested(2, message({ proposalResponsePayload: bytes(1), endorsements: repeated(nested(2, endorsement)) }))
})
export const processedTransaction = message({ transactionEnvelope: encoded(1), validationCode: int32(2) })

// ledger/rwset/rwset.proto, ledger/rwset/kvrwset/kv_rwset.proto
const collectionHashedReadWriteSet = message({ collectionName: string(1), hashedRwset: bytes(2), pvtRwsetHash: bytes(3) })
export type CollectionHashedReadWriteSet = MessageOf<typeof collectionHashedReadWriteSet>
export const txReadWriteSet = message({
  dataModel: enumeration(1),
  nsRwset: repeated(nested(2, message({
    namespace: string(1),
    rwset: bytes(2),
    collectionHashedRwset: repeated(nested(3, collectionHashedReadWriteSet))
  })))
})
export type NsReadWriteSet = MessageOf<typeof txReadWriteSet>['nsRwset'][number]
const version = message({ blockNum: uint64(1), txNum: uint64(2) })
const kvRead = message({ key: string(1), version: nested(2, version) })
export type KvRead = MessageOf<typeof kvRead>
const rangeQueryInfo = message({
  startKey: string(1),
  endKey: string(2),
  itrExhausted: bool(3),
  rawReads: oneOf(nested(4, message({ kvReads: repeated(nested(1, kvRead)) }))),
  readsMerkleHashes: oneOf(nested(5, message({ maxDegree: uint32(1), maxLevel: uint32(2), maxLevelHashes: repeated(bytes(3)) })))
})
export type RangeQueryInfo = MessageOf<typeof rangeQueryInfo>
const metadataEntry = message({ name: string(1), value: bytes(2) })
export const kvRwset = message({
  reads: repeated(nested(1, kvRead)),
  rangeQueriesInfo: repeated(nested(2, rangeQueryInfo)),
  writes: repeated(nested(3, message({ key: string(1), isDelete: bool(2), value: bytes(3) }))),
  metadataWrites: repeated(nested(4, message({ key: string(1), entries: repeated(nested(2, metadataEntry)) })))
})
export const hashedRwset = message({
  hashedReads: repeated(nested(1, message({ keyHash: bytes(1), version: nested(2, version) }))),
  hashedWrites: repeated(nested(2, message({ keyHash: bytes(1), isDelete: bool(2), valueHash: bytes(3), isPurge: bool(4) }))),
  metadataWrites: repeated(nested(3, message({ keyHash: bytes(1), entries: repeated(nested(2, metadataEntry)) })))
})

// peer/lifecycle/lifecycle.proto, chaincode_definition.proto, db.proto; peer/collection.proto
export const collectionConfigPackage = message({
  config: repeated(nested(1, message({
    staticCollectionConfig: oneOf(nested(1, message({
      name: string(1),
      memberOrgsPolicy: nested(2, message({ signaturePolicy: oneOf(nested(1, signaturePolicyEnvelope)) })),
      requiredPeerCount: int32(3),
      maximumPeerCount: int32(4),
      blockToLive: uint64(5),
      memberOnlyRead: bool(6),
      memberOnlyWrite: bool(7),
      endorsementPolicy: nested(8, applicationPolicy)
    })))
  })))
})
export const commitChaincodeDefinitionArgs = message({
  sequence: int64(1),
  name: string(2),
  version: string(3),
  endorsementPlugin: string(4),
  validationPlugin: string(5),
  validationParameter: bytes(6),
  collections: nested(7, collectionConfigPackage),
  initRequired: bool(8)
})
export type CommitChaincodeDefinitionArgs = MessageOf<typeof commitChaincodeDefinitionArgs>
export const chaincodeEndorsementInfo = message({ version: string(1), initRequired: bool(2), endorsementPlugin: string(3) })
export const chaincodeValidationInfo = message({ validationPlugin: string(1), validationParameter: bytes(2) })
export const stateData = message({ int64: oneOf(int64(1)), bytes: oneOf(bytes(2)), string: oneOf(string(3)) })
export type StateData = MessageOf<typeof stateData>
