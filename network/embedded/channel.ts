/**
 * What the ledger side of the embedded network offers to the services side (gRPC, CA, chaincode driver).
 * The ledger owns blocks, state and keys; the services own sockets and streams.
 */
import type { ChannelConfig } from '../../src/core/fabric/config.js'
import type { MspVerdict } from '../../src/core/fabric/msp.js'

/** An identity whose private key this process holds. */
export interface SigningIdentity {
  readonly mspId: string
  readonly certificatePem: string
  /** `msp.SerializedIdentity` bytes: what goes into creator and endorser fields, verbatim. */
  readonly serialized: Uint8Array
  /** ECDSA P-256 over SHA-256 of `message`, DER, low S. */
  sign (message: Uint8Array): Uint8Array
}

/** A TLS server (and client) certificate with its key. */
export interface TlsPair {
  readonly certPem: string
  readonly keyPem: string
}

/** What a certificate authority is asked to certify. */
export interface IssueRequest {
  readonly commonName: string
  /** The node OU: decides the role that Fabric gives to the holder. */
  readonly role: 'client' | 'peer' | 'admin' | 'orderer'
  /** Further organizational units, e.g. the affiliation; the network's kind marker is always added. */
  readonly organizationalUnits?: readonly string[]
  /** SubjectPublicKeyInfo, DER. */
  readonly publicKey: Uint8Array
  /** Fabric CA attributes, written as extension 1.2.3.4.5.6.7.8.1. */
  readonly attributes?: Readonly<Record<string, string>>
  readonly hosts?: readonly string[]
  /** Days of validity, default 3650. */
  readonly days?: number
}

/** An organization's signing CA; its certificates are members of the organization's MSP at once. */
export interface CertificateAuthority {
  /** The CA's name as Fabric CA clients know it, e.g. `ca-operator`. */
  readonly name: string
  readonly certificatePem: string
  /** The user that may register others; its secret lives in `secretFile` (0600). */
  readonly registrar: { readonly id: string, readonly secret: string, readonly secretFile: string }
  /** Returns the certificate as PEM. */
  issue (request: IssueRequest): Promise<string>
  /** The signed list of these certificates, as PEM. */
  revocationList (revoked: readonly { readonly serial: string, readonly at: Date }[]): Promise<string>
}

/** One organization: its peer, its orderer, its CA. */
export interface OrgNode {
  /** E.g. `OperatorMSP`. */
  readonly mspId: string
  /** The same organization's MSP in the Orderer group, e.g. `OperatorOrdererMSP`. */
  readonly ordererMspId: string
  /** Lower case, e.g. `operator`. */
  readonly name: string
  /** E.g. `operator.example`. */
  readonly domain: string
  readonly peer: SigningIdentity
  /** Read anew from its folder whenever the organization is started: so it gets another key. */
  orderer: SigningIdentity
  readonly admin: SigningIdentity
  /** The identifier of this organization's orderer in the consenter mapping, 1 to n. */
  readonly consenterId: number
  readonly tls: { readonly peer: TlsPair, readonly orderer: TlsPair, readonly ca: TlsPair }
  /** Root of all three TLS certificates. */
  readonly tlsCaPem: string
  readonly ca: CertificateAuthority
  /** Folder of this organization's keys; the CA service may keep its own files in `ca/` below it. */
  readonly folder: string
  /** Where the services listen on 127.0.0.1. Whoever listens on another port than stored here writes the new one here. */
  readonly ports: { peer: number, orderer: number, ca: number }
  /** Toggled by the control API; services refuse accordingly and the sequencer counts only running orderers. */
  readonly running: { peer: boolean, orderer: boolean, ca: boolean }
}

/** A key and its committed value. */
export interface StateEntry {
  readonly key: string
  readonly value: Uint8Array
}

/** One committed modification of a key. */
export interface HistoryEntry {
  readonly txId: string
  readonly timestamp: { readonly seconds: bigint, readonly nanos: number }
  readonly isDelete: boolean
  readonly value: Uint8Array
}

/** The private data of one collection, as a simulation sees it. */
export interface PrivateState {
  readonly collection: string
  /** SHA-256 of a value, as every peer has it. */
  hash (key: string): Promise<Uint8Array | undefined>
  /** @throws where this network does not hold what was committed */
  get (key: string): Promise<Uint8Array | undefined>
  put (key: string, value: Uint8Array): void
  /** Keys from `start` (inclusive) to `end` (exclusive). Not recorded as read, as in Fabric. */
  range (start: string, end: string): AsyncIterableIterator<StateEntry>
}

/**
 * Runs one transaction proposal on a snapshot of the committed state and records what it read and wrote.
 * Reads never see the transaction's own writes. Close it, or its snapshot is held for ever.
 */
