import { toBase64url } from '../../core/bytes.js'
import type { OrganizationStanding } from '../ledger.js'
import type { PeerAnswer } from './client.js'
import { type FabricFailure, refusalIn } from './failure.js'

/** An organization that fails so often in a row is said to: one that is a block behind may refuse once or twice. */
const IN_A_ROW = 3

interface Record { failures: number, since: string, code: string, message: string }

/** How each organization last answered a proposal that was put to all. Owns that memory; decides nothing. */
export interface Standings {
  /** What an organization answered; `agreed` is what the majority did, if there was one. */
  note (organization: string, outcome: PeerAnswer | FabricFailure, agreed: Uint8Array | undefined): void
  readonly list: () => OrganizationStanding[]
}

export function createStandings (clock: () => number): Standings {
  const records = new Map<string, Record>()
  return {
    note (organization, outcome, agreed) {
      const fault = faultOf(outcome, agreed)
      const before = records.get(organization)
      const failures = fault === undefined ? 0 : (before?.failures ?? 0) + 1
      const since = before === undefined || failures <= 1 ? new Date(clock()).toISOString() : before.since
      records.set(organization, { failures, since, code: '', message: '', ...fault })
    },
    list: () => [...records].map(([mspId, { failures, since, code, message }]) => failures < IN_A_ROW
      ? { mspId, endorses: true }
      : { mspId, endorses: false, since, code, message })
  }
}

/** A refusal by the contract is a fault of one organization only where a majority saw it otherwise. */
function faultOf (outcome: PeerAnswer | FabricFailure, agreed: Uint8Array | undefined): { code: string, message: string } | undefined {
  if ('responsePayload' in outcome) {
    return agreed === undefined || toBase64url(outcome.responsePayload) === toBase64url(agreed)
      ? undefined
      : { code: 'DIFFERS', message: 'its answer differs from that of the majority' }
  }
  const { kind, message } = outcome
  if (kind === 'contract') return agreed === undefined ? undefined : { code: refusalIn(message) ?? 'REFUSED', message }
  return { code: kind === 'denied' ? 'DENIED' : 'UNREACHABLE', message }
}
