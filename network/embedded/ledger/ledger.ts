/**
 * The channel's ledger: puts sequencer, validation and store together and tells those who wait.
 * @module
 */
import { equalBytes, utf8 } from '../../../src/core/bytes.js'
import { type BlockHeader, dataHash, headerHash } from '../../../src/core/fabric/block.js'
import { commitHash } from '../../../src/core/fabric/commit/commit-hash.js'
import { validateIdentity } from '../../../src/core/fabric/commit/envelope.js'
import { codes } from '../../../src/core/fabric/commit/validation-codes.js'
import { bftQuorum, type ChannelConfig, parseConfigBlock } from '../../../src/core/fabric/config.js'
import { satisfies } from '../../../src/core/fabric/endorsement.js'
import type { MspVerdict } from '../../../src/core/fabric/msp.js'
import type { PolicySigner } from '../../../src/core/fabric/policy.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import {
  type Approval, type ChaincodeDefinition, type Channel, type CommittedBlock, lifecycleNamespace, OrderError, type OrgNode, type Simulator,
  type TransactionLocation
} from '../channel.js'
import type { Organization } from '../crypto/organization.js'
import { EmbeddedNetworkError } from '../errors.js'
import { genesisBlock } from '../genesis/genesis-block.js'
import { assembleBlock } from './block-assembly.js'
import { committedBlock } from './committed-block.js'
import { Definitions } from './definitions.js'
import { admit } from './order-filter.js'
import { privateUpdates } from './private-updates.js'
import { type Admitted, Sequencer } from './sequencer.js'
import { createSimulator } from './simulator.js'
import type { PrivateUpdates, Store, Tip } from './store.js'
import { type ValidatedBlock, validateBlock } from './validate-block.js'

/** What a ledger is opened with. */
export interface LedgerOptions {
  /** Opened; whoever opened it closes it, after `stop`. */
  readonly store: Store
  readonly channel: string
  readonly orgs: readonly Organization[]
  readonly now?: () => Date
  /** The disk refused a block: nothing is ordered any more. */
  onFailure (error: unknown): void
}

const EMPTY = new Uint8Array(0)
/** Of the block of a configuration, which was authorized by the one in force when the block was cut: it changes no state. */
const CONFIGURED: ValidatedBlock = { filter: Uint8Array.of(codes.VALID), updates: [], history: [], collections: [] }
const NOTHING_PRIVATE: PrivateUpdates = { updates: [], contents: [] }
/** Blocks that private content waits for its transaction, as long as a peer lets it. */
const PRIVATE_RETENTION = 1000
const ENDORSEMENT = { kind: 'reference', path: '/Channel/Application/Endorsement' } as const

/** The ledger in a store; makes block 0 if there is none. */
export async function openLedger (options: LedgerOptions): Promise<Ledger> {
  const tip = await options.store.tip() ?? await writeGenesis(options)
  const bytes = await options.store.block(tip.lastConfigBlock)
  if (bytes === undefined) throw new EmbeddedNetworkError({ code: 'FOLDER_DAMAGED', message: 'the configuration block is missing' })
  await options.store.dropPrivateContents(tip.height - PRIVATE_RETENTION)
  return new Ledger(tip, parseConfigBlock(nodeCrypto, bytes), options)
}

async function writeGenesis ({ store, channel, orgs, now = () => new Date() }: LedgerOptions): Promise<Tip> {
  const { number, data, ...hashes } = genesisBlock({ channel, orgs, quorum: bftQuorum(orgs.length), time: now() })
  const header = { number: BigInt(number), ...hashes }
  const filter = new Uint8Array(data.length)
  const tip = { height: 1, hash: headerHash(nodeCrypto, header), commitHash: EMPTY, lastConfigBlock: 0 }
  const bytes = assembleBlock({ header, data, filter, lastConfigBlock: 0, signers: [] })
  const transactions = locations(committedBlock(bytes))
  await store.commit({ number, bytes, tip, updates: [], privateUpdates: NOTHING_PRIVATE, history: [], transactions })
  return tip
}

