import { LogReplay } from '../../core/audit/log-replay.js'
import { logTransaction } from '../../core/audit/log-call.js'
import { AUDIT_SAYS, DOUBTS } from '../../core/audit-wording.js'
import { toHex } from '../../core/bytes.js'
import type { Crypto } from '../../core/crypto.js'
import { LIFECYCLE } from '../../core/fabric/definition.js'
import { Replay } from '../../core/fabric/replay/replay.js'
import type { AcceptedTransaction, ReplayCode, ReplayedBlock } from '../../core/fabric/replay/result.js'
import { createMemoryState } from '../../core/fabric/replay/state.js'
import type { ChannelConfig } from '../../core/fabric/config.js'
import type { EndorserTransaction } from '../../core/fabric/transaction.js'
import { createFindings, type DifferenceCode, type Findings, type OnProgress, type Report } from '../report.js'
import { createDoubts } from './doubts.js'
import { type Telling, tellingOf } from './telling.js'

export interface AuditOptions {
  readonly crypto: Crypto
  readonly blocks: AsyncIterable<Uint8Array>
  /** Number of blocks, where it is known. */
  readonly height?: number
  /** Hash of block 0 to start from; absent: the one that comes is taken. */
  readonly genesis?: string
  /** The chaincode that keeps the logs. */
  readonly chaincode: string
  /** Told of every block before it is judged: to keep it. */
  readonly onBlock?: (bytes: Uint8Array) => Promise<void>
  readonly onProgress: OnProgress
  /** Compared after the last block, in order. */
  readonly compare: ReadonlyArray<(audited: Audited, findings: Findings) => Promise<void>>
}

/** What a channel says by its blocks. */
export interface Audited {
  readonly crypto: Crypto
  readonly chaincode: string
  readonly log: LogReplay
  readonly genesis: string
  readonly channel: string
  readonly height: number
  /** Header hash of the last block. */
  readonly hash: string
  /** Header hashes of the configuration blocks, and of those that changed a chaincode definition, by their numbers. */
  readonly configurations: ReadonlyMap<number, string>
  readonly definitions: ReadonlyMap<number, string>
}

export interface AuditReport extends Report {
  readonly channel: string
  readonly genesis: string
  readonly height: number
  /** Header hash of the last block: two experts who have the same have read the same blocks. */
  readonly lastBlock: string
  readonly outcomes: Readonly<Record<string, number>>
  readonly configurations: readonly number[]
  readonly logs: ReadonlyArray<{ readonly log: string, readonly size: string, readonly root: string }>
}

const CODES: Readonly<Record<ReplayCode, DifferenceCode>> = {
  BLOCK_UNREADABLE: 'BLOCK_DIFFERS',
  BLOCK_CHAIN: 'BLOCK_DIFFERS',
  BLOCK_ORDERING: 'BLOCK_DIFFERS',
  GENESIS: 'GENESIS_DIFFERS',
  CONFIGURATION: 'CONFIGURATION_DIFFERS',
  VALIDATION_CODE: 'VALIDATION_DIFFERS',
  COMMIT_HASH: 'COMMIT_HASH_DIFFERS'
}
/** More differences than one block has, for their order. */
const PER_BLOCK = 2 ** 22

/**
 * Replays a channel from its genesis block, and compares with it whatever else is stated. Memory grows with keys and transactions, not with
 * blocks.
 */
export async function audit (options: AuditOptions): Promise<AuditReport> {
  const findings = createFindings()
  const channel = new Channel(options, findings)
  for await (const bytes of options.blocks) {
    await options.onBlock?.(bytes)
    channel.take(bytes)
    options.onProgress('block', channel.height, options.height)
  }
  channel.end()
  const audited = channel.audited()
  for (const compare of options.compare) await compare(audited, findings)
  const { height, hash: lastBlock, genesis, configurations, log } = audited
  const logs = log.origins().flatMap((origin) => {
    const head = log.head(origin)
    return head === undefined ? [] : [{ log: origin, ...head }]
  })
  return {
    ...findings.report({}),
    channel: audited.channel,
    genesis,
    height,
    lastBlock,
    outcomes: channel.outcomes,
    configurations: [...configurations.keys()],
    logs
  }
}

