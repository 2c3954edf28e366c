import { checkClaim, claimMembers, type SignedClaim } from '../core/claim.js'
import { EvidenceError } from '../core/errors.js'
import type { Crypto } from '../core/crypto.js'
import { formatEvidenceNumber, NUMBER_RANDOMNESS } from '../core/evidence-number.js'
import { jcs, type Json } from '../core/jcs.js'
import { commitMetadata, DEPOSIT_SECRET_SIZE, type MetadataField, sortMetadata } from '../core/metadata.js'
import type { Digests } from '../core/record.js'
import type { ApiKey } from '../store/api-keys.js'
import type { ContentStore, Received } from '../store/content.js'
import type { PrivatePart } from '../store/deposits.js'
import type { FileWatch } from '../store/file-watch.js'
import type { Room } from '../store/room.js'
import type { Backlog } from './backlog.js'
import type { Committed, Entry } from './commit-group.js'
import { type Committer, overloaded } from './committer.js'
import type { Context } from './context.js'
import type { Continuity } from './continuity.js'
import { NotaryError } from './errors.js'

/** Metadata as JCS: a deposit's fields are stored whole, so they have a bound. */
const MAX_METADATA_BYTES = 65_536
const SALT_SIZE = 16

/** What a depositor gets. `receipt` is of the whole receipt, record included. */
export interface Deposited extends Committed {
  readonly number: string
  readonly digests: Digests
  /** Base64url; the salts of all metadata fields follow from it. */
  readonly secret: string
}

export type Metadata = Readonly<Record<string, Json>>

export interface DigestsDeposit {
  readonly digests: Digests
  readonly size?: number | undefined
  readonly metadata?: Metadata | undefined
  readonly claim?: SignedClaim | undefined
}

/** What a depositor says besides. */
export type Said = Pick<DigestsDeposit, 'metadata' | 'claim'>

/** Whose deposit it is. */
export type Depositor = Pick<ApiKey, 'id' | 'organization'>

/** What is drawn by lot for a deposit: its number, and its secret in base64url. */
export interface Lot { readonly number: string, readonly secret: string }

/** Expected digests of a file that is being deposited. */
export type Expected = Partial<Digests>

/**
 * Accepting deposits. A deposit exists from the moment its commit group is on disk; before, nothing of it remains, except perhaps content
 * that no record names.
 */
export interface Intake {
  /** Throws when nothing may be promised now; to be asked before a body, of so many bytes, is read. */
  assertOpen (bytes?: number): void
  digests (by: Depositor, deposit: DigestsDeposit): Promise<Deposited>
  /** Many at once, at most GROUP. They keep their order; each is accepted, or refused alone. */
  bulk (by: Depositor, list: readonly DigestsDeposit[]): Promise<(Deposited | NotaryError)[]>
  /** Streams content into the store. What is returned must go to `file` or be discarded. */
  receive (source: AsyncIterable<Uint8Array>): Promise<Received>
  /** Counts bytes of content that is not received through here; throws where they would take the room that deposits need. */
  spend (bytes: number): void
  /** With a lot of `draw`, it can be told later whether the deposit was made: no other has that number. */
  file (by: Depositor, received: Received, expected: Expected, said: Said, lot?: Lot): Promise<Deposited>
  draw (): Lot
  /** Throws for metadata that no deposit may have. */
  assertSaid (said: Said): void
  /** The service closes: everything is refused from now on. */
  close (): void
}

export interface IntakeOptions {
  readonly context: Context
  readonly content: ContentStore
  readonly room: Room
  readonly files: Pick<FileWatch, 'missing'>
  readonly committer: Committer
  readonly backlog: Backlog
  readonly continuity: Pick<Continuity, 'refusal'>
  /** Whether times that were given already are further ahead of the clock than the ledger allows. */
  readonly isAhead: () => boolean
}

