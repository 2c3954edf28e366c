import { setTimeout as sleep } from 'node:timers/promises'
import { type BatchHeader, batchHeaderBytes, parseBatchHeader } from '../../core/batch.js'
import { equalBytes, fromUtf8, toBase64url } from '../../core/bytes.js'
import type { Crypto } from '../../core/crypto.js'
import { parseConfigBlock } from '../../core/fabric/config.js'
import { parseResponsePayload } from '../../core/fabric/transaction.js'
import { batchEntry, type BatchEntry, parseKeysStatement, parseLogStatus, parseReadBack } from '../../core/ledger-values.js'
import { anchorArgument } from '../../core/log.js'
import { LedgerError } from '../errors.js'
import type { AttestedQuery, Ledger, TransactionStatus } from '../ledger.js'
import { type Answers, askEveryone, attestedQuery, Disagreement, type Patience } from './agreement.js'
import { createBlockReader } from './blocks.js'
import type { FabricClient, SignedProposal } from './client.js'
import { ledgerError } from './failure.js'
import { transactionPayload } from './messages.js'
import { createStandings } from './standing.js'

export interface FabricLedgerOptions {
  readonly client: FabricClient
  readonly crypto: Crypto
  /** Signs a transaction's payload as the service. */
  readonly sign: (message: Uint8Array) => Uint8Array
  readonly channel: string
  readonly chaincode: string
  readonly log: string
  readonly patience?: Partial<Patience>
  /** Milliseconds since 1970, for what is said of the organizations. */
  readonly clock: () => number
  /** How long a sent transaction is waited for before its outcome is called unknown. */
  readonly commitMs?: number
}

const VALID = 0
const FIRST_POLL_MS = 8
const SLOWEST_POLL_MS = 250
/** How long peers that are behind are given. */
const SETTLE_MS = 5000
/** How long the list of organizations is believed. */
const ORGANIZATIONS_MS = 60_000

/**
 * The Ledger port over a Fabric channel, the same for both client libraries. A transaction is endorsed by every organization that
 * answers, at least a majority; its outcome is taken from the ledger itself and never from an event or from the orderer's word.
 */
