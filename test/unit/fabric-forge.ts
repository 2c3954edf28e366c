import { toBase64url, toHex, utf8 } from '../../src/core/bytes.js'
import { dataHash, headerDer, headerHash, ordererSignedBytes } from '../../src/core/fabric/block.js'
import {
  applicationPolicy, chaincode, common, configtx, configuration, definition, identities, kvrwset, lifecycle, lifecycleDb, mspConfig, proposal,
  proposalResponse, rwset, transaction
} from '../../network/shared/proto.js'
import { proposalHash, transactionId } from '../../src/core/fabric/transaction.js'
import type { BlockData, FabricReadback } from '../../src/core/proof.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { block } from './fabric-vectors.js'
import { certificate, type CertificateOptions, extension, type Issued, sign } from './fabric-pki.js'

/**
 * A network whose keys the tests hold, on the configuration of the real one: so that evidence can be made which is signed by the
 * right keys and yet breaks one rule. `Alter` functions change a message before it is signed.
 */
export type Alter<M> = (message: M) => void
export type Bytes = (bytes: Uint8Array) => Uint8Array
const same: Bytes = (bytes) => bytes
const nothing = (): void => { /* unchanged */ }

export interface Member {
  readonly issued: Issued
  readonly identity: Uint8Array
}

export interface Organization {
  readonly mspId: string
  readonly ca: Issued
  readonly ordererCa: Issued
  readonly peer: Member
  readonly client: Member
  readonly orderer: Member
  readonly tlsCa: Issued
}

export const NAMES = ['Court', 'Notary', 'Forensic', 'Platform'] as const
export const CHANNEL = 'evidence'
export const CHAINCODE = 'anchor'

export function member (mspId: string, options: CertificateOptions): Member {
  const issued = certificate(options)
  const identity = new identities.SerializedIdentity()
  identity.setMspid(mspId)
  identity.setIdBytes(utf8(issued.pem))
  return { issued, identity: identity.serializeBinary() }
}

/** What a Fabric CA writes into the certificate of who may anchor. */
const MAY_ANCHOR = extension('2a03040506070801', utf8('{"attrs":{"steelyard.anchor":"true"}}'))

export function organization (name: string): Organization {
  const mspId = `${name}MSP`
  const ca = certificate({ commonName: `ca.${name}`, ca: true })
  const ordererCa = certificate({ commonName: `orderer-ca.${name}`, ca: true })
  return {
    mspId,
    ca,
    ordererCa,
    tlsCa: certificate({ commonName: `tlsca.${name}`, ca: true }),
    peer: member(mspId, { commonName: 'peer0', units: ['peer'], issuer: ca }),
    client: member(mspId, { commonName: 'user1', units: ['client'], issuer: ca, extensions: [MAY_ANCHOR] }),
    orderer: member(`${name}OrdererMSP`, { commonName: 'orderer', units: ['orderer'], issuer: ordererCa })
  }
}

function setMsp (group: configtx.ConfigGroup | undefined, ca: Issued, tlsCa: Issued): void {
  const value = group?.getValuesMap().get('MSP')
  if (value === undefined) throw new Error('no MSP')
  const outer = mspConfig.MSPConfig.deserializeBinary(value.getValue_asU8())
  const inner = mspConfig.FabricMSPConfig.deserializeBinary(outer.getConfig_asU8())
  inner.setRootCertsList([utf8(ca.pem)])
  inner.setTlsRootCertsList([utf8(tlsCa.pem)])
  const ous = inner.getFabricNodeOus()
  for (const ou of [ous?.getClientOuIdentifier(), ous?.getPeerOuIdentifier(), ous?.getAdminOuIdentifier(), ous?.getOrdererOuIdentifier()]) {
    ou?.setCertificate(utf8(ca.pem))
  }
  outer.setConfig(inner.serializeBinary())
  value.setValue(outer.serializeBinary())
}