export function createIntake ({ context, content, room, files, committer, backlog, continuity, isAhead }: IntakeOptions): Intake {
  const random = pooled(context.random)
  let isClosing = false

  const assertOpen = (bytes = 0): void => {
    if (isClosing) throw new NotaryError({ code: 'CLOSING', message: 'the service is closing: deposits are not accepted', retryAfter: 30 })
    if (continuity.refusal !== undefined) throw continuity.refusal
    if (backlog.isTooOld) {
      throw new NotaryError({ code: 'LEDGER_BACKLOG', message: 'the ledger is too far behind to promise anything', retryAfter: 60 })
    }
    if (isAhead()) {
      throw new NotaryError({ code: 'CLOCK_STEPPED', message: 'the clock of the service is behind times that it has stated already', retryAfter: 60 })
    }
    if (committer.failure !== undefined) throw committer.failure
    if (files.missing !== undefined) throw damaged(files.missing)
    if (room.isShort(bytes)) {
      throw new NotaryError({ code: 'STORE_FULL', message: 'the disk of the service has no room for more deposits', retryAfter: 30 })
    }
    if (committer.free === 0) throw overloaded()
  }

  const prepare = (by: Depositor, content: DepositContent, { metadata, claim }: Said, lot?: Lot): Prepared => {
    requireContent(content)
    const secret = lot === undefined ? random(DEPOSIT_SECRET_SIZE) : Buffer.from(lot.secret, 'base64url')
    const kept = metadata === undefined ? undefined : privatePart(secret, metadata)
    const draft = {
      number: lot?.number ?? formatEvidenceNumber(random(NUMBER_RANDOMNESS)),
      organization: by.organization,
      keyId: by.id,
      receivedAt: context.clock(),
      ...content,
      metadata: kept === undefined ? undefined : commitMetadata(context.crypto, secret, kept.sorted),
      claim: claim === undefined ? undefined : checkedClaim(context.crypto, content.digests, claim),
      salt: random(SALT_SIZE).toString('base64url')
    }
    context.checkpoint('intake.validated')
    return { draft, kept, secret }
  }

  const deposit = async (by: Depositor, content: DepositContent, said: Said, lot?: Lot): Promise<Deposited> => {
    const prepared = prepare(by, content, said, lot)
    const [committed] = await committer.commit([prepared])
    return deposited(prepared, committed)
  }

  return {
    assertOpen,
    close () {
      isClosing = true
    },
    async digests (by, { digests, size, ...said }) {
      assertOpen()
      return await deposit(by, { digests, size, digestedBy: 'submitter' }, said)
    },
    async bulk (by, list) {
      assertOpen()
      const prepared = list.map(({ digests, size, ...said }) => {
        return refusal(() => prepare(by, { digests, size, digestedBy: 'submitter' }, said))
      })
      const accepted = prepared.filter((each): each is Prepared => !(each instanceof NotaryError))
      const taken = accepted.slice(0, committer.free)
      const committed = (taken.length === 0 ? [] : await committer.commit(taken)).values()
      const refused = new Set(accepted.slice(taken.length))
      return prepared.map((each) => {
        if (each instanceof NotaryError) return each
        return refused.has(each) ? overloaded() : deposited(each, committed.next().value)
      })
    },
    receive: (source) => content.receive(spending(source, room)),
    spend: (bytes) => { room.spend(bytes) },
    draw: () => ({ number: formatEvidenceNumber(random(NUMBER_RANDOMNESS)), secret: random(DEPOSIT_SECRET_SIZE).toString('base64url') }),
    assertSaid,
    async file (by, received, expected, said, lot) {
      assertOpen()
      requireContent(received)
      requireExpected(received.digests, expected)
      // refuse before anything is kept
      assertSaid(said)
      if (said.claim !== undefined) checkedClaim(context.crypto, received.digests, said.claim)
      await received.keep()
      return await deposit(by, { digests: received.digests, size: received.size, digestedBy: 'notary' }, said, lot)
    }
  }
}

function assertSaid ({ metadata }: Said): void {
  if (metadata !== undefined) privatePart(Buffer.alloc(DEPOSIT_SECRET_SIZE), metadata)
}