/** A channel while its blocks come. Owns the replays; what it finds goes into `findings`. */
class Channel {
  readonly outcomes: Record<string, number> = {}
  readonly #options: AuditOptions
  readonly #findings: Findings
  readonly #telling: Telling
  readonly #doubts = createDoubts()
  readonly #replay: Replay
  readonly #log: LogReplay
  readonly #configurations = new Map<number, string>()
  readonly #definitions = new Map<number, string>()
  #genesis = ''
  #ended = false
  #left = 0

  constructor (options: AuditOptions, findings: Findings) {
    const { crypto, genesis } = options
    this.#options = options
    this.#findings = findings
    this.#telling = tellingOf(findings)
    this.#replay = new Replay({ crypto, state: createMemoryState(), ...(genesis === undefined ? {} : { genesis }) })
    this.#log = new LogReplay(crypto)
  }

  get height (): number {
    return this.#replay.height
  }

  take (bytes: Uint8Array): void {
    if (this.#ended) {
      this.#left++
      return
    }
    const { config } = this.#replay // the one in force for this block
    const block = this.#replay.next(bytes)
    this.#ended = block.ends
    this.#note(block)
    if (block.ends) return
    const hash = toHex(block.hash)
    if (block.number === 0) this.#genesis = hash
    if (block.isConfiguration) this.#configurations.set(block.number, hash)
    if (block.accepted.some(({ transaction }) => writesDefinition(transaction))) this.#definitions.set(block.number, hash)
    for (const [name, count] of Object.entries(block.outcomes)) this.outcomes[name] = (this.outcomes[name] ?? 0) + count
    if (config !== undefined) for (const accepted of block.accepted) this.#follow(block, accepted, config)
    this.#findings.count('blocks')
    this.#findings.count('transactions', block.transactions)
  }

  /** Says what stays open when no block comes any more. */
  end (): void {
    const telling = this.#telling
    if (this.#left > 0) telling.couldNotCheck(AUDIT_SAYS.blocksLeft(this.#left, this.height), AUDIT_SAYS.standOnOne)
    if (this.height === 0 && !this.#ended) telling.couldNotCheck(AUDIT_SAYS.channel, AUDIT_SAYS.noBlock)
    if (this.#options.genesis === undefined) {
      telling.couldNotCheck(AUDIT_SAYS.whichChannel, AUDIT_SAYS.nobodySaid(this.#genesis))
    }
    this.#doubts.tell(telling)
  }

  audited (): Audited {
    const { crypto, chaincode } = this.#options
    return {
      crypto,
      chaincode,
      log: this.#log,
      genesis: this.#genesis,
      channel: this.#replay.config?.channelId ?? '',
      height: this.height,
      hash: toHex(this.#replay.hash),
      configurations: this.#configurations,
      definitions: this.#definitions
    }
  }

  #note ({ number, differences, doubts }: ReplayedBlock): void {
    for (const [i, { code, transaction, says }] of differences.entries()) {
      const object = transaction === undefined ? AUDIT_SAYS.block(number) : AUDIT_SAYS.transaction(transaction, number)
      this.#telling.differs({ layer: 'channel', object, code: CODES[code], says }, number * PER_BLOCK + (transaction ?? i))
    }
    for (const { what, why } of doubts) this.#doubts.note(what, why, number)
  }

  #follow ({ number, hash }: ReplayedBlock, { index, transaction }: AcceptedTransaction, config: ChannelConfig): void {
    const written = logTransaction(this.#options.chaincode, config, transaction)
    if (written === undefined) return
    this.#findings.count('writes into logs')
    const { differs, doubt } = this.#log.apply(written, { block: number, transaction: index, blockHash: hash })
    if (doubt !== undefined) this.#doubts.note(DOUBTS.write, doubt, number)
    if (differs === undefined) return
    const object = AUDIT_SAYS.transaction(index, number)
    this.#telling.differs({ layer: 'channel', object, code: 'LOG_RULES_DIFFER', says: differs }, number * PER_BLOCK + index + 1)
  }
}

/** A definition as everybody follows it; approvals stand in the organizations' own collections. */
function writesDefinition ({ readWriteSets }: EndorserTransaction): boolean {
  return readWriteSets.some(({ namespace, writes }) => namespace === LIFECYCLE && writes.length > 0)
}