/** The real network's configuration envelope with these organizations' CAs and orderers. */
export function configEnvelope (
  organizations: readonly Organization[], sequence = 0, alter: Alter<configuration.Orderers> = nothing, members: readonly string[] = NAMES
): Uint8Array {
  const envelope = common.Envelope.deserializeBinary(block(0).data[0] as Uint8Array)
  const payload = common.Payload.deserializeBinary(envelope.getPayload_asU8())
  const config = configtx.ConfigEnvelope.deserializeBinary(payload.getData_asU8())
  const root = config.getConfig()?.getChannelGroup()?.getGroupsMap()
  const orderer = root?.get('Orderer')
  for (const [i, name] of NAMES.entries()) {
    const { ca, ordererCa, tlsCa } = organizations[i] as Organization
    setMsp(root?.get('Application')?.getGroupsMap().get(`${name}MSP`), ca, tlsCa)
    setMsp(orderer?.getGroupsMap().get(`${name}OrdererMSP`), ordererCa, tlsCa)
    if (!members.includes(name)) root?.get('Application')?.getGroupsMap().del(`${name}MSP`)
  }
  const value = orderer?.getValuesMap().get('Orderers')
  const orderers = configuration.Orderers.deserializeBinary(value?.getValue_asU8() ?? new Uint8Array(0))
  orderers.getConsenterMappingList().forEach((consenter, i) => {
    consenter.setIdentity(utf8(organizations[i]?.orderer.issued.pem ?? ''))
  })
  alter(orderers)
  value?.setValue(orderers.serializeBinary())
  config.getConfig()?.setSequence(sequence)
  payload.setData(config.serializeBinary())
  envelope.setPayload(payload.serializeBinary())
  return envelope.serializeBinary()
}

export interface QueryOptions {
  readonly args?: readonly string[]
  readonly chaincode?: string
  readonly version?: string
  readonly status?: number
  readonly payload?: Uint8Array
  readonly event?: Uint8Array
  readonly sets?: readonly rwset.NsReadWriteSet[]
  readonly creator?: Member
  readonly channel?: string
  /** Of a transaction that shares its ledger with others: a transaction id is that of creator and nonce. */
  readonly nonce?: string
  readonly endorsers?: readonly Member[]
  readonly channelHeader?: Alter<common.ChannelHeader>
  readonly proposal?: Alter<proposal.ChaincodeProposalPayload>
  readonly action?: Alter<proposal.ChaincodeAction>
  readonly channelHeaderBytes?: Bytes
  readonly responseBytes?: Bytes
  readonly endorsement?: 'low' | 'high'
}

export interface SetOptions {
  readonly reads?: readonly (readonly [string, number?, number?])[]
  readonly writes?: readonly (readonly [string, Uint8Array])[]
  readonly ranges?: number
  readonly metadata?: number
  readonly collections?: number
}

/** A namespace's read/write set; a read without a version is one of an absent key. */
export function readWriteSet (namespace: string, options: SetOptions): rwset.NsReadWriteSet {
  const kv = new kvrwset.KVRWSet()
  for (const [key, at, index] of options.reads ?? []) {
    const read = new kvrwset.KVRead()
    read.setKey(key)
    if (at !== undefined) {
      const version = new kvrwset.Version()
      version.setBlockNum(at)
      version.setTxNum(index ?? 0)
      read.setVersion(version)
    }
    kv.addReads(read)
  }
  for (const [key, value] of options.writes ?? []) {
    const write = new kvrwset.KVWrite()
    write.setKey(key)
    write.setValue(value)
    kv.addWrites(write)
  }
  for (let i = 0; i < (options.ranges ?? 0); i++) kv.addRangeQueriesInfo(new kvrwset.RangeQueryInfo())
  for (let i = 0; i < (options.metadata ?? 0); i++) kv.addMetadataWrites(new kvrwset.KVMetadataWrite())
  const set = new rwset.NsReadWriteSet()
  set.setNamespace(namespace)
  set.setRwset(kv.serializeBinary())
  for (let i = 0; i < (options.collections ?? 0); i++) set.addCollectionHashedRwset(new rwset.CollectionHashedReadWriteSet())
  return set
}

