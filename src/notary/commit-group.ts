import { toBase64url } from '../core/bytes.js'
import { jcs } from '../core/jcs.js'
import { HASH_SIZE, leafHash, pathFromLevels, treeLevels } from '../core/merkle.js'
import { type CommitGroup, commitGroupSigningInput } from '../core/receipt.js'
import type { DepositWrite, GroupWrite, PrivatePart } from '../store/deposits.js'
import { type Context, timeText } from './context.js'
import { upperNodes } from './tree-nodes.js'
import { type Draft, receiptText, recordText } from './record-text.js'

/** A deposit that waits to be made durable. */
export interface Entry {
  readonly draft: Draft
  readonly kept?: PrivatePart | undefined
}

/** A deposit that is durable. */
export interface Committed {
  readonly sequence: number
  readonly receivedAt: string
  /** JCS text of the steelyard/receipt/v1 object, in pieces that follow each other. */
  readonly receipt: readonly string[]
}

/** Leaves in a row: their hashes, concatenated, and when the first and the latest of the deposits came. */
export interface Leaves {
  readonly hashes: Buffer
  readonly first: number
  readonly latest: number
}

/** Where a group begins in the log and in each organization. */
export interface Position {
  readonly sequence: number
  organization (id: string): number
}

/** A commit group that is signed and not written: what the store is given, and what depositors are told once it is on disk. */
export interface BuiltGroup {
  readonly write: GroupWrite
  readonly leaves: Leaves
  /** Made when they are told and not before: what is not there need not be kept in memory during the write. */
  answers (): Committed[]
  /** Where the next one begins. */
  readonly after: Position
}

/** Gives the deposits their sequence numbers and signs one statement for all of them. */
export function buildGroup (context: Context, entries: readonly Entry[], at: Position): BuiltGroup {
  const organizations = new Map<string, number>()
  const next = (id: string): number => organizations.get(id) ?? at.organization(id)
  const deposits: DepositWrite[] = []
  const hashes: Uint8Array[] = []
  const records: { text: string, receivedAt: string }[] = []
  let latest = 0
  let receivedAt = ''
  let shown: number | undefined
  entries.forEach(({ draft, kept }, i) => {
    if (draft.receivedAt !== shown) { // many come in the same millisecond
      shown = draft.receivedAt
      receivedAt = timeText(shown)
      latest = Math.max(latest, shown)
    }
    const own = next(draft.organization)
    organizations.set(draft.organization, own + 1)
    const text = recordText(draft, context.origin, at.sequence + i, own, receivedAt)
    const bytes = Buffer.from(text, 'latin1') // all of it is ASCII
    records.push({ text, receivedAt })
    deposits.push({ number: draft.number, bytes, private: kept })
    hashes.push(leafHash(context.crypto, bytes))
  })
  // Never earlier than a deposit in the group, whatever the clock says now: a verifier refuses such a receipt.
  const signed = sign(context, hashes, at.sequence, Math.max(latest, context.clock()))
  return {
    write: { first: at.sequence, deposits, groups: [signed.group], organizations },
    leaves: { hashes: signed.leaves, first: entries[0]?.draft.receivedAt ?? latest, latest },
    answers: () => records.map(({ text, receivedAt }, i) => ({ sequence: at.sequence + i, receivedAt, receipt: signed.receipt(text, i) })),
    after: { sequence: at.sequence + entries.length, organization: next }
  }
}

interface SignedGroup {
  readonly group: GroupWrite['groups'][number]
  readonly leaves: Buffer
  receipt (record: string, index: number): string[]
}

function sign (
  { signer, crypto, origin, deadlineMs }: Context, hashes: readonly Uint8Array[], first: number, now: number
): SignedGroup {
  const levels = treeLevels(crypto, hashes)
  // Each hash is in the paths of many receipts: as text it is written once.
  const texts = levels.map((level) => level.map(hexOf))
  const statement: CommitGroup = {
    type: 'steelyard/commit-group/v1',
    log: origin,
    keyId: signer.keyId,
    groupSize: String(hashes.length),
    groupRoot: texts.at(-1)?.[0] as string,
    firstSequence: String(first),
    signedAt: timeText(now),
    deadline: timeText(now + deadlineMs)
  }
  const signature = toBase64url(signer.sign(commitGroupSigningInput(statement)))
  const statementText = jcs(statement)
  const leaves = Buffer.concat(hashes, HASH_SIZE * hashes.length)
  return {
    group: { first, json: `{"signature":"${signature}","statement":${statementText}}`, leaves: hashes.length === 1 ? undefined : leaves, nodes: upperNodes(levels) },
    leaves,
    receipt: (record, index) => receiptText(record, pathFromLevels(texts, index), signature, statementText)
  }
}

function hexOf (hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('hex')
}
