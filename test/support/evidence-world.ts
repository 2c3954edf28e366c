import { generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { batchHeaderBytes, type BatchHeader } from '../../src/core/batch.js'
import { fromBase64url, fromHex, toBase64url, toHex, utf8 } from '../../src/core/bytes.js'
import { dataHash, headerHash } from '../../src/core/fabric/block.js'
import { formatEvidenceNumber } from '../../src/core/evidence-number.js'
import { jcs } from '../../src/core/jcs.js'
import { batchKey, keysKey, logKey } from '../../src/core/ledger-values.js'
import { getKeys, readBatch, status } from '../../src/core/log-answers.js'
import { registerKey, revokeKey } from '../../src/core/log-keys.js'
import type { Outcome, Reading } from '../../src/core/log-process.js'
import { anchor, openLog } from '../../src/core/log.js'
import { appendLeaf, emptyRange, inclusionPath, leafHash, rangeRoot, rootOf } from '../../src/core/merkle.js'
import { commitMetadata, discloseField, type MetadataField } from '../../src/core/metadata.js'
import { type BlockData, type FabricReadback, type Identities, type Proof, proofBytes } from '../../src/core/proof.js'
import { commitGroupSigningInput, type CommitGroup, type Receipt, receiptBytes } from '../../src/core/receipt.js'
import { type EvidenceRecord, recordBytes } from '../../src/core/record.js'
import { fingerprint, type TrustBundle, trustBundleBytes, type TrustIdentity } from '../../src/core/trust-bundle.js'
import type { Exhibit } from '../../src/core/verify/input.js'
import { attestedStatusBytes } from '../../src/core/verify/status.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { timestamp } from '../../network/embedded/proto.js'
import { genesisBlock } from '../../network/embedded/genesis/genesis-block.js'
import {
  type BlockOptions, CHAINCODE, CHANNEL, ForgedNetwork, lifecycleSet, type Member, NAMES, organization, type QueryOptions, readWriteSet, type SetOptions
} from '../unit/fabric-forge.js'
import { callAt, MemoryLedger } from './log-model.js'

/**
 * A whole world of evidence with throw-away keys and no services: the log's own state machine, on a forged network in Fabric's
 * formats. One organization has the embedded network's genesis, four have the real network's configuration.
 */
export const T0 = Date.parse('2026-11-23T10:02:07.000Z')
export const SKEW_MS = 30_000
export const DEADLINE_MS = 86_400_000
export const LOG = 'evidence.example/0123456789abcdef'
export const NOW = '2026-11-24T00:00:00.000Z'

export interface Deposit {
  readonly content?: Uint8Array
  readonly fields?: readonly MetadataField[]
  /** Names of fields that the proof discloses. */
  readonly disclose?: readonly string[]
  readonly change?: Partial<EvidenceRecord>
}

export interface Made {
  readonly proof: Proof
  readonly receipt: Receipt
  readonly content: Uint8Array
  readonly bytes: Uint8Array
  readonly receiptBytes: Uint8Array
  readonly exhibit: Exhibit
}

export interface AnchorOptions {
  /** T, T2 and the sealed time, as milliseconds after T0. */
  readonly at?: number
  readonly readAt?: number
  readonly sealedAt?: number
  readonly receivedAt?: number
  readonly signedAt?: number
  /** How long after it is signed a receipt promises. */
  readonly promised?: number
  readonly anchorEndorsers?: readonly Member[]
  readonly readEndorsers?: readonly Member[]
  readonly signers?: readonly number[]
  /** Changes the header before it is anchored. */
  readonly header?: Partial<BatchHeader>
  readonly lastConfig?: number
  /** Changes the transaction's, or the read-back's, message. */
  readonly anchorQuery?: QueryOptions
  readonly readQuery?: QueryOptions
  readonly key?: ReceiptKeyPair
  /** Writes another value than the state machine gives. */
  readonly entry?: (value: Uint8Array) => Uint8Array
}

/** `lifecycleAt`: the block of the definition that the endorsers read. */
export type WorldQuery = QueryOptions & { readonly lifecycleAt?: number }

export interface ReceiptKeyPair { readonly privateKey: KeyObject, readonly spki: Uint8Array, readonly id: string }

export function receiptKeyPair (): ReceiptKeyPair {
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const spki = new Uint8Array(publicKey.export({ type: 'spki', format: 'der' }))
  return { privateKey, spki, id: toHex(nodeCrypto.sha256(spki)) }
}

export const time = (milliseconds: number): string => new Date(T0 + milliseconds).toISOString()

function single (): ForgedNetwork {
  const operator = organization('Operator')
  const genesis = genesisBlock({
    channel: CHANNEL,
    quorum: 1,
    time: new Date(T0 - 86_400_000),
    orgs: [{
      mspId: 'OperatorMSP',
      ordererMspId: 'OperatorOrdererMSP',
      consenterId: 1,
      ports: { peer: 7051, orderer: 7050 },
      caPem: operator.ca.pem,
      ordererCaPem: operator.ordererCa.pem,
      tlsCaPem: operator.tlsCa.pem,
      orderer: { certificatePem: operator.orderer.issued.pem, serialized: operator.orderer.identity },
      tls: { orderer: { certPem: operator.tlsCa.pem } }
    }]
  })
  return new ForgedNetwork([operator], genesis.data[0])
}

export class EvidenceWorld {
  readonly network: ForgedNetwork
  readonly key = receiptKeyPair()
  readonly ledger = new MemoryLedger()
  readonly #versions = new Map<string, [number, number]>()
  readonly #definition: BlockData
  /** Blocks from 1 on, as the orderers made them. */
  readonly blocks: BlockData[] = []
  readonly #one: boolean
  #range = emptyRange()
  readonly #headers: Uint8Array[] = []
  #sequence = 0
  #block = 5
  #random = 1
  identity: TrustIdentity

  constructor (organizations: 1 | 4 = 4) {
    this.#one = organizations === 1
    this.network = this.#one ? single() : new ForgedNetwork()
    this.#definition = this.#order(1, [this.network.definitionEnvelope(1, undefined, { endorsers: this.peers() })])
    const names = this.#one ? ['Operator'] : [...NAMES]
    this.identity = {
      type: 'steelyard/trust-identity/v1',
      kind: this.#one ? 'embedded-single' : 'consortium',
      log: LOG,
      channel: CHANNEL,
      genesis: this.network.identity.genesis,
      chaincode: CHAINCODE,
      entities: names.map((name) => ({
        name, operator: this.#one || name === 'Platform', peers: [`${name}MSP`], orderers: [`${name}OrdererMSP`]
      }))
    }
    const opening = ['openLog', LOG, String(SKEW_MS), String(DEADLINE_MS), toBase64url(this.key.spki)] as const
    this.#transact(opening, openLog(nodeCrypto, this.#call(-1000), opening[1], opening[2], opening[3], opening[4]), 3, -1000)
    this.#fill(5)
  }

  peers (): Member[] {
    return this.#one ? this.network.peers(0) : this.network.peers(0, 1, 2)
  }

  #orderers (): number[] {
    return this.#one ? [0] : [0, 1, 2]
  }

  #call (at: number): ReturnType<typeof callAt> {
    return callAt(T0 + at, { mspId: this.network.organization(0).mspId })
  }

  /** Runs a transaction function and remembers where its writes are. */
  #accept (reading: Reading<Outcome>, block: number): { sets: SetOptions, answer: string } {
    const outcome = this.ledger.run(reading)
    if ('refused' in outcome) throw new Error(`${outcome.refused}: ${outcome.detail}`)
    const reads = [...new Set(this.ledger.reads)].sort().map((key) => [key, ...this.#versions.get(key) ?? []] as const)
    for (const { key } of outcome.writes) this.#versions.set(key, [block, 0])
    const writes = outcome.writes.map(({ key, value }) => [key, value] as const).sort(([a], [b]) => a < b ? -1 : 1)
    return { sets: { reads, writes }, answer: outcome.answer }
  }

  /** Puts what a function accepted into a block of its own. */
  #transact (args: readonly [string, ...string[]], reading: Reading<Outcome>, number: number, at: number): void {
    const { sets, answer } = this.#accept(reading, number)
    const endorsed = [lifecycleSet(), readWriteSet(CHAINCODE, sets)]
    this.#order(number, [this.network.envelope({ args, payload: utf8(answer), endorsers: this.peers(), sets: endorsed, ...this.#named(number, at) })])
  }

  /** Makes a transaction one of its own, at its time. */
  #named (number: number, at: number): Pick<QueryOptions, 'nonce' | 'channelHeader'> {
    return {
      nonce: `the nonce of block ${number}`,
      channelHeader: (header) => { header.setTimestamp(timestamp.Timestamp.fromDate(new Date(T0 + at))) }
    }
  }

  /** The next block of the channel, on the last one. Numbers that were left out are filled. */
  #order (number: number, envelopes: readonly Uint8Array[], options: BlockOptions = {}): BlockData {
    this.#fill(number - 1)
    const block = this.network.block(number, envelopes, { signers: this.#orderers(), previousHash: this.#lastHash(), ...options })
    this.blocks.push(block)
    return block
  }

  /** With blocks of one transaction that nobody endorsed. */
  #fill (upTo: number): void {
    while (this.blocks.length < upTo) {
      const number = this.blocks.length + 1
      this.#order(number, [this.network.envelope({ endorsers: [], ...this.#named(number, 0) })])
    }
  }

  #lastHash (): Uint8Array {
    const last = this.blocks.at(-1)
    if (last === undefined) return fromHex(this.network.identity.genesis)
    return headerHash(nodeCrypto, {
      number: BigInt(last.number), previousHash: fromHex(last.previousHash), dataHash: dataHash(nodeCrypto, last.data.map(fromBase64url))
    })
  }

  bytes (length: number): Uint8Array {
    return Uint8Array.from({ length }, () => (this.#random = (this.#random * 1103515245 + 12345) % 2147483648) >> 8 & 255)
  }

  register (key: ReceiptKeyPair, fromBatch: number, at = 0): void {
    const args = ['registerKey', LOG, toBase64url(key.spki), String(fromBatch)] as const
    this.#transact(args, registerKey(nodeCrypto, this.#call(at), args[1], args[2], args[3]), ++this.#block, at)
  }

  revoke (key: ReceiptKeyPair, until: number, compromisedFrom: string, at = 0): void {
    const args = ['revokeKey', LOG, key.id, String(until), compromisedFrom] as const
    this.#transact(args, revokeKey(nodeCrypto, this.#call(at), args[1], args[2], args[3], args[4]), ++this.#block, at)
  }

  /** Deposits, seals, anchors and reads back one batch; proofs in order. */
  anchor (deposits: readonly Deposit[], options: AnchorOptions = {}): Made[] {
    const contents = deposits.map(({ content }) => content ?? this.bytes(100))
    const secrets = deposits.map(() => this.bytes(32))
    const records = deposits.map((deposit, i) => this.#record(deposit, contents[i] as Uint8Array, secrets[i] as Uint8Array, i, options))
    const leaves = records.map((record) => leafHash(nodeCrypto, recordBytes(record)))
    const receipts = this.receipts(records, options)
    const header = this.#header(leaves, options)
    const { attestations, identities, logPath } = this.#attest(header, options)
    this.#sequence += records.length
    return records.map((record, i) => {
      const { path, statement, signature } = receipts[i] as Receipt
      const { fields = [], disclose = [] } = deposits[i] as Deposit
      const disclosures = [...disclose].sort().map((name) => discloseField(nodeCrypto, secrets[i] as Uint8Array, fields, name))
      const proof: Proof = {
        type: 'steelyard/proof/v1',
        record,
        receipt: { statement, path, signature },
        batchPath: inclusionPath(nodeCrypto, leaves, i).map(toHex),
        header,
        logPath,
        attestations,
        identities,
        ...(disclosures.length === 0 ? {} : { disclosures })
      }
      return made(proof, receipts[i] as Receipt, contents[i] as Uint8Array)
    })
  }

  #record ({ fields = [], change }: Deposit, content: Uint8Array, secret: Uint8Array, i: number, options: AnchorOptions): EvidenceRecord {
    return {
      type: 'steelyard/record/v1',
      hash: 'sha256',
      number: formatEvidenceNumber(this.bytes(17)),
      log: LOG,
      sequence: String(this.#sequence + i),
      receivedAt: time(options.receivedAt ?? -3000),
      submitter: { organization: '7f3a0000000000aa', keyId: 'demo', sequence: String(this.#sequence + i) },
      content: { digests: { sha256: toHex(nodeCrypto.sha256(content)), sm3: toHex(nodeCrypto.sm3(content)) }, size: String(content.length) },
      digestedBy: 'notary',
      salt: toBase64url(this.bytes(16)),
      ...(fields.length === 0 ? {} : { metadata: commitMetadata(nodeCrypto, secret, fields) }),
      ...change
    }
  }

  /** Receipts of one commit group over these records. */
  receipts (records: readonly EvidenceRecord[], { key = this.key, signedAt = -2500, promised = DEADLINE_MS }: AnchorOptions = {}): Receipt[] {
    const leaves = records.map((record) => leafHash(nodeCrypto, recordBytes(record)))
    const statement: CommitGroup = {
      type: 'steelyard/commit-group/v1',
      log: LOG,
      keyId: key.id,
      groupSize: String(records.length),
      groupRoot: toHex(rootOf(nodeCrypto, leaves)),
      firstSequence: records[0]?.sequence ?? '0',
      signedAt: time(signedAt),
      deadline: time(signedAt + promised)
    }
    const signature = toBase64url(new Uint8Array(sign(null, commitGroupSigningInput(statement), key.privateKey)))
    return records.map((record, i) => ({
      type: 'steelyard/receipt/v1', record, statement, path: inclusionPath(nodeCrypto, leaves, i).map(toHex), signature
    }))
  }

  #header (leaves: readonly Uint8Array[], { sealedAt = -1000, header }: AnchorOptions): BatchHeader {
    return {
      type: 'steelyard/batch/v1',
      hash: 'sha256',
      log: LOG,
      number: String(this.#range.size),
      first: String(this.#sequence),
      size: String(leaves.length),
      root: toHex(rootOf(nodeCrypto, leaves)),
      sealedAt: time(sealedAt),
      previousHead: toHex(rangeRoot(nodeCrypto, this.#range)),
      ...header
    }
  }

  #attest (header: BatchHeader, options: AnchorOptions): Pick<Required<Proof>, 'attestations' | 'identities' | 'logPath'> {
    const { at = 0, readAt = 2000, entry = (value: Uint8Array) => value } = options
    const number = ++this.#block
    const headerBytes = batchHeaderBytes(header)
    const anchored = this.#accept(anchor(nodeCrypto, this.#call(at), LOG, JSON.stringify([toBase64url(headerBytes)])), number)
    const key = batchKey(LOG, header.number)
    const writes = (anchored.sets.writes ?? []).map(([name, value]) => [name, name === key ? entry(value) : value] as const)
    const envelope = this.network.envelope({
      args: ['anchor', LOG, JSON.stringify([toBase64url(headerBytes)])],
      payload: utf8(anchored.answer),
      endorsers: options.anchorEndorsers ?? this.peers(),
      sets: [lifecycleSet(), readWriteSet(CHAINCODE, { ...anchored.sets, writes })],
      ...this.#named(number, at),
      ...options.anchorQuery
    })
    const block = this.#order(number, [envelope], {
      signers: options.signers ?? this.#orderers(),
      ...(options.lastConfig === undefined ? {} : { lastConfig: options.lastConfig })
    })
    const read = this.query('readBatch', [LOG, header.number], key, readAt, { endorsers: options.readEndorsers ?? this.peers(), ...options.readQuery })
    const logPath = [...this.#range.hashes].reverse().map(toHex)
    this.#range = appendLeaf(nodeCrypto, this.#range, leafHash(nodeCrypto, headerBytes))
    this.#headers.push(leafHash(nodeCrypto, headerBytes))
    return {
      attestations: [
        { type: 'fabric-block/v1', target: 'batch', data: { ...block, data: [...block.data], transaction: '0' } },
        { type: 'fabric-readback/v1', target: 'batch', data: JSON.parse(jcs(read.data)) }
      ],
      identities: read.identities,
      logPath
    }
  }

  /** An endorsed query of the log's state machine. */
  query (
    name: 'readBatch' | 'getKeys' | 'status', args: readonly string[], key: string, at: number, { lifecycleAt, ...options }: WorldQuery = {}
  ): { data: FabricReadback, identities: Identities } {
    const call = this.#call(at)
    const reading = name === 'readBatch'
      ? readBatch(nodeCrypto, call, args[0] ?? '', args[1] ?? '')
      : (name === 'getKeys' ? getKeys : status)(nodeCrypto, call, args[0] ?? '')
    const { sets, answer } = this.#accept(reading, 0)
    const made = this.network.readback({
      args: [name, ...args],
      payload: utf8(answer),
      endorsers: this.peers(),
      sets: [lifecycleSet(lifecycleAt), readWriteSet(CHAINCODE, { reads: sets.reads ?? [], writes: [] })],
      ...options
    })
    const endorsements = [...made.data.endorsements].sort((a, b) => a.identity < b.identity ? -1 : 1)
    return { ...made, data: { ...made.data, endorsements } }
  }

  /** The ledger's attested status, as a file. */
  status (at: number, options: QueryOptions = {}): Uint8Array {
    const { data, identities } = this.query('status', [LOG], logKey(LOG), at, options)
    return attestedStatusBytes({ type: 'steelyard/attested-status/v1', attestation: data, identities })
  }

  bundle (change: Partial<TrustBundle['history']> = {}): TrustBundle {
    const { data, identities } = this.query('getKeys', [LOG], keysKey(LOG), 3000)
    return {
      type: 'steelyard/trust-bundle/v1',
      identity: this.identity,
      history: {
        genesis: { number: '0', data: [toBase64url(this.network.genesis)] },
        configs: [],
        definitions: [{ block: this.#definition, transaction: '0' }],
        keys: data,
        identities,
        ...change
      }
    }
  }

  /** What of a bundle's history is attested: keys, and the log's heads after these batches. */
  withHeads (batches: readonly string[], options: WorldQuery = {}): Pick<TrustBundle['history'], 'keys' | 'heads' | 'identities'> {
    const keys = this.query('getKeys', [LOG], keysKey(LOG), 3000, options)
    const heads = batches.map((batch) => ({ batch, ...this.query('readBatch', [LOG, batch], batchKey(LOG, batch), 3000, options) }))
    return {
      keys: keys.data,
      heads: heads.map(({ batch, data }) => ({ batch, read: data })),
      identities: Object.assign({}, keys.identities, ...heads.map(({ identities }) => identities)) as Identities
    }
  }

  /** The proof with the path to the log's head after `batch`. */
  included (one: Made, batch: string, path = this.#pathTo(one, Number(batch) + 1)): Made {
    return made({ ...one.proof, closedHead: { size: String(Number(batch) + 1), path: path.map(toHex) } }, one.receipt, one.content)
  }

  #pathTo ({ proof }: Made, size: number): Uint8Array[] {
    return inclusionPath(nodeCrypto, this.#headers.slice(0, size), Number(proof.header.number))
  }

  bundleBytes (): Uint8Array {
    return trustBundleBytes(this.bundle())
  }

  get fingerprint (): string {
    return fingerprint(nodeCrypto, this.identity)
  }

  get nextBatch (): string {
    return String(this.#range.size)
  }

  get nextBlock (): number {
    return this.#block + 1
  }

  /** Leaves a block number for something else, such as a configuration. */
  takeBlock (): number {
    return ++this.#block
  }
}

export function made (proof: Proof, receipt: Receipt, content: Uint8Array): Made {
  return {
    proof,
    receipt,
    content,
    bytes: proofBytes(proof),
    receiptBytes: receiptBytes(receipt),
    exhibit: {
      sha256: nodeCrypto.sha256(content), sm3: nodeCrypto.sm3(content), size: BigInt(content.length)
    }
  }
}
