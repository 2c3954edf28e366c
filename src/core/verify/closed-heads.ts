import { batchLeaf } from '../batch.js'
import { equalBytes, fromHex, toHex } from '../bytes.js'
import type { Crypto } from '../crypto.js'
import type { Endorser } from '../fabric/endorsement.js'
import { newestBlock } from '../fabric/history.js'
import { attempt, FabricRefusal, type FabricResult } from '../fabric/refusal.js'
import type { FabricVerifier } from '../fabric/verifier.js'
import { batchKey, type BatchEntry, ledgerBytes, parseReadBack, type ReadBack } from '../ledger-values.js'
import { rootFromInclusion } from '../merkle.js'
import type { Identities, LogInclusion } from '../proof.js'
import type { ClosedHead } from '../trust-bundle.js'

/** The log's heads at the ends of closed ranges, by their size: what today's organizations say the log was when keys were retired. */
export type ClosedHeads = ReadonlyMap<string, HeadEntry>

/** An entry that the newest configuration attested, and the block that wrote it. */
export interface HeadEntry {
  readonly entry: BatchEntry
  readonly block: bigint
  /** When it was attested (T2), and by whom. */
  readonly readAt: string
  readonly readers: readonly Endorser[]
}

/**
 * Reads the closed heads of a trust bundle (PROOF.md section 3). Each is read under the newest configuration and definition: keys that were
 * retired themselves cannot say what was there when others were.
 */
export function readClosedHeads (
  fabric: FabricVerifier, log: string, heads: readonly ClosedHead[], identities: Identities
): FabricResult<ClosedHeads> {
  return attempt(() => {
    const read = new Map<string, HeadEntry>()
    let least = -1
    for (const { batch, read: attestation } of heads) {
      if (Number(batch) <= least) throw new FabricRefusal('MALFORMED', 'closed heads out of order')
      least = Number(batch)
      const result = fabric.readback(attestation, identities, {
        args: ['readBatch', log, batch], key: batchKey(log, batch), after: newestBlock(fabric.history)
      })
      if (!result.ok) throw new FabricRefusal(result.code, result.detail)
      const { payload, version, endorsers: readers } = result.value
      const answer = parseReadBack(payload)
      const entry = requireHead(answer, fabric.history.channel, log, batch)
      read.set(entry.head.size, { entry, block: version.block, readAt: answer.time, readers })
    }
    return read
  })
}

function requireHead (answer: ReadBack, channel: string, log: string, batch: string): BatchEntry {
  if (answer.channel !== channel || answer.entry.header.log !== log || answer.entry.header.number !== batch) {
    throw new FabricRefusal('MALFORMED', 'the answer is not the entry of that batch of this log')
  }
  return answer.entry
}

/** How a batch stands to the closed head that its proof names. */
export type Inclusion = 'not-stated' | 'head-unknown' | 'differs' | HeadEntry

/**
 * The closed head that a batch is in the log below: by the path of its header, and neither later than the head nor in a later block; of the
 * head's own batch the whole entry is attested. Retired keys can sign another entry for the past; they cannot put its header below a head
 * that others attest. An earlier time with the same header they can, since the log is over headers: see `LedgerFacts.linked`.
 */
export function checkInclusion (
  crypto: Crypto, heads: ClosedHeads, inclusion: LogInclusion | undefined, batch: { readonly entry: BatchEntry, readonly block: bigint }
): Inclusion {
  if (inclusion === undefined) return 'not-stated'
  const head = heads.get(inclusion.size)
  if (head === undefined) return 'head-unknown'
  const { header, time } = batch.entry
  const root = rootFromInclusion(crypto, batchLeaf(crypto, header), Number(header.number), Number(inclusion.size), inclusion.path.map(fromHex))
  const isBelow = root !== undefined && toHex(root) === head.entry.head.root
  const isSame = header.number !== head.entry.header.number || equalBytes(ledgerBytes(batch.entry), ledgerBytes(head.entry))
  return isBelow && isSame && batch.block <= head.block && time <= head.entry.time ? head : 'differs'
}
