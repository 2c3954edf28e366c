import { rangeOf } from '../fabric/history.js'
import type { OrderedTransaction } from '../fabric/verify-transaction.js'
import type { TrustIdentity } from '../trust-bundle.js'
import type { Endorser, LedgerFacts } from './facts.js'
import type { TrustRoot } from './trust-root.js'

/**
 * Who stands behind an MSP, as the trust identity says. An MSP that it does not name (an organization that joined later) goes by its
 * own name and counts as not independent: nobody who pinned the identity knows who it is.
 */
export function entityOf ({ entities }: TrustIdentity, mspId: string): Pick<Endorser, 'entity' | 'operator'> {
  const found = entities.find(({ peers }) => peers.includes(mspId))
  return found === undefined ? { entity: mspId, operator: true } : { entity: found.name, operator: found.operator }
}

/** The entities that had peers on the channel when the anchor was ordered. */
export function organizationsOf (root: TrustRoot, ordered: OrderedTransaction): Set<string> {
  const { config } = rangeOf(root.fabric.history.ranges, ordered.at.block)
  return new Set([...config.applicationMsps.keys()].map((mspId) => entityOf(root.identity, mspId).entity))
}

/** Distinct entities among endorsers, in their order. */
export function namesOf (endorsers: readonly Endorser[]): string[] {
  return [...new Set(endorsers.map(({ entity }) => entity))]
}

/** Entities other than the operator that endorsed both the anchor and the read-back. */
export function independentOf ({ endorsers, readers }: LedgerFacts): number {
  const independent = (list: readonly Endorser[]): Set<string> =>
    new Set(list.filter(({ operator }) => !operator).map(({ entity }) => entity))
  return Math.min(independent(endorsers).size, independent(readers).size)
}
