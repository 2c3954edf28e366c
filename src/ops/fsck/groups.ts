import { equalBytes, fromBase64url, fromHex } from '../../core/bytes.js'
import { rootOf } from '../../core/merkle.js'
import { commitGroupSigningInput, ed25519PublicKey } from '../../core/receipt.js'
import { hashesOf, upperNodesOf } from '../../notary/tree-nodes.js'
import { numberKey, readNumber } from '../../store/keys.js'
import { parseGroup, type SignedGroup } from '../../store/stored-group.js'
import { MOST_IN_GROUP } from '../stored.js'
import type { Check } from './check.js'
import { type Leaf, recordName } from './records.js'

/**
 * Commit groups: what receipts were signed for. Fed with every record in order, it follows the groups beside them: each record is in
 * exactly one, each group's root is that of its records, and its signature is by a receipt key of the ledger.
 */
export interface GroupCheck {
  feed (sequence: number, leaf: Leaf | undefined): Promise<void>
  /** The first sequence number that no group promises, as far as groups were read. */
  readonly end: number
  /** Looks at what is left when there are no more records. */
  finish (sequence: number): Promise<void>
}

interface Open { readonly group: SignedGroup | undefined, readonly first: number, readonly until: number, readonly leaves: (Leaf | undefined)[] }

const groupName = (first: number): string => `commit group ${first}`

export function createGroupCheck (check: Check): GroupCheck {
  const { view, findings } = check
  const iterator = view.entries('g')[Symbol.asyncIterator]()
  let ahead: { first: number, bytes: Buffer } | undefined
  let open: Open | undefined
  let missingFrom: number | undefined
  let end = 0

  const peek = async (): Promise<{ first: number, bytes: Buffer } | undefined> => {
    if (ahead !== undefined) return ahead
    const step = await iterator.next()
    if (step.done === true) return undefined
    const [key, bytes] = step.value
    ahead = { first: key.length === 9 ? readNumber(key, 1) : -1, bytes }
    return ahead
  }
  const openAt = async (sequence: number): Promise<Open | undefined> => {
    for (let found = await peek(); found !== undefined && found.first <= sequence; found = await peek()) {
      ahead = undefined
      if (found.first < sequence) {
        const says = 'it begins within another group, or there is no record where it begins'
        findings.differs({ layer: 'commit-group', object: groupName(found.first), code: 'GROUP_DIFFERS', says }, found.first)
        continue
      }
      return opened(check, found.first, found.bytes, (await peek())?.first)
    }
    return undefined
  }

  return {
    get end () { return end },
    async feed (sequence, leaf) {
      open ??= await openAt(sequence)
      if (open === undefined) {
        missingFrom ??= sequence
        findings.differs({
          layer: 'commit-group', object: groupName(missingFrom), code: 'GROUP_MISSING', says: 'no commit group holds these records: their receipts cannot be given again'
        }, missingFrom)
        return
      }
      missingFrom = undefined
      if (open.group !== undefined) open.leaves.push(leaf)
      end = open.until
      if (sequence + 1 < open.until) return
      await close(check, open)
      open = undefined
    },
    async finish (sequence) {
      if (open !== undefined) {
        findings.differs({ layer: 'record', object: recordName(sequence), code: 'RECORD_MISSING', says: `commit group ${open.first} promises records up to ${open.until - 1}` }, sequence)
      }
      for (let found = await peek(); found !== undefined; found = await peek()) {
        ahead = undefined
        findings.differs({ layer: 'record', object: recordName(found.first), code: 'RECORD_MISSING', says: `commit group ${found.first} promises it` }, found.first)
      }
    }
  }
}