export interface Simulator {
  /** Height of the snapshot: number of blocks whose effects it sees. */
  readonly height: number
  get (namespace: string, key: string): Promise<Uint8Array | undefined>
  put (namespace: string, key: string, value: Uint8Array): void
  del (namespace: string, key: string): void
  /** Keys from `start` (inclusive) to `end` (exclusive, '' = no bound) in byte order; what is pulled is recorded as read. */
  range (namespace: string, start: string, end: string): AsyncIterableIterator<StateEntry>
  /** Modifications of a key, newest first. Not recorded as read, as in Fabric. */
  history (namespace: string, key: string): AsyncIterableIterator<HistoryEntry>
  private (namespace: string, collection: string): PrivateState
  /** The recorded `rwset.TxReadWriteSet` bytes. Call once. */
  results (): Uint8Array
  /** What `results` has only hashes of: `kvrwset.KVRWSet` bytes, one for each collection written. Call after `results`. */
  privateContents (): readonly Uint8Array[]
  close (): Promise<void>
}

/** A transaction of a committed block, as events and filtered blocks need it. */
export interface CommittedTransaction {
  readonly txId: string
  /** `common.HeaderType`. */
  readonly type: number
  /** `protos.TxValidationCode`. */
  readonly code: number
  /** `protos.ChaincodeEvent` bytes, if the transaction is valid and set one. */
  readonly chaincodeEvent?: Uint8Array
}

/** A block that is durable and whose effects are visible. */
export interface CommittedBlock {
  readonly number: number
  /** Serialized `common.Block`. */
  readonly bytes: Uint8Array
  readonly transactions: readonly CommittedTransaction[]
}

/** Where a transaction was committed (its first occurrence). */
export interface TransactionLocation {
  readonly block: number
  readonly index: number
  /** `protos.TxValidationCode`. */
  readonly code: number
}

/** A committed chaincode definition. */
export interface ChaincodeDefinition {
  readonly name: string
  readonly version: string
  readonly sequence: number
  /** Must be called as init before anything else, once for each version. */
  readonly initRequired: boolean
}

/** What an organization recorded of the definition in force, as far as the hashes of its collection tell. */
export interface Approval {
  /** It approved the very definition that is in force. */
  readonly approved: boolean
  /** SHA-256 in hex of the package id, as the state has it, that it wants to run. */
  readonly packageHash?: string
}

/** The channel: its ledger, its ordering and its organizations. */
export interface Channel {
  readonly id: string
  readonly orgs: readonly OrgNode[]
  /** As of the last block. */
  readonly config: ChannelConfig
  /** Number of the block that holds the current configuration. */
  readonly lastConfigBlock: number
  height (): number
  /** Serialized `common.Block`. */
  block (number: number): Promise<Uint8Array | undefined>
  /** Validation code, type, id and event of each transaction of a block. */
  committedBlock (number: number): Promise<CommittedBlock | undefined>
  /** Endless: blocks from number `from` on, waiting for new ones, until aborted. */
  latestBlocks (from: number, signal?: AbortSignal): AsyncIterable<Uint8Array>
  /** Calls `listener` after each commit, in order; returns how to stop it. */
  onCommit (listener: (block: CommittedBlock) => void): () => void
  simulator (): Simulator
  transaction (txId: string): Promise<TransactionLocation | undefined>
  blockByHash (hash: Uint8Array): Promise<number | undefined>
  /**
   * Resolves once the envelope is queued for the next block.
   * @throws OrderError with the status that a broadcast answers.
   */
  order (envelope: Uint8Array): Promise<void>
  /** Those of the consenters that run in this process and may sign. */
  orderers (): readonly OrgNode[]
  validateCreator (serialized: Uint8Array): MspVerdict
  definition (name: string): Promise<ChaincodeDefinition | undefined>
  /** All that are committed, in the order of their names. */
  definitions (): Promise<readonly ChaincodeDefinition[]>
  approval (name: string, mspId: string): Promise<Approval>
  /** Do the peers of these organizations together satisfy the channel's policy for endorsements? */
  endorsementQuorum (mspIds: readonly string[]): boolean
  /** The same for a transaction that touches these chaincodes, by their definitions' policies. */
  endorsementRule (chaincodes: readonly string[]): Promise<(mspIds: readonly string[]) => boolean>
  /** Keeps what an endorsed transaction has only hashes of until it is committed. */
  keepPrivateContents (contents: readonly Uint8Array[]): Promise<void>
}

/** Why an envelope was not ordered. */
export class OrderError extends Error {
  /** `common.Status`: 400 malformed, 403 not a writer, 404 no such channel, 503 no quorum of orderers runs. */
  readonly status: 400 | 403 | 404 | 503

  constructor (status: 400 | 403 | 404 | 503, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'OrderError'
    this.status = status
  }
}

/** Namespace of the chaincode definitions. */
export const lifecycleNamespace = '_lifecycle'

/** The `_lifecycle` key that a peer reads in every transaction of a chaincode. */
export function definitionSequenceKey (chaincode: string): string {
  return `namespaces/fields/${chaincode}/Sequence`
}
