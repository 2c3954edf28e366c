import { toBase64url } from '../core/bytes.js'
import { jcs } from '../core/jcs.js'
import { leafHash, pathFromLevels, treeLevels } from '../core/merkle.js'
import { type CommitGroup, commitGroupSigningInput } from '../core/receipt.js'
import type { DepositWrite, GroupWrite, PrivatePart } from '../store/deposits.js'
import { type Context, timeText } from './context.js'
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
  /** JCS text of the steelyard/receipt/v1 object. */
  readonly receipt: string
}

export interface CommittedLeaf { readonly hash: Uint8Array, readonly receivedAt: number }

/** Where a group begins in the log and in each organization. */
export interface Position {
  readonly sequence: number
  organization (id: string): number
}

/** A commit group that is signed and not written: what the store is given, and what depositors are told once it is on disk. */
export interface BuiltGroup {
  readonly write: GroupWrite
  readonly leaves: readonly CommittedLeaf[]
  readonly answers: readonly Committed[]
  /** Where the next one begins. */
  readonly after: Position
}

/** Gives the deposits their sequence numbers and signs one statement for all of them. */
export function buildGroup (context: Context, entries: readonly Entry[], at: Position): BuiltGroup {
  const organizations = new Map<string, number>()
  const next = (id: string): number => organizations.get(id) ?? at.organization(id)
  const deposits: DepositWrite[] = []
  const leaves: CommittedLeaf[] = []
  const records: { text: string, receivedAt: string }[] = []
  let receivedAt = ''
  let shown: number | undefined
  entries.forEach(({ draft, kept }, i) => {
    if (draft.receivedAt !== shown) { // many come in the same millisecond
      shown = draft.receivedAt
      receivedAt = timeText(shown)
    }
    const own = next(draft.organization)
    organizations.set(draft.organization, own + 1)
    const text = recordText(draft, context.origin, at.sequence + i, own, receivedAt)
    const bytes = Buffer.from(text, 'latin1') // all of it is ASCII
    records.push({ text, receivedAt })
    deposits.push({ number: draft.number, bytes, private: kept })
    leaves.push({ hash: leafHash(context.crypto, bytes), receivedAt: draft.receivedAt })
  })
  // Never earlier than a deposit in the group, whatever the clock says now: a verifier refuses such a receipt.
  const signedAt = leaves.reduce((latest, leaf) => Math.max(latest, leaf.receivedAt), context.clock())
  const signed = sign(context, leaves.map(({ hash }) => hash), at.sequence, signedAt)
  return {
    write: { first: at.sequence, deposits, groups: [signed.group], organizations },
    leaves,
    answers: records.map(({ text, receivedAt }, i) => ({ sequence: at.sequence + i, receivedAt, receipt: signed.receipt(text, i) })),
    after: { sequence: at.sequence + entries.length, organization: next }
  }
}

interface SignedGroup {
  readonly group: GroupWrite['groups'][number]
  receipt (record: string, index: number): string
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
  const leaves = hashes.length === 1 ? undefined : Buffer.concat(hashes)
  return {
    group: { first, json: `{"signature":"${signature}","statement":${statementText}}`, leaves },
    receipt: (record, index) => receiptText(record, pathFromLevels(texts, index), signature, statementText)
  }
}

function hexOf (hash: Uint8Array): string {
  return Buffer.from(hash.buffer, hash.byteOffset, hash.byteLength).toString('hex')
}
