import type { Deposits } from '../store/deposits.js'
import { buildGroup, type BuiltGroup, type Committed, type Entry, type Leaves, type Position } from './commit-group.js'
import type { Context } from './context.js'
import { NotaryError } from './errors.js'
import { ownTurn } from './turns.js'
import { createWriteFailure } from './write-failure.js'

/** Most deposits of one group, which are written, synced and signed together: bounds the work of a receipt or proof made later. */
export const GROUP = 256

/**
 * Group commit. What arrives while a write is on its way to the disk forms the next group: one write, one fsync and one signature for all. The
 * committer owns the sequence numbers. They are given when a group is built and counted only after its write: a write that fails
 * fails all deposits that wait, and none is taken until what it may have left is taken back. Nobody is told anything before the sync.
 *
 * While one group is being written, the next one is built if it is full already, and those of the one before are told.
 */
export interface Committer {
  /** Resolves when the deposits are on disk: at most GROUP of them, which keep their order and follow each other. More than `free` are refused. */
  commit (entries: readonly Entry[]): Promise<readonly Committed[]>
  readonly depth: number
  /** How many more may wait. */
  readonly free: number
  /** Why nothing can be made durable now. */
  readonly failure: NotaryError | undefined
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
  /** Why nothing may be promised any more, also not to those who wait. */
  readonly refusal: () => NotaryError | undefined
  /** Something to wait for before more is written, because what follows is behind. */
  readonly room: () => Promise<void> | undefined
  /** Called after the sync, before anybody is told. */
  readonly onCommitted: (leaves: Leaves, next: number) => void
}

/** Deposits that came together. */
interface Waiting {
  readonly entries: readonly Entry[]
  readonly resolve: (answers: readonly Committed[]) => void
  readonly reject: (error: Error) => void
}

interface Group { readonly waiting: readonly Waiting[], readonly built: BuiltGroup }

export function createCommitter ({ context, deposits, queueLimit, refusal, room, onCommitted, ...start }: CommitterOptions): Committer {
  const organizations = start.organizations
  let committed: Position = { sequence: start.next, organization: (id) => organizations.get(id) ?? 0 }
  let queue: Waiting[] = []
  let depth = 0
  let running: Promise<void> | undefined
  const failure = createWriteFailure(deposits, context.log)

  const take = (): Waiting[] => {
    let size = 0
    const end = queue.findIndex(({ entries }, i) => (size += entries.length) > GROUP && i > 0)
    const taken = end < 0 ? queue : queue.slice(0, end)
    queue = end < 0 ? [] : queue.slice(end)
    depth -= end < 0 ? size : taken.reduce((sum, { entries }) => sum + entries.length, 0)
    return taken
  }

  const fail = (waiting: readonly Waiting[], cause: unknown): void => {
    context.log.error({ err: cause, deposits: waiting.length }, 'a commit group could not be written')
    const error = failure.error ?? new NotaryError({ code: 'STORE_FAILED', message: 'the deposit could not be made durable', retryAfter: 5, cause })
    for (const { reject } of waiting) reject(error)
  }

  const build = (waiting: readonly Waiting[], at: Position): Group | undefined => {
    const refused = refusal()
    if (refused !== undefined) {
      for (const { reject } of waiting) reject(refused)
      return undefined
    }
    try {
      const built = buildGroup(context, waiting.flatMap(({ entries }) => entries), at)
      context.checkpoint('commit.signed')
      return { waiting, built }
    } catch (cause) {
      fail(waiting, cause)
      return undefined
    }
  }

  /** The next group that can be built of what waits. */
  const nextGroup = (at: Position): Group | undefined => {
    for (;;) {
      if (queue.length === 0) return undefined
      const group = build(take(), at)
      if (group !== undefined) return group
    }
  }

  /** A group that was built ahead, unless nothing may be promised any more: whoever waits in it is told so. */
  const stillWanted = (group: Group | undefined): Group | undefined => {
    const refused = group === undefined ? undefined : refusal()
    if (refused === undefined) return group
    for (const { reject } of group?.waiting ?? []) reject(refused)
    return undefined
  }

  /** Writes a group; what it throws, or undefined. */
  const write = async ({ built }: Group): Promise<{ readonly cause: unknown } | undefined> => {
    try {
      await deposits.commit(built.write)
      context.checkpoint('commit.written')
      return undefined
    } catch (cause) {
      return { cause }
    }
  }

  const count = ({ built: { write, leaves, after } }: Group): void => {
    for (const [organization, sequence] of write.organizations) organizations.set(organization, sequence)
    committed = { ...committed, sequence: after.sequence }
    onCommitted(leaves, after.sequence)
  }

  const countersBefore = (write: BuiltGroup['write']): Map<string, number> =>
    new Map([...organizations].filter(([id]) => write.organizations.has(id)))

  /** Waits where what follows is behind; whoever is durable is told before. What is left to tell. */
  const rest = async (written: Group | undefined): Promise<Group | undefined> => {
    const until = room()
    if (until === undefined) return written
    if (written !== undefined) tell(written)
    await until
    return undefined
  }

  const run = async (): Promise<void> => {
    await new Promise(setImmediate) // whoever arrives in this turn of the event loop comes along
    let written: Group | undefined
    let group = nextGroup(committed)
    while (group !== undefined) {
      const writing = write(group)
      if (written !== undefined) tell(written)
      written = undefined
      if (depth >= GROUP) await ownTurn() // neither those who are told nor those who arrive wait for the building
      let following = depth >= GROUP ? nextGroup(group.built.after) : undefined
      const failed = await writing
      if (failed === undefined) {
        count(group)
        written = group
      } else {
        failure.note(group.built.write, failed.cause, countersBefore(group.built.write))
        fail([...group.waiting, ...following?.waiting ?? [], ...queue.splice(0)], failed.cause)
        depth = 0
        following = undefined
      }
      written = await rest(written)
      group = stillWanted(following) ?? nextGroup(committed)
    }
    if (written !== undefined) tell(written)
    running = undefined
  }

  return {
    get depth () { return depth },
    get free () { return queueLimit - depth },
    get failure () { return failure.error },
    commit (entries) {
      if (failure.error !== undefined) return Promise.reject(failure.error)
      if (depth + entries.length > queueLimit) return Promise.reject(overloaded())
      return new Promise((resolve, reject) => {
        queue.push({ entries, resolve, reject })
        depth += entries.length
        running ??= run()
      })
    },
    async close () {
      await running // which ends when nothing waits any more
      await failure.close()
    }
  }
}

/** The queue is full: soon there is room again. */
export function overloaded (): NotaryError {
  return new NotaryError({ code: 'OVERLOADED', message: 'too many deposits are waiting', retryAfter: 1 })
}

function tell ({ waiting, built }: Group): void {
  const answers = built.answers()
  let at = 0
  for (const { entries, resolve } of waiting) resolve(answers.slice(at, at += entries.length))
}
