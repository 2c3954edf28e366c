import { fromHex, equalBytes } from '../core/bytes.js'
import { HASH_SIZE, leafHash, rootOf } from '../core/merkle.js'
import { isGroupSigned } from '../core/receipt.js'
import { parseRecord } from '../core/record.js'
import type { Deposits, StoredGroup } from '../store/deposits.js'
import { isDamage } from '../store/errors.js'
import type { Leaves } from './commit-group.js'
import type { Context } from './context.js'
import { hashesOf } from './tree-nodes.js'
import { createUnsealed, type Unsealed } from './unsealed.js'

/** Deposits that are in no batch, as they are found at a start. */
export interface FoundUnsealed {
  readonly pending: Unsealed
  /** What keeps them from being sealed as they were promised, in words; `pending` ends before it. */
  readonly damage: string | undefined
}

/**
 * The leaves of the deposits from `from` to `to`, as the receipts of their commit groups promise them. A record that changed on the disk would be
 * sealed as another one, for good, and its receipt would be proof of that: so each group is held to the root that was signed, and to the signature.
 * Where a record is not what it was, or gone, the group's stored leaves lead there, and the promise is kept: whoever has the receipt has the record.
 */
export async function readPromised ({ crypto, log }: Context, keyOf: KeyOf, deposits: Deposits, from: number, to: number): Promise<FoundUnsealed> {
  const pending = createUnsealed()
  const end = await damageIn(async () => await deposits.promisedEnd())
  if (typeof end === 'string') return { pending, damage: end }
  if (Math.max(from, end) > to) return { pending, damage: `record ${Math.max(from, end) - 1} is missing, which was promised` }
  for (let at = from; at < to;) {
    const group = await damageIn(async () => await signedGroup(crypto, keyOf, deposits, at))
    if (typeof group === 'string') return { pending, damage: group }
    const [first, end] = [Number(group.statement.firstSequence), Number(group.statement.firstSequence) + Number(group.statement.groupSize)]
    const leaves = await ofRecords(crypto, deposits, group, first, end) ?? ofGroup(crypto, group)
    if (leaves === undefined) return { pending, damage: `neither the records nor the leaves of commit group ${first} lead to the root that was signed` }
    if (leaves.isStored) log.error({ from: first, to: end }, 'records that are not sealed yet are not what they were: they are sealed as their receipts promise')
    pending.add({ ...leaves, hashes: leaves.hashes.subarray((at - first) * HASH_SIZE) })
    at = end
  }
  return { pending, damage: undefined }
}

/** A receipt key of the log, by its id: SPKI. */
type KeyOf = (keyId: string) => Uint8Array | undefined

async function signedGroup (crypto: Context['crypto'], keyOf: KeyOf, deposits: Deposits, sequence: number): Promise<StoredGroup | string> {
  const group = await deposits.groupOf(sequence)
  if (group === undefined) return `the commit group of record ${sequence} is missing`
  const spki = keyOf(group.statement.keyId)
  const isSigned = spki !== undefined && isGroupSigned(crypto, group.statement, group.signature, spki)
  return isSigned ? group : `no receipt key of this log signed the commit group of record ${sequence} as it is stored`
}

/** What was read, or why it cannot be. */
async function damageIn<T> (read: () => Promise<T | string>): Promise<T | string> {
  try {
    return await read()
  } catch (error) {
    if (isDamage(error)) return error.message
    throw error
  }
}

type Found = Leaves & { readonly isStored: boolean }

/** By the records; undefined where they do not lead to the signed root. */
async function ofRecords (crypto: Context['crypto'], deposits: Deposits, group: StoredGroup, first: number, end: number): Promise<Found | undefined> {
  const records: Buffer[] = []
  for await (const bytes of deposits.records(first, end)) records.push(bytes)
  const hashes = records.map((bytes) => leafHash(crypto, bytes))
  if (records.length !== end - first || !isRoot(crypto, hashes, group)) return undefined
  const times = records.map((bytes) => Date.parse(parseRecord(bytes).receivedAt))
  return { hashes: Buffer.concat(hashes), first: Math.min(...times), latest: Math.max(...times), isStored: false }
}

/** By what was stored with the group; none of its deposits is later than its signature. */
function ofGroup (crypto: Context['crypto'], group: StoredGroup): Found | undefined {
  const hashes = group.leaves ?? Buffer.from(fromHex(group.statement.groupRoot))
  if (!isRoot(crypto, hashesOf(hashes), group)) return undefined
  const signedAt = Date.parse(group.statement.signedAt)
  return { hashes, first: signedAt, latest: signedAt, isStored: true }
}

function isRoot (crypto: Context['crypto'], hashes: readonly Uint8Array[], { statement }: StoredGroup): boolean {
  return hashes.length === Number(statement.groupSize) && equalBytes(rootOf(crypto, hashes), fromHex(statement.groupRoot))
}