export function createFabricLedger (options: FabricLedgerOptions): Ledger {
  const { client, crypto, channel, chaincode, log } = options
  const patience: Patience = { graceMs: 250, answerMs: 10_000, ...options.patience }
  const commitMs = options.commitMs ?? 30_000
  const blocks = createBlockReader(client, channel)
  const standings = createStandings(options.clock)
  let known: { organizations: readonly string[], until: number } | undefined

  /** The application organizations of the channel's configuration. */
  async function organizations (): Promise<readonly string[]> {
    if (known === undefined || known.until < performance.now()) {
      const block = await client.evaluate('cscc', ['GetConfigBlock', channel])
      const { applicationMsps } = parseConfigBlock(crypto, block)
      known = { organizations: [...applicationMsps.keys()], until: performance.now() + ORGANIZATIONS_MS }
    }
    return known.organizations
  }

  async function endorseOnce (name: string, args: readonly string[]): Promise<Endorsed> {
    const [orgs, proposal] = await Promise.all([organizations(), client.propose(chaincode, [name, log, ...args])])
    return { proposal, answers: await askEveryone(proposal, orgs, patience, standings) }
  }

  /**
   * Peers commit one after the other, so that for a moment they disagree, or a majority does not see yet what one of them shows. Then
   * they are asked again, with a fresh proposal. `behind` tells such a refusal of a majority from one that will stand.
   */
  async function endorse (name: string, args: readonly string[], behind: () => Promise<boolean>): Promise<Endorsed> {
    const until = performance.now() + SETTLE_MS
    for (let wait = FIRST_POLL_MS; ; wait = Math.min(wait * 1.5, SLOWEST_POLL_MS)) {
      try {
        return await endorseOnce(name, args)
      } catch (error) {
        if (performance.now() >= until || !await isLag(error, behind)) throw error
      }
      await sleep(wait)
    }
  }

  async function isLag (error: unknown, behind: () => Promise<boolean>): Promise<boolean> {
    if (error instanceof Disagreement) return true
    const { reason } = ledgerError(error)
    if (reason === 'NOT_OPEN') return await evaluate('getHead').then(() => true, () => false)
    return (reason === 'GAP' || reason === 'NOT_FOUND') && await behind()
  }

  /** Endorses, announces, sends and waits. Undefined when the contract wrote nothing, so that there was nothing to send. */
  async function submit (
    name: string, args: readonly string[], onTransaction: (txId: string) => Promise<void>, behind = never
  ): Promise<string | undefined> {
    const { proposal, answers } = await failing(async () => await endorse(name, args, behind))
    if (!writes(answers, chaincode)) return undefined
    const payload = transactionPayload(proposal, answers)
    const { txId } = proposal
    await onTransaction(txId)
    try {
      await client.broadcast({ txId, payload, signature: options.sign(payload) })
    } catch (error) {
      throw ledgerError(error, txId)
    }
    const { code } = await committed(txId)
    if (code !== VALID) throw new LedgerError({ code: 'CONFLICT', message: `committed with validation code ${code}`, txId })
    return txId
  }

  async function committed (txId: string): Promise<TransactionStatus> {
    const unknown = (cause?: unknown): LedgerError => new LedgerError({
      code: 'UNKNOWN_OUTCOME', message: `sent, and not seen on the ledger within ${commitMs} ms`, txId, cause
    })
    const until = performance.now() + commitMs
    let failure: unknown
    for (let wait = FIRST_POLL_MS; performance.now() < until; wait = Math.min(wait * 1.5, SLOWEST_POLL_MS)) {
      try {
        const status = await transaction(txId)
        if (status !== undefined) return status
      } catch (error) {
        failure = error
      }
      await sleep(wait)
    }
    throw unknown(failure)
  }

  async function transaction (txId: string): Promise<TransactionStatus | undefined> {
    const found = await blocks.blockOf(txId)
    if (found === undefined) return undefined
    const { block: { data, transactions }, index } = found
    return { block: data.number, index, code: transactions[index]?.code ?? -1 }
  }

  async function evaluate (name: string, ...args: string[]): Promise<Uint8Array> {
    return await failing(async () => await client.evaluate(chaincode, [name, log, ...args]))
  }

  /** Unattested: whoever needs more asks for the read-back. */
  async function entries (from: string, count: number): Promise<BatchEntry[]> {
    const list = JSON.parse(fromUtf8(await evaluate('getBatches', from, String(count)))) as unknown[]
    return list.map((entry, i) => batchEntry(entry, `entries[${i}]`))
  }

  async function findBatch (number: string): Promise<BatchEntry | undefined> {
    return (await entries(number, 1))[0]
  }

  /** Throws NOT_OPEN, as a definite answer, where the peer that is asked does not show the log either. */
  async function isOpen (): Promise<boolean> {
    await evaluate('status')
    return true
  }

  /** Whether one peer shows a log that these headers belong to: then a GAP elsewhere is a peer that is behind. */
  async function follows (first: BatchHeader): Promise<boolean> {
    const { head, nextSequence } = parseLogStatus(await evaluate('status'))
    return Number(first.number) < Number(head.size) || (first.number === head.size && first.first === nextSequence)
  }

  async function attest (
    name: string, args: readonly string[], behind = never
  ): Promise<AttestedQuery & { readonly answer: Uint8Array }> {
    return await failing(async () => {
      const { proposal, answers } = await endorse(name, args, behind)
      return { ...attestedQuery(crypto, proposal, answers), answer: answerOf(answers) }
    })
  }

  return {
    channel,
    chaincode,
    log,
    async openLog ({ skewMs, deadlineMs, spki }) {
      await submit('openLog', [String(skewMs), String(deadlineMs), toBase64url(spki)], nothing)
    },
    async registerKey (spki, fromBatch) {
      await submit('registerKey', [toBase64url(spki), fromBatch], nothing, isOpen)
    },
    async anchor (headers, onTransaction) {
      const [first] = consecutive(headers)
      const behind = async (): Promise<boolean> => await follows(first)
      const txId = await submit('anchor', [anchorArgument(headers)], onTransaction, behind)
      const found = await readBack(headers, async () => await entries(first.number, headers.length), txId, commitMs)
      return { entries: found, ...(txId === undefined ? {} : { txId }) }
    },
    transaction,
    findBatch,
    async findRoot (root) {
      const number = fromUtf8(await evaluate('findByRoot', root))
      return number === '' ? undefined : number
    },
    async attestBatch (number) {
      const behind = async (): Promise<boolean> => await findBatch(number) !== undefined
      const { answer, ...query } = await attest('readBatch', [number], behind)
      parseReadBack(answer)
      return query
    },
    async attestKeys () {
      const { answer, ...query } = await attest('getKeys', [], isOpen)
      return { ...query, statement: parseKeysStatement(answer) }
    },
    async attestStatus () {
      const { answer, ...query } = await attest('status', [])
      return { ...query, statement: parseLogStatus(answer) }
    },
    async block (number) {
      const found = await blocks.block(number)
      if (found === undefined) throw new LedgerError({ code: 'PROTOCOL', message: `the ledger has no block ${number} yet` })
      return found
    },
    peerBlock: blocks.bytes,
    blockOf: blocks.blockOf,
    follow: blocks.follow,
    height: blocks.height,
    organizations: standings.list,
    async close () {
      await client.close()
    }
  }
}

