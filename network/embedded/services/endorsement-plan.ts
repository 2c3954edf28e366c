import type { peer } from '@hyperledger/fabric-protos'
import type { OrgNode } from '../channel.js'
import { endpoint } from './discovery-peers.js'
import type { PeerAnswer } from './gateway-peers.js'
import type { NodeFailure } from './rpc.js'

/** A transaction that enough peers endorsed, all with the same result. */
export interface Endorsed {
  readonly payload: Uint8Array
  readonly endorsements: readonly peer.Endorsement[]
}

/**
 * Collects endorsements until one layout (a set of organizations that satisfies the policy) is complete. A peer that fails rules
 * out the layouts with its organization; the first result is the one that the others must equal.
 */
export class EndorsementPlan {
  readonly failures: NodeFailure[] = []
  readonly #layouts: readonly (readonly string[])[]
  readonly #endorsements = new Map<string, peer.Endorsement>()
  readonly #failed = new Set<string>()
  #payload: Uint8Array | undefined

  /** `layouts` in the order of preference. */
  constructor (layouts: readonly (readonly string[])[]) {
    this.#layouts = layouts
  }

  /** Organizations to ask next: what the best remaining layout lacks. Empty when none remains or one is complete. */
  missing (): string[] {
    const layout = this.#layouts.find((mspIds) => mspIds.every((mspId) => !this.#failed.has(mspId)))
    return layout?.filter((mspId) => !this.#endorsements.has(mspId)) ?? []
  }

  add (org: OrgNode, answer: PeerAnswer): void {
    if (answer.ok) this.#addResponse(org, answer.response)
    else this.#fail(org, answer.failure)
  }

  result (): Endorsed | undefined {
    const layout = this.#layouts.find((mspIds) => mspIds.every((mspId) => this.#endorsements.has(mspId)))
    if (layout === undefined || this.#payload === undefined) return undefined
    return { payload: this.#payload, endorsements: layout.flatMap((mspId) => this.#endorsements.get(mspId) ?? []) }
  }

  #addResponse (org: OrgNode, response: peer.ProposalResponse): void {
    const payload = response.getPayload_asU8()
    this.#payload ??= payload
    const endorsement = response.getEndorsement()
    if (endorsement !== undefined && Buffer.compare(this.#payload, payload) === 0) {
      this.#endorsements.set(org.mspId, endorsement)
    } else {
      this.#fail(org, { address: endpoint(org, 'peer'), mspId: org.mspId, message: 'ProposalResponsePayloads do not match' })
    }
  }

  #fail (org: OrgNode, failure: NodeFailure): void {
    this.#failed.add(org.mspId)
    this.failures.push(failure)
  }
}
