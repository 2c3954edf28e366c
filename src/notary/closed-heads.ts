import type { Identities } from '../core/proof.js'
import type { ClosedHead } from '../core/trust-bundle.js'
import type { Ledger } from '../ledger/ledger.js'
import type { Location } from '../store/anchors.js'

/**
 * The log's heads at the ends of closed ranges: of each change of the configuration or of our definition the last batch before it,
 * attested anew by the organizations of today (PROOF.md section 3). `final` batches are looked at: where those stand is known here.
 */
export async function attestClosedHeads (
  ledger: Pick<Ledger, 'attestBatch'>, location: (batch: number) => Promise<Location | undefined>, final: number, changes: readonly number[]
): Promise<{ readonly heads: readonly ClosedHead[], readonly identities: Identities }> {
  const batches = new Set<number>()
  for (const change of changes) {
    const count = await countBefore(location, final, change)
    if (count > 0) batches.add(count - 1)
  }
  const heads: ClosedHead[] = []
  let identities: Identities = {}
  for (const batch of [...batches].sort((a, b) => a - b)) {
    const read = await ledger.attestBatch(String(batch))
    heads.push({ batch: String(batch), read: read.attestation })
    identities = { ...identities, ...read.identities }
  }
  return { heads, identities }
}

/** How many batches stand in blocks before `block`. Blocks rise with batches, so halving finds it. */
async function countBefore (location: (batch: number) => Promise<Location | undefined>, final: number, block: number): Promise<number> {
  let least = 0
  let most = final
  while (least < most) {
    const middle = Math.floor((least + most) / 2)
    const at = await location(middle)
    if (at !== undefined && Number(at.block) < block) least = middle + 1
    else most = middle
  }
  return least
}