/** The file is for the operator, who reads the same at /health/ready. */
function damaged (file: string): NotaryError {
  const message = `${file} is missing or cut in the service's database: do not stop it before \`steelyard backup\` has saved what it still can read`
  return new NotaryError({ code: 'STORE_DAMAGED', message, retryAfter: 60 })
}

/** A deposit with its number and secret, not committed. */
interface Prepared extends Entry { readonly secret: Buffer }

function deposited ({ draft: { number, digests }, secret }: Prepared, committed: Committed | undefined): Deposited {
  if (committed === undefined) throw new TypeError('a commit group answers each of its deposits')
  const { sequence, receivedAt, receipt } = committed
  return { number, sequence, receivedAt, digests, receipt, secret: secret.toString('base64url') }
}

/** What is wrong with one of many, as a value. */
function refusal<T> (run: () => T): T | NotaryError {
  try {
    return run()
  } catch (error) {
    if (error instanceof NotaryError) return error
    throw error
  }
}

interface DepositContent { readonly digests: Digests, readonly size: number | undefined, readonly digestedBy: 'notary' | 'submitter' }

const EMPTY_SHA256 = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** Nothing is no evidence, whether it is sent or only stated. */
function requireContent ({ digests, size }: Pick<DepositContent, 'digests' | 'size'>): void {
  if (size === 0 || digests.sha256 === EMPTY_SHA256) throw new NotaryError({ code: 'CONTENT_EMPTY', message: 'the content has no bytes' })
}

function requireExpected (found: Required<Digests>, expected: Expected): void {
  for (const algorithm of ['sha256', 'sm3'] as const) {
    const stated = expected[algorithm]
    if (stated !== undefined && stated !== found[algorithm]) {
      throw new NotaryError({ code: 'DIGEST_MISMATCH', message: `the content's ${algorithm} is ${found[algorithm]}, expected was ${stated}` })
    }
  }
}

/** The members of a record for a claim that is about this content and signed by its address. */
function checkedClaim (crypto: Crypto, digests: Digests, claim: SignedClaim): ReturnType<typeof claimMembers> {
  const members = claimMembers(claim)
  const verdict = checkClaim(crypto, { ...members, content: { digests } })
  if (verdict === 'ok') return members
  throw new NotaryError({
    code: 'CLAIM_INVALID',
    message: verdict === 'other-content'
      ? `the claim needs a line "sha256: ${digests.sha256}"`
      : `the signature over the claim is not by ${claim.keyId}`
  })
}

function privatePart (secret: Buffer, metadata: Metadata): PrivatePart & { readonly sorted: readonly MetadataField[] } {
  try {
    const sorted = sortMetadata(Object.entries(metadata).map(([name, value]) => ({ name, value })))
    const fields = jcs(sorted)
    if (sorted.length > 0 && fields.length <= MAX_METADATA_BYTES) return { secret, sorted, fields }
  } catch (cause) {
    if (!(cause instanceof EvidenceError)) throw cause
    throw new NotaryError({ code: 'METADATA_INVALID', message: cause.message, cause })
  }
  throw new NotaryError({ code: 'METADATA_INVALID', message: 'metadata needs 1 to 256 fields of at most 64 KiB together' })
}

async function * spending (source: AsyncIterable<Uint8Array>, room: Room): AsyncGenerator<Uint8Array, void> {
  for await (const chunk of source) {
    room.spend(chunk.length)
    yield chunk
  }
}

/** Randomness in small pieces out of larger ones: a call for each deposit would cost more than the rest of it. Pieces are never reused. */
function pooled (random: (bytes: number) => Buffer): (bytes: number) => Buffer {
  let pool: Buffer = Buffer.alloc(0)
  let at = 0
  return (bytes) => {
    if (at + bytes > pool.length) {
      pool = random(8192)
      at = 0
    }
    at += bytes
    return pool.subarray(at - bytes, at)
  }
}