interface Endorsed { readonly proposal: SignedProposal, readonly answers: Answers }

const nothing = (): Promise<void> => Promise.resolve()
const never = (): Promise<boolean> => Promise.resolve(false)

/** The headers, which must follow each other. */
function consecutive (list: readonly Uint8Array[]): [BatchHeader, ...BatchHeader[]] {
  const [first, ...others] = list.map(parseBatchHeader)
  if (first === undefined) throw new LedgerError({ code: 'REFUSED', reason: 'BOUNDS', message: 'no header was given' })
  let last = first
  for (const header of others) {
    const follows = Number(header.number) === Number(last.number) + 1 && Number(header.first) === Number(last.first) + Number(last.size)
    if (!follows) throw new LedgerError({ code: 'GAP', reason: 'GAP', message: `batch ${header.number} does not follow ${last.number}` })
    last = header
  }
  return [first, ...others]
}

async function failing<T> (run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw ledgerError(error)
  }
}

function answerOf ([{ responsePayload }]: Answers): Uint8Array {
  return parseResponsePayload(responsePayload).action.response.payload
}

function writes ([{ responsePayload }]: Answers, chaincode: string): boolean {
  return parseResponsePayload(responsePayload).readWriteSets.some((set) => set.namespace === chaincode && set.writes.length > 0)
}

/**
 * The entries as the ledger now has them, which must hold exactly these headers. The peer that answers may be a moment behind the
 * one that showed the commit.
 */
async function readBack (
  headers: readonly Uint8Array[], entries: () => Promise<BatchEntry[]>, txId: string | undefined, waitMs: number
): Promise<BatchEntry[]> {
  const about = txId === undefined ? {} : { txId }
  const until = performance.now() + waitMs
  for (let wait = FIRST_POLL_MS; ; wait = Math.min(wait * 1.5, SLOWEST_POLL_MS)) {
    try {
      const found = await entries()
      if (found.length === headers.length) {
        if (found.every(({ header }, i) => equalBytes(batchHeaderBytes(header), headers[i] as Uint8Array))) return found
        throw new LedgerError({ code: 'FORK', message: 'the ledger holds other headers than those it accepted', ...about })
      }
    } catch (error) {
      if (error instanceof LedgerError && error.code === 'FORK') throw error
    }
    if (performance.now() >= until) break
    await sleep(wait)
  }
  throw new LedgerError({ code: 'UNKNOWN_OUTCOME', message: 'accepted, but not read back', ...about })
}