/** An open ledger. */
export class Ledger implements Channel {
  readonly id: string
  readonly orgs: readonly OrgNode[]
  readonly #store: Store
  readonly #definitions: Definitions
  readonly #sequencer: Sequencer
  readonly #listeners = new Set<(block: CommittedBlock) => void>()
  readonly #now: () => Date
  #tip: Tip
  #config: ChannelConfig

  constructor (tip: Tip, config: ChannelConfig, options: LedgerOptions) {
    this.#store = options.store
    this.#tip = tip
    this.#now = options.now ?? (() => new Date())
    this.#definitions = new Definitions(options.store)
    this.#config = config
    this.id = config.channelId
    this.orgs = options.orgs
    this.#sequencer = new Sequencer({
      rules: () => ({
        sequence: this.#config.sequence,
        signers: this.orderers(),
        quorum: this.#config.quorum,
        maxMessages: this.#config.batchSize.maxMessageCount,
        maxBytes: this.#config.batchSize.preferredMaxBytes
      }),
      readmit: (received) => {
        try {
          return this.#admit(received)
        } catch (error) {
          if (error instanceof OrderError) return undefined
          throw error
        }
      },
      commit: async (entries, signers) => { await this.#commit(entries, signers) },
      onFailure: (error) => { options.onFailure(error) }
    })
  }

  get config (): ChannelConfig {
    return this.#config
  }

  get lastConfigBlock (): number {
    return this.#tip.lastConfigBlock
  }

  height (): number {
    return this.#tip.height
  }

  /** Header hash of the last block. */
  currentHash (): Uint8Array {
    return this.#tip.hash
  }

  async block (number: number): Promise<Uint8Array | undefined> {
    return number >= 0 && number < this.#tip.height ? await this.#store.block(number) : undefined
  }

  async committedBlock (number: number): Promise<CommittedBlock | undefined> {
    const bytes = await this.block(number)
    return bytes === undefined ? undefined : committedBlock(bytes)
  }

  async * latestBlocks (from: number, signal?: AbortSignal): AsyncGenerator<Uint8Array> {
    for (let number = from; signal?.aborted !== true;) {
      const bytes = await this.block(number)
      if (bytes === undefined) {
        await this.#nextCommit(number, signal)
      } else {
        yield bytes
        number++
      }
    }
  }

  onCommit (listener: (block: CommittedBlock) => void): () => void {
    this.#listeners.add(listener)
    return () => { this.#listeners.delete(listener) }
  }

  simulator (): Simulator {
    return createSimulator(this.#store, this.#tip.height)
  }

  async transaction (txId: string): Promise<TransactionLocation | undefined> {
    return await this.#store.transaction(txId)
  }

  async blockByHash (hash: Uint8Array): Promise<number | undefined> {
    return await this.#store.blockByHash(hash)
  }

  async order (envelope: Uint8Array): Promise<void> {
    this.#sequencer.submit(this.#admit(Uint8Array.from(envelope)))
    await Promise.resolve()
  }

  orderers (): OrgNode[] {
    return this.#config.consenters.flatMap(({ id, identity }) => this.orgs.filter(({ consenterId, orderer, running }) =>
      running.orderer && consenterId === id && equalBytes(identity, utf8(orderer.certificatePem))))
  }

  validateCreator (serialized: Uint8Array): MspVerdict {
    return validateIdentity(this.config, serialized)
  }

  async definition (name: string): Promise<ChaincodeDefinition | undefined> {
    const found = await this.#definitions.get(name)
    return found === undefined ? undefined : summary(found)
  }

  async definitions (): Promise<readonly ChaincodeDefinition[]> {
    return (await this.#definitions.all()).map(summary)
  }

  async approval (name: string, mspId: string): Promise<Approval> {
    return await this.#definitions.approval(name, mspId)
  }

  endorsementQuorum (mspIds: readonly string[]): boolean {
    return satisfies(this.config, ENDORSEMENT, this.#peers(mspIds))
  }

  async endorsementRule (chaincodes: readonly string[]): Promise<(mspIds: readonly string[]) => boolean> {
    const rules = await Promise.all(chaincodes.map(async (name) => await this.#definitions.rules(name, this.#config)))
    return (mspIds) => rules.every((each) => each !== undefined && 'policy' in each && satisfies(this.#config, each.policy, this.#peers(mspIds)))
  }

  async keepPrivateContents (contents: readonly Uint8Array[]): Promise<void> {
    for (const content of contents) await this.#store.keepPrivateContent(nodeCrypto.sha256(content), content, this.#tip.height)
  }

  #peers (mspIds: readonly string[]): PolicySigner[] {
    const peers = this.orgs.filter((org) => mspIds.includes(org.mspId)).map((org) => org.peer)
    return peers.map(({ mspId, serialized }) => ({ mspId, role: 'peer', identity: serialized }))
  }

  /** Goes on ordering; call when an orderer was started. */
  resume (): void {
    this.#sequencer.wake()
  }

  /** Finishes the block at work and takes nothing more; call before closing the store. */
  async stop (): Promise<void> {
    await this.#sequencer.stop()
  }

  #admit (received: Uint8Array): Admitted {
    const [orderer = this.orgs[0]] = this.orderers()
    if (orderer === undefined) throw new RangeError('a network without organizations')
    return admit({ config: this.#config, now: this.#now(), orderer: orderer.orderer }, received)
  }

  async #commit (entries: readonly Admitted[], signers: readonly OrgNode[]): Promise<void> {
    const { height: number, hash: previousHash } = this.#tip
    const envelopes = entries.map(({ envelope }) => envelope)
    const isConfig = entries.some((entry) => entry.isConfig)
    // The block of a configuration names itself, and is signed by those who sign until then.
    const lastConfigBlock = isConfig ? number : this.#tip.lastConfigBlock
    const header: BlockHeader = { number: BigInt(number), previousHash, dataHash: dataHash(nodeCrypto, envelopes) }
    const context = { store: this.#store, config: this.config, definitions: this.#definitions }
    const verdict = isConfig ? CONFIGURED : await validateBlock(context, number, envelopes)
    const chained = commitHash(nodeCrypto, verdict.filter, verdict.updates, this.#tip.commitHash)
    const bytes = assembleBlock({ header, data: envelopes, lastConfigBlock, signers, filter: verdict.filter, commitHash: chained })
    const tip = { height: number + 1, hash: headerHash(nodeCrypto, header), commitHash: chained, lastConfigBlock }
    await this.#write(tip, bytes, verdict, isConfig ? parseConfigBlock(nodeCrypto, bytes) : this.#config)
  }

  async #write (tip: Tip, bytes: Uint8Array, { updates, history, collections }: ValidatedBlock, config: ChannelConfig): Promise<void> {
    const block = committedBlock(bytes)
    const transactions = []
    for (const location of locations(block)) {
      if (await this.#store.transaction(location.txId) === undefined) transactions.push(location)
    }
    const secret = collections.length === 0 ? NOTHING_PRIVATE : await privateUpdates(this.#store, collections)
    await this.#store.commit({ number: block.number, bytes, tip, updates, privateUpdates: secret, history, transactions })
    if (updates.some(({ namespace }) => namespace === lifecycleNamespace)) this.#definitions.forget()
    this.#tip = tip
    this.#config = config
    for (const listener of [...this.#listeners]) listener(block)
  }

  async #nextCommit (height: number, signal: AbortSignal | undefined): Promise<void> {
    await new Promise<void>((resolve) => {
      const done = (): void => {
        forget()
        signal?.removeEventListener('abort', done)
        resolve()
      }
      const forget = this.onCommit(done)
      signal?.addEventListener('abort', done)
      if (this.#tip.height > height || signal?.aborted === true) done()
    })
  }
}

/** Where each transaction id first occurs in a block. */
function locations (block: CommittedBlock): Array<TransactionLocation & { readonly txId: string }> {
  const first = new Map<string, TransactionLocation & { readonly txId: string }>()
  for (const [index, { txId, code }] of block.transactions.entries()) {
    if (txId !== '' && !first.has(txId)) first.set(txId, { txId, block: block.number, index, code })
  }
  return [...first.values()]
}

function summary ({ name, version, sequence, initRequired }: ChaincodeDefinition): ChaincodeDefinition {
  return { name, version, sequence, initRequired }
}