function headerExtension (name: string): Uint8Array {
  const id = new chaincode.ChaincodeID()
  id.setName(name)
  const named = new proposal.ChaincodeHeaderExtension()
  named.setChaincodeId(id)
  return named.serializeBinary()
}

const SEQUENCE = `namespaces/fields/${CHAINCODE}/Sequence`
/** What peers read of the definition on their own. */
export const lifecycleSet = (at: number | undefined = 1): rwset.NsReadWriteSet => readWriteSet('_lifecycle', { reads: [[SEQUENCE, at]] })

export interface Endorsed {
  readonly channelHeader: Uint8Array
  readonly signatureHeader: Uint8Array
  readonly proposalPayload: Uint8Array
  readonly responsePayload: Uint8Array
  readonly endorsements: readonly { endorser: Uint8Array, signature: Uint8Array }[]
  readonly creator: Member
}

export interface BlockOptions {
  readonly lastConfig?: number
  readonly previousHash?: Uint8Array
  readonly signers?: readonly number[]
  readonly signature?: (bytes: Uint8Array, consenter: number) => Uint8Array
  readonly metadata?: Alter<common.Metadata>
  readonly metadataBytes?: Bytes
  readonly valueBytes?: Bytes
}

export interface TransactionOptions {
  readonly transaction?: Alter<transaction.Transaction>
  readonly payloadBytes?: Bytes
  readonly envelopeBytes?: Bytes
  readonly signature?: 'low' | 'high'
}

export class ForgedNetwork {
  readonly organizations: readonly Organization[]
  genesis: Uint8Array

  constructor (organizations = NAMES.map(organization), genesis = configEnvelope(organizations)) {
    this.organizations = organizations
    this.genesis = genesis
  }

  get identity (): { channel: string, chaincode: string, genesis: string } {
    const header = { number: 0n, previousHash: new Uint8Array(0), dataHash: dataHash(nodeCrypto, [this.genesis]) }
    return { channel: CHANNEL, chaincode: CHAINCODE, genesis: toHex(headerHash(nodeCrypto, header)) }
  }

  organization (i: number): Organization {
    return this.organizations[i] as Organization
  }

  peers (...indexes: number[]): Member[] {
    return indexes.flatMap((i) => this.organizations[i]?.peer ?? [])
  }

  /** A proposal and the endorsed response to it; by default a plain read of one key at (6, 0). */
  endorse (options: QueryOptions = {}): Endorsed {
    const creator = options.creator ?? this.organization(0).client
    const signatureHeader = new common.SignatureHeader()
    signatureHeader.setCreator(creator.identity)
    signatureHeader.setNonce(utf8(options.nonce ?? 'a nonce of 24 bytes, say'))
    const header = new common.ChannelHeader()
    header.setType(3)
    header.setChannelId(options.channel ?? CHANNEL)
    header.setExtension$(headerExtension(options.chaincode ?? CHAINCODE))
    header.setTxId(transactionId(nodeCrypto, { creator: creator.identity, nonce: signatureHeader.getNonce_asU8() }))
    options.channelHeader?.(header)
    const channelHeader = (options.channelHeaderBytes ?? same)(header.serializeBinary())
    const proposalPayload = this.#proposal(options)
    const signatureBytes = signatureHeader.serializeBinary()
    const response = new proposalResponse.ProposalResponsePayload()
    response.setProposalHash(proposalHash(nodeCrypto, channelHeader, signatureBytes, proposalPayload))
    response.setExtension$(this.#action(options).serializeBinary())
    const responsePayload = (options.responseBytes ?? same)(response.serializeBinary())
    const endorsements = (options.endorsers ?? this.peers(0, 1, 2)).map(({ issued, identity }) => ({
      endorser: identity,
      signature: sign(issued.privateKey, Buffer.concat([responsePayload, identity]), options.endorsement)
    }))
    return { channelHeader, signatureHeader: signatureBytes, proposalPayload, responsePayload, endorsements, creator }
  }

  #proposal (options: QueryOptions): Uint8Array {
    const id = new chaincode.ChaincodeID()
    id.setName(options.chaincode ?? CHAINCODE)
    const input = new chaincode.ChaincodeInput()
    input.setArgsList((options.args ?? ['read', 'k']).map(utf8))
    const spec = new chaincode.ChaincodeSpec()
    spec.setChaincodeId(id)
    spec.setInput(input)
    const invocation = new chaincode.ChaincodeInvocationSpec()
    invocation.setChaincodeSpec(spec)
    const payload = new proposal.ChaincodeProposalPayload()
    payload.setInput(invocation.serializeBinary())
    options.proposal?.(payload)
    return payload.serializeBinary()
  }

