import { toBase64url, toHex } from '../core/bytes.js'
import { jcs } from '../core/jcs.js'
import { leafHash, pathFromLevels, treeLevels } from '../core/merkle.js'
import { type CommitGroup, commitGroupSigningInput } from '../core/receipt.js'
import type { Deposits, DepositWrite, GroupWrite, PrivatePart } from '../store/deposits.js'
import { type Context, timeText } from './context.js'
import { NotaryError } from './errors.js'
import { type Draft, pathText, receiptText, recordText } from './record-text.js'

/** Most deposits under one receipt signature: bounds the work of a receipt or proof made later. */
const GROUP = 512
/** Most deposits in one synced write. */
const WRITE = 4096

/** A deposit that is durable. */
export interface Committed {
  readonly sequence: number
  readonly receivedAt: string
  /** JCS text of the steelyard/receipt/v1 object. */
  readonly receipt: string
}

/**
 * Group commit. What arrives while a write is on its way to the disk forms the next group: one write, one fsync and one signature for all. The
 * committer owns the sequence numbers. They are given when a group is built and counted only after its write: a write that fails
 * fails all of its deposits, and the next group takes the same numbers. Nobody is told anything before the sync.
 */
export interface Committer {
  /** Resolves when the deposit is on disk. */
  commit (draft: Draft, kept?: PrivatePart): Promise<Committed>
  readonly depth: number
  readonly failure: string | undefined
  /** Waits for what was accepted. */
  close (): Promise<void>
}

export interface CommitterOptions {
  readonly context: Context
  readonly deposits: Deposits
  /** First free sequence number, and those of the organizations, as the store has them. */
  readonly next: number
  readonly organizations: Map<string, number>
  /** Most deposits that wait. */
  readonly queueLimit: number
  /** Called after the sync, before anybody is told. */
  readonly onCommitted: (leaves: readonly CommittedLeaf[], next: number) => void
}

export interface CommittedLeaf { readonly hash: Uint8Array, readonly receivedAt: number }

interface Waiting {
  readonly draft: Draft
  readonly kept: PrivatePart | undefined
  readonly resolve: (value: Committed) => void
  readonly reject: (error: Error) => void
}

interface Built { readonly write: GroupWrite, readonly leaves: CommittedLeaf[], readonly answers: Committed[] }

export function createCommitter ({ context, deposits, queueLimit, onCommitted, ...start }: CommitterOptions): Committer {
  const organizations = start.organizations
  let next = start.next
  let queue: Waiting[] = []
  let running: Promise<void> | undefined
  let failure: string | undefined

  const round = async (waiting: readonly Waiting[]): Promise<void> => {
    let built: Built
    try {
      built = build(context, waiting, next, organizations)
      context.checkpoint('commit.signed')
      await deposits.commit(built.write)
      context.checkpoint('commit.written')
    } catch (cause) {
      failure = cause instanceof Error ? cause.message : String(cause)
      context.log.error({ err: cause, deposits: waiting.length }, 'a commit group could not be written')
      const error = new NotaryError({ code: 'STORE_FAILED', message: 'the deposit could not be made durable', retryAfter: 5, cause })
      for (const { reject } of waiting) reject(error)
      return
    }
    failure = undefined
    next += waiting.length
    for (const [organization, sequence] of built.write.organizations) organizations.set(organization, sequence)
    onCommitted(built.leaves, next)
    for (let i = 0; i < waiting.length; i++) waiting[i]?.resolve(built.answers[i] as Committed)
  }

  const run = async (): Promise<void> => {
    await new Promise(setImmediate) // whoever arrives in this turn of the event loop comes along
    while (queue.length > 0) {
      const waiting = queue.length <= WRITE ? queue : queue.slice(0, WRITE)
      queue = queue.length <= WRITE ? [] : queue.slice(WRITE)
      await round(waiting)
    }
    running = undefined
  }

  return {
    get depth () { return queue.length },
    get failure () { return failure },
    commit (draft, kept) {
      if (queue.length >= queueLimit) {
        return Promise.reject(new NotaryError({ code: 'OVERLOADED', message: 'too many deposits are waiting', retryAfter: 1 }))
      }
      return new Promise((resolve, reject) => {
        queue.push({ draft, kept, resolve, reject })
        running ??= run()
      })
    },
    async close () {
      await running // which ends when nothing waits any more
    }
  }
}

function build (context: Context, waiting: readonly Waiting[], first: number, before: ReadonlyMap<string, number>): Built {
  const organizations = new Map<string, number>()
  const deposits: DepositWrite[] = []
  const leaves: CommittedLeaf[] = []
  const groups: GroupWrite['groups'][number][] = []
  const answers: Committed[] = []
  for (let at = 0; at < waiting.length; at += GROUP) {
    const records: PendingRecord[] = []
    for (let i = at; i < Math.min(at + GROUP, waiting.length); i++) {
      const { draft, kept } = waiting[i] as Waiting
      const own = organizations.get(draft.organization) ?? before.get(draft.organization) ?? 0
      organizations.set(draft.organization, own + 1)
      const record = pendingRecord(context, draft, first + i, own)
      records.push(record)
      deposits.push({ number: draft.number, bytes: record.bytes, private: kept })
      leaves.push({ hash: record.leaf, receivedAt: draft.receivedAt })
    }
    groups.push(sign(context, records, first + at, answers))
  }
  return { write: { first, deposits, groups, organizations }, leaves, answers }
}

interface PendingRecord { readonly text: string, readonly bytes: Buffer, readonly leaf: Uint8Array, readonly receivedAt: string }

function pendingRecord (context: Context, draft: Draft, sequence: number, organizationSequence: number): PendingRecord {
  const receivedAt = timeText(draft.receivedAt)
  const text = recordText(draft, context.origin, sequence, organizationSequence, receivedAt)
  const bytes = Buffer.from(text, 'latin1') // all of it is ASCII
  return { text, bytes, leaf: leafHash(context.crypto, bytes), receivedAt }
}

/** Signs one commit group and appends the answers of its deposits. */
function sign (context: Context, records: readonly PendingRecord[], first: number, answers: Committed[]): GroupWrite['groups'][number] {
  const { signer, crypto, origin, clock, deadlineMs } = context
  const hashes = records.map(({ leaf }) => leaf)
  const levels = treeLevels(crypto, hashes)
  const now = clock()
  const statement: CommitGroup = {
    type: 'steelyard/commit-group/v1',
    log: origin,
    keyId: signer.keyId,
    groupSize: String(records.length),
    groupRoot: toHex(levels.at(-1)?.[0] as Uint8Array),
    firstSequence: String(first),
    signedAt: timeText(now),
    deadline: timeText(now + deadlineMs)
  }
  const signature = toBase64url(signer.sign(commitGroupSigningInput(statement)))
  const statementText = jcs(statement)
  records.forEach(({ text, receivedAt }, i) => {
    answers.push({
      sequence: first + i,
      receivedAt,
      receipt: receiptText(text, pathText(pathFromLevels(levels, i)), signature, statementText)
    })
  })
  const leaves = records.length === 1 ? undefined : Buffer.concat(hashes)
  return { first, json: `{"signature":"${signature}","statement":${statementText}}`, leaves }
}
