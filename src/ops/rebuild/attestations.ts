import { batchHeaderBytes } from '../../core/batch.js'
import { equalBytes, fromBase64url, toHex } from '../../core/bytes.js'
import type { Identities } from '../../core/proof.js'
import type { Location } from '../../store/anchors.js'
import { checksumKey, hasChecksum } from '../../store/checksums.js'
import { numberKey } from '../../store/keys.js'
import type { Maintenance } from '../../store/maintenance.js'
import type { Mark } from '../../store/mark.js'
import { attestationDifference, readAttestations } from '../fsck/attestations.js'
import { numberKeyOf } from '../fsck/position.js'
import { parseJson, readable } from '../stored.js'
import type { Rebuild } from './context.js'

const NOT_OF_ITS_CHECKSUM = 'it is not what its checksum is of'

interface Unusable { readonly number: number, readonly says: string }

/**
 * How many batches are final, of those up to `most`. Where what the ledger said of one is lost or changed, and the ledger has that batch, the
 * mark goes back to it and the remains are removed: the service has it attested anew, and all after it, which changes nothing but their
 * times. Without the ledger a mark that stands is left: batches would no longer be final on account of one that nobody can attest, and where a
 * value differs from its checksum it may be the checksum that changed.
 */
export async function finalBatches (rebuild: Rebuild, { batches: most }: Mark, isStanding: boolean): Promise<number> {
  const unusable: Unusable[] = []
  let final = most
  for (let number = 0; number < most; number++) {
    const says = await faultOf(rebuild, number)
    if (says === undefined) continue
    if (await isOnLedger(rebuild, number)) unusable.push({ number, says })
    else if (isStanding) {
      nameFault(rebuild, number, says)
      continue
    }
    final = Math.min(final, number)
  }
  const removed = await removeRemains(rebuild, unusable)
  if (isStanding || removed > 0) noteUnusable(rebuild, unusable)
  return final
}

/** A checksum that differs is named with all others, at the end. */
function nameFault ({ findings }: Rebuild, number: number, says: string): void {
  if (says === NOT_OF_ITS_CHECKSUM) return
  findings.differs(attestationDifference(number, `${says}: give the ledger, and the service has it attested anew`), number)
}

function noteUnusable ({ findings }: Rebuild, unusable: readonly Unusable[]): void {
  const [first] = unusable
  if (first === undefined) return
  const what = unusable.length === 1 ? `batch ${first.number}` : `${unusable.length} batches, the first of them batch ${first.number},`
  findings.note(`what the ledger said of ${what} cannot be used (${first.says}): the service has batches from ${first.number} on attested anew at its next start`)
}

async function removeRemains ({ db, repairs }: Rebuild, unusable: readonly Unusable[]): Promise<number> {
  const remains = new Map<string, Buffer>() // batches share blocks
  for (const { number } of unusable) for (const key of await remainsOf(db, number)) remains.set(key.toString('hex'), key)
  for (const key of remains.values()) await repairs.remove('attestations', key)
  return remains.size
}

/** What is wrong with what the ledger said of a batch, as it would go into a proof. */
async function faultOf ({ db, crypto }: Rebuild, number: number): Promise<string | undefined> {
  const stored = await readAttestations(db, number)
  if (typeof stored === 'string') return stored
  for (const key of await keysOf(db, number)) if (!await isSummed(db, key)) return NOT_OF_ITS_CHECKSUM
  const other = otherIdentity(stored.identities, (identity) => toHex(crypto.sha256(fromBase64url(identity))))
  return other === undefined ? undefined : `identity ${other} is not what was written`
}

/** An identity is kept under its own hash. */
function otherIdentity (identities: Identities, hash: (identity: string) => string): string | undefined {
  return Object.entries(identities).find(([name, identity]) => readable(() => hash(identity)) !== name)?.[0]
}

/** Where its place, its read-back and, as far as that can be told, its block are kept. */
async function keysOf (db: Maintenance, number: number): Promise<Buffer[]> {
  const place = numberKey('a', number)
  const block = numberKeyOf('b', parseJson<Partial<Location> | null>(await db.get(place))?.block)
  return [place, numberKey('c', number), ...(block === undefined ? [] : [block])]
}

async function isSummed (db: Maintenance, key: Buffer): Promise<boolean> {
  const [value, sum] = await Promise.all([db.get(key), db.get(checksumKey(key))])
  return value !== undefined && hasChecksum(value, sum)
}

/** What has to go: its place and read-back, and a block that is not of its checksum, which other batches share. */
async function remainsOf (db: Maintenance, number: number): Promise<Buffer[]> {
  const [place, readback, block] = await keysOf(db, number) as [Buffer, Buffer, Buffer?]
  const values = [place, readback, ...(block === undefined || await isSummed(db, block) ? [] : [block])]
  const out: Buffer[] = []
  for (const key of values.flatMap((value) => [value, checksumKey(value)])) if (await db.get(key) !== undefined) out.push(key)
  return out
}

/** The header here is the one there. */
async function isOnLedger (rebuild: Rebuild, number: number): Promise<boolean> {
  const [entry, own] = await Promise.all([rebuild.onLedger(number), rebuild.db.get(numberKey('h', number))])
  return entry !== undefined && own !== undefined && equalBytes(batchHeaderBytes(entry.header), own)
}