  #action (options: QueryOptions): proposal.ChaincodeAction {
    const results = new rwset.TxReadWriteSet()
    results.setNsRwsetList([...options.sets ?? [lifecycleSet(), readWriteSet(CHAINCODE, { reads: [['k', 6]] })]])
    const response = new proposalResponse.Response()
    response.setStatus(options.status ?? 200)
    response.setPayload(options.payload ?? utf8('value'))
    const id = new chaincode.ChaincodeID()
    id.setName(options.chaincode ?? CHAINCODE)
    id.setVersion(options.version ?? '1')
    const action = new proposal.ChaincodeAction()
    action.setResults(results.serializeBinary())
    action.setEvents(options.event ?? new Uint8Array(0))
    action.setResponse(response)
    action.setChaincodeId(id)
    options.action?.(action)
    return action
  }

  readback (options: QueryOptions = {}): { data: FabricReadback, identities: Record<string, string> } {
    const endorsed = this.endorse(options)
    const digest = (bytes: Uint8Array): string => toHex(nodeCrypto.sha256(bytes))
    return {
      identities: Object.fromEntries(endorsed.endorsements.map(({ endorser }) => [digest(endorser), toBase64url(endorser)])),
      data: {
        proposal: {
          channelHeader: toBase64url(endorsed.channelHeader),
          signatureHeader: toBase64url(endorsed.signatureHeader),
          payload: toBase64url(endorsed.proposalPayload)
        },
        responsePayload: toBase64url(endorsed.responsePayload),
        endorsements: endorsed.endorsements.map(({ endorser, signature }) => ({ identity: digest(endorser), signature: toBase64url(signature) }))
      }
    }
  }

  /** The envelope of a transaction; by default one that writes `k`. */
  envelope (options: QueryOptions & TransactionOptions = {}): Uint8Array {
    const sets = options.sets ?? [lifecycleSet(), readWriteSet(CHAINCODE, { writes: [['k', utf8('value')]] })]
    const endorsed = this.endorse({ args: ['write', 'k', 'value'], ...options, sets })
    const action = new transaction.ChaincodeEndorsedAction()
    action.setProposalResponsePayload(endorsed.responsePayload)
    for (const { endorser, signature } of endorsed.endorsements) {
      const endorsement = new proposalResponse.Endorsement()
      endorsement.setEndorser(endorser)
      endorsement.setSignature(signature)
      action.addEndorsements(endorsement)
    }
    const inner = new transaction.ChaincodeActionPayload()
    inner.setChaincodeProposalPayload(endorsed.proposalPayload)
    inner.setAction(action)
    const outer = new transaction.TransactionAction()
    outer.setHeader(endorsed.signatureHeader)
    outer.setPayload(inner.serializeBinary())
    const tx = new transaction.Transaction()
    tx.addActions(outer)
    options.transaction?.(tx)
    const header = new common.Header()
    header.setChannelHeader(endorsed.channelHeader)
    header.setSignatureHeader(endorsed.signatureHeader)
    const payload = new common.Payload()
    payload.setHeader(header)
    payload.setData(tx.serializeBinary())
    const payloadBytes = (options.payloadBytes ?? same)(payload.serializeBinary())
    const envelope = new common.Envelope()
    envelope.setPayload(payloadBytes)
    envelope.setSignature(sign(endorsed.creator.issued.privateKey, payloadBytes, options.signature))
    return (options.envelopeBytes ?? same)(envelope.serializeBinary())
  }

  /** A block of these envelopes, signed by the orderers of the organizations `signers` (consenter = index + 1). */
  block (number: number, data: readonly Uint8Array[], options: BlockOptions = {}): BlockData {
    const previousHash = options.previousHash ?? new Uint8Array(32)
    const header = headerDer({ number: BigInt(number), previousHash, dataHash: dataHash(nodeCrypto, data) })
    const last = new common.LastConfig()
    last.setIndex(options.lastConfig ?? 0)
    const value = new common.OrdererBlockMetadata()
    value.setLastConfig(last)
    const metadata = new common.Metadata()
    metadata.setValue((options.valueBytes ?? same)(value.serializeBinary()))
    for (const i of options.signers ?? [0, 1, 2]) {
      const identifier = new common.IdentifierHeader()
      identifier.setIdentifier(i + 1)
      identifier.setNonce(utf8('nonce'))
      const signed = ordererSignedBytes(metadata.getValue_asU8(), identifier.serializeBinary(), header)
      const signature = new common.MetadataSignature()
      signature.setIdentifierHeader(identifier.serializeBinary())
      signature.setSignature((options.signature ?? ((bytes, n) => sign(this.organization(n).orderer.issued.privateKey, bytes)))(signed, i))
      metadata.addSignatures(signature)
    }
    options.metadata?.(metadata)
    return {
      number: String(number),
      previousHash: toHex(previousHash),
      data: data.map(toBase64url),
      signatures: toBase64url((options.metadataBytes ?? same)(metadata.serializeBinary()))
    }
  }

  /** The commit of a chaincode definition. `readAt` is the block of the definition before it. */
  definitionEnvelope (sequence = 1, readAt?: number, options: QueryOptions & { policy?: applicationPolicy.ApplicationPolicy } = {}): Uint8Array {
    const version = options.version ?? String(sequence)
    const args = new lifecycle.CommitChaincodeDefinitionArgs()
    args.setSequence(sequence)
    args.setName(CHAINCODE)
    args.setVersion(version)
    const int = new lifecycleDb.StateData()
    int.setInt64(sequence)
    const endorsement = new definition.ChaincodeEndorsementInfo()
    endorsement.setVersion(version)
    const info = new lifecycleDb.StateData()
    info.setBytes(endorsement.serializeBinary())
    const fields = `namespaces/fields/${CHAINCODE}`
    const writes: [string, Uint8Array][] = [[`${fields}/EndorsementInfo`, info.serializeBinary()], [SEQUENCE, int.serializeBinary()]]
    if (readAt === undefined || options.policy !== undefined) writes.push([`${fields}/ValidationInfo`, this.#validation(options.policy)])
    return this.envelope({
      endorsers: this.peers(0, 1, 2),
      ...options,
      chaincode: '_lifecycle',
      version: 'syscc',
      proposal: (payload) => { setArgs(payload, [utf8('CommitChaincodeDefinition'), args.serializeBinary()]) },
      sets: [readWriteSet('_lifecycle', { reads: [readAt === undefined ? [SEQUENCE] : [SEQUENCE, readAt]], writes })]
    })
  }

  #validation (policy: applicationPolicy.ApplicationPolicy | undefined): Uint8Array {
    const reference = new applicationPolicy.ApplicationPolicy()
    reference.setChannelConfigPolicyReference('/Channel/Application/Endorsement')
    const validation = new definition.ChaincodeValidationInfo()
    validation.setValidationPlugin('vscc')
    validation.setValidationParameter((policy ?? reference).serializeBinary())
    const state = new lifecycleDb.StateData()
    state.setBytes(validation.serializeBinary())
    return state.serializeBinary()
  }
}

function setArgs (payload: proposal.ChaincodeProposalPayload, args: readonly Uint8Array[]): void {
  const invocation = chaincode.ChaincodeInvocationSpec.deserializeBinary(payload.getInput_asU8())
  invocation.getChaincodeSpec()?.getInput()?.setArgsList([...args])
  payload.setInput(invocation.serializeBinary())
}