/** A group that cannot be read is passed over: up to the next one. */
function opened ({ findings, origin }: Check, first: number, bytes: Buffer, next: number | undefined): Open {
  const group = parseGroup(bytes)
  const size = Number(group?.statement.groupSize ?? 0)
  findings.count('commit groups')
  if (group === undefined) {
    findings.differs({ layer: 'commit-group', object: groupName(first), code: 'GROUP_UNREADABLE', says: 'not a signed commit group' }, first)
  } else if (group.statement.firstSequence !== String(first) || size < 1 || size > MOST_IN_GROUP || isForeign(group, origin)) {
    const says = `it says that it holds ${size} records from ${group.statement.firstSequence} of ${group.statement.log}`
    findings.differs({ layer: 'commit-group', object: groupName(first), code: 'GROUP_DIFFERS', says }, first)
  } else {
    return { group, first, until: first + size, leaves: [] }
  }
  return { group: undefined, first, until: next ?? Number.MAX_SAFE_INTEGER, leaves: [] }
}

function isForeign ({ statement }: SignedGroup, origin: string | undefined): boolean {
  return origin !== undefined && statement.log !== origin
}

async function close (check: Check, { group, first, leaves }: Open): Promise<void> {
  if (group === undefined) return
  const { crypto, findings, view } = check
  const differs = (code: 'GROUP_SIGNATURE' | 'GROUP_DIFFERS', object: string, says: string): void => {
    findings.differs({ layer: 'commit-group', object, code, says }, first)
  }
  const signed = isSigned(check, group)
  if (signed === false) {
    differs('GROUP_SIGNATURE', groupName(first), 'no receipt key of the ledger signed this')
    return
  }
  const own = leaves.flatMap((leaf) => leaf === undefined ? [] : [leaf.hash])
  const root = fromHex(group.statement.groupRoot)
  const stored = await storedHashes(view, first, leaves.length, root)
  const isRoot = (hashes: readonly Uint8Array[]): boolean => hashes.length === leaves.length && equalBytes(rootOf(crypto, hashes), root)
  if (isRoot(own)) {
    if (!isRoot(stored)) differs('GROUP_DIFFERS', `leaves of ${groupName(first)}`, 'its stored leaf hashes are not those of its records')
    if (!await hasOwnNodes(check, first, own)) differs('GROUP_DIFFERS', `inner nodes of ${groupName(first)}`, 'they are not those of its leaves')
  } else if (isRoot(stored) && (signed === true || leaves.length > 1)) {
    nameRecords(check, first, leaves, stored)
  } else if (leaves.every((leaf, i) => leaf !== undefined && !findings.isNamed(recordName(first + i)))) {
    differs('GROUP_DIFFERS', groupName(first), 'its root is not that of its records')
  }
}

/** Groups of earlier versions have none. */
async function hasOwnNodes ({ view, crypto }: Check, first: number, leaves: readonly Uint8Array[]): Promise<boolean> {
  const nodes = await view.get(numberKey('d', first))
  return nodes?.equals(upperNodesOf(crypto, Buffer.concat(leaves))) ?? true
}

/** A group of one is its own root. */
async function storedHashes (view: Check['view'], first: number, size: number, root: Uint8Array): Promise<readonly Uint8Array[]> {
  return size === 1 ? [root] : hashesOf(await view.get(numberKey('e', first)) ?? new Uint8Array(0))
}

/** The group's own leaf hashes are those that were signed: the records are what changed. */
function nameRecords ({ findings }: Check, first: number, leaves: readonly (Leaf | undefined)[], stored: readonly Uint8Array[]): void {
  leaves.forEach((leaf, i) => {
    if (leaf === undefined || equalBytes(leaf.hash, stored[i] as Uint8Array) || findings.isNamed(recordName(first + i))) return
    const says = `its receipt was signed for other bytes (commit group ${first})`
    findings.differs({ layer: 'record', object: recordName(first + i), code: 'RECORD_DIFFERS', says }, first + i)
  })
}

/** Undefined: the key is not known here. */
function isSigned ({ keys, crypto, findings }: Check, { statement, signature }: SignedGroup): boolean | undefined {
  const spki = keys?.get(statement.keyId)?.spki
  const key = spki === undefined ? undefined : ed25519PublicKey(fromBase64url(spki))
  if (key === undefined) {
    if (keys !== undefined) return false // whoever changed the key id would else not be noticed
    findings.count('commit groups whose signature could not be checked')
    return undefined
  }
  return crypto.verifyEd25519(key, commitGroupSigningInput(statement), fromBase64url(signature))
}
