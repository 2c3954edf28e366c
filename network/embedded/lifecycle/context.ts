import { implicitCollection } from '../../../src/core/fabric/commit/definition-rules.js'
import { type Channel, lifecycleNamespace, type OrgNode, type PrivateState, type Simulator } from '../channel.js'
import type { PackageStore } from './package-store.js'
import type { WritableState } from './state.js'

/** What the lifecycle of one organization's peer works on. */
export interface LifecycleContext {
  readonly channel: Channel
  readonly org: OrgNode
  readonly simulator: Simulator
  readonly packages: PackageStore
}

/** The public state of the lifecycle. */
export function publicState ({ simulator }: LifecycleContext): WritableState {
  return {
    get: async (key) => await simulator.get(lifecycleNamespace, key),
    put: (key, value) => { simulator.put(lifecycleNamespace, key, value) }
  }
}

/** The organization's own collection. */
export function orgState ({ simulator, org }: LifecycleContext): PrivateState {
  return simulator.private(lifecycleNamespace, implicitCollection(org.mspId))
}

/** The collections of all organizations of the channel. */
export function allOrgStates ({ simulator, channel }: LifecycleContext): ReadonlyArray<PrivateState & { readonly mspId: string }> {
  return channel.config.organizations.map(({ mspId }) => ({ mspId, ...simulator.private(lifecycleNamespace, implicitCollection(mspId)) }))
}
