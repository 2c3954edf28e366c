/**
 * What the operator's tools find. The order of the layers is the order in which everything stands on the one before: the first object that
 * differs is the first of the lowest layer.
 */
export const LAYERS = [
  'database', 'content', 'record', 'metadata', 'commit-group', 'number-index', 'organization', 'leaf', 'batch', 'batch-index', 'log', 'attestation',
  'ledger', 'channel', 'proof', 'watermark', 'service'
] as const
export type Layer = typeof LAYERS[number]

export type DifferenceCode =
  | 'DATABASE_DAMAGED' // a file of the database that cannot be read
  | 'KEY_UNKNOWN' // an entry that no version wrote
  | 'CONTENT_MISSING'
  | 'CONTENT_DIFFERS' // its SHA-256 is another one
  | 'CONTENT_SIZE_DIFFERS'
  | 'CONTENT_DIGESTS_DISAGREE' // one digest equal, the other not: an alarm of its own
  | 'RECORD_MISSING' // a gap in the sequence
  | 'RECORD_UNREADABLE'
  | 'RECORD_DIFFERS' // not what was sealed, or what a receipt was signed for
  | 'RECORD_POSITION' // another sequence number or log than that of its place
  | 'METADATA_DIFFERS' // fields or secret are not those that the record commits to
  | 'GROUP_MISSING'
  | 'GROUP_UNREADABLE'
  | 'GROUP_DIFFERS'
  | 'GROUP_SIGNATURE' // the receipt key did not sign this
  | 'NUMBER_INDEX_DIFFERS'
  | 'ORGANIZATION_SEQUENCE' // a gap or a repetition in an organization's own numbers
  | 'LEAF_DIFFERS' // a tile of leaf hashes, or the roots of tiles
  | 'BATCH_MISSING'
  | 'BATCH_UNREADABLE'
  | 'BATCH_DIFFERS'
  | 'BATCH_INDEX_DIFFERS'
  | 'LOG_TILE_DIFFERS'
  | 'ATTESTATION_MISSING'
  | 'ATTESTATION_DIFFERS'
  | 'CHECKSUM_DIFFERS' // of what the ledger said, which verifies
  | 'LEDGER_DIFFERS' // the ledger holds another batch under this number
  | 'LEDGER_MISSING' // anchored by our word, and not on the ledger
  | 'LOCAL_MISSING' // on the ledger, and not here
  | 'GENESIS_DIFFERS' // block 0 is not the one that was to be started from
  | 'BLOCK_DIFFERS' // a block that is not the next one, or not signed by the orderers
  | 'CONFIGURATION_DIFFERS' // a configuration that does not follow the one before it
  | 'VALIDATION_DIFFERS' // the peer says of a transaction otherwise than the blocks
  | 'COMMIT_HASH_DIFFERS'
  | 'LOG_RULES_DIFFER' // the ledger holds what the log's rules do not give
  | 'BUNDLE_DIFFERS' // the trust bundle has another history than the channel
  | 'PROOF_DIFFERS'
  | 'WATERMARK_DIFFERS'
  | 'SERVICE_DIFFERS' // log identity, bundle, API keys
  | 'UPLOAD_DIFFERS' // an open upload whose file holds less than was acknowledged

/** One object that differs. */
export interface Difference {
  readonly layer: Layer
  /** Which one, such as `record 17` or `content ab12...`. */
  readonly object: string
  readonly code: DifferenceCode
  readonly says: string
  /** The same in Chinese, where others than operators read it. */
  readonly zh?: { readonly object: string, readonly says: string }
}

/** Something that could not be looked at, and why. */
export interface Unchecked {
  readonly what: string
  readonly why: string
  readonly zh?: { readonly what: string, readonly why: string }
}

export type Outcome = 'clean' | 'differs' | 'could-not-check'
const EXIT_CODES: Readonly<Record<Outcome, 0 | 1 | 2>> = { clean: 0, differs: 1, 'could-not-check': 2 }

export interface Report {
  readonly outcome: Outcome
  readonly exitCode: 0 | 1 | 2
  readonly log?: string
  readonly head?: { readonly size: string, readonly root: string }
  /** How many objects of each kind were looked at. */
  readonly checked: Readonly<Record<string, number>>
  readonly first?: Difference
  readonly differences: number
  readonly byCode: Readonly<Partial<Record<DifferenceCode, number>>>
  /** The first ones, in order. */
  readonly examples: readonly Difference[]
  readonly couldNotCheck: readonly Unchecked[]
  /** Left out because the caller said so. */
  readonly leftOut: readonly string[]
  readonly notes: readonly string[]
  /** The notes in Chinese, where others than operators read them. */
  readonly notesZh?: readonly string[]
}

/** Tells how far a tool has come; `total` is absent where it is not known. */
export type OnProgress = (stage: string, done: number, total?: number) => void

const MOST_EXAMPLES = 100

/** Collects what a tool finds; bounded, whatever it finds. */
export interface Findings {
  /** `position` orders within the layer. The same object is named once for each code. */
  differs (difference: Difference, position: number): void
  /** Whether a difference of this object was named. */
  isNamed (object: string): boolean
  count (what: string, by?: number): void
  couldNotCheck (what: string, why: string, zh?: Unchecked['zh']): void
  leaveOut (what: string): void
  note (text: string, zh?: string): void
  report (about: Pick<Report, 'log' | 'head'>): Report
}

interface Placed { readonly difference: Difference, readonly rank: number, readonly position: number }

export function createFindings (): Findings {
  const named = new Set<string>()
  const checked: Record<string, number> = {}
  const byCode: Partial<Record<DifferenceCode, number>> = {}
  const unchecked: Unchecked[] = []
  const leftOut: string[] = []
  const notes: { readonly en: string, readonly zh: string | undefined }[] = []
  let placed: Placed[] = []
  let differences = 0

  return {
    differs (difference, position) {
      const key = `${difference.code} ${difference.object}`
      if (named.has(key)) return
      named.add(key).add(difference.object)
      differences++
      byCode[difference.code] = (byCode[difference.code] ?? 0) + 1
      placed.push({ difference, rank: LAYERS.indexOf(difference.layer), position })
      if (placed.length > 2 * MOST_EXAMPLES) placed = inOrder(placed).slice(0, MOST_EXAMPLES)
    },
    isNamed: (object) => named.has(object),
    count (what, by = 1) {
      checked[what] = (checked[what] ?? 0) + by
    },
    couldNotCheck: (what, why, zh) => { unchecked.push({ what, why, ...(zh === undefined ? {} : { zh }) }) },
    leaveOut: (what) => { leftOut.push(what) },
    note: (en, zh) => { notes.push({ en, zh }) },
    report (about) {
      const examples = inOrder(placed).slice(0, MOST_EXAMPLES).map(({ difference }) => difference)
      const outcome = differences > 0 ? 'differs' : unchecked.length > 0 ? 'could-not-check' : 'clean'
      return {
        outcome,
        exitCode: EXIT_CODES[outcome],
        ...about,
        checked,
        ...(examples[0] === undefined ? {} : { first: examples[0] }),
        differences,
        byCode,
        examples,
        couldNotCheck: unchecked,
        leftOut,
        notes: notes.map(({ en }) => en),
        ...(notes.some(({ zh }) => zh !== undefined) ? { notesZh: notes.map(({ en, zh = en }) => zh) } : {})
      }
    }
  }
}

function inOrder (placed: readonly Placed[]): Placed[] {
  return [...placed].sort((a, b) => a.rank - b.rank || a.position - b.position)
}
