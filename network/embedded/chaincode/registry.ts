/**
 * Which chaincodes each organization's peer can call: those that are committed, that the organization approved, and whose package its
 * peer has, as Fabric's lifecycle has it.
 * @module
 */
import type { Channel, OrgNode } from '../channel.js'
import { type ChaincodeEndpoint, type ChaincodePackage, managedPackage } from '../lifecycle/package.js'
import { PackageStore } from '../lifecycle/package-store.js'
import { ChaincodeDriver } from './driver.js'
import type { Runnable } from './invocation.js'

/** A chaincode that this network runs itself, as a service. */
export interface ChaincodeService {
  readonly name: string
  /** Where its server listens now, host:port. */
  readonly address: () => string
}

/** The chaincodes of the network's peers. */
export interface Chaincodes {
  find (org: OrgNode, name: string): Promise<Runnable>
  /** Packages that the organization's peer has. */
  packages (org: OrgNode): PackageStore
  close (): void
}

/** Times in milliseconds. */
export interface ChaincodeTimeouts {
  readonly connectTimeout: number
  readonly executeTimeout: number
}

export function createChaincodes (channel: Channel, services: readonly ChaincodeService[], timeouts: ChaincodeTimeouts): Chaincodes {
  const managed = services.map((service) => ({ service, package: managedPackage(service.name) }))
  const stores = new Map(channel.orgs.map((org) => [org, new PackageStore(org.folder, managed.map((each) => each.package))]))
  const drivers = new Map<string, ChaincodeDriver>()

  function packages (org: OrgNode): PackageStore {
    const store = stores.get(org)
    if (store === undefined) throw new RangeError(`no organization ${org.name}`)
    return store
  }

  async function find (org: OrgNode, name: string): Promise<Runnable> {
    const definition = await channel.definition(name)
    if (definition === undefined) return { ok: false, reason: `chaincode ${name} not found` }
    const { approved, packageHash } = await channel.approval(name, org.mspId)
    if (!approved) {
      const which = `'${name}' at sequence ${definition.sequence} on channel '${channel.id}'`
      return { ok: false, reason: `chaincode definition for ${which} has not yet been approved by this org` }
    }
    const installed = packageHash === undefined ? undefined : packages(org).byHash(packageHash)
    if (installed === undefined) return { ok: false, reason: `chaincode definition for '${name}' exists, but chaincode is not installed` }
    return { ok: true, definition, runner: driver(org, name, installed) }
  }

  /** Lives on when the definition changes: what it executes then is superseded, not broken off. */
  function driver (org: OrgNode, name: string, installed: ChaincodePackage): ChaincodeDriver {
    const key = `${org.mspId}/${name}/${installed.packageId}`
    const existing = drivers.get(key)
    if (existing !== undefined) return existing
    const created = new ChaincodeDriver({
      ...timeouts, name, packageId: installed.packageId, endpoint: () => endpointOf(installed), callee: async (other) => await find(org, other)
    })
    drivers.set(key, created)
    return created
  }

  function endpointOf ({ packageId, endpoint }: ChaincodePackage): ChaincodeEndpoint {
    return endpoint ?? { address: managed.find((each) => each.package.packageId === packageId)?.service.address() ?? '' }
  }

  return {
    find,
    packages,
    close () {
      for (const each of drivers.values()) each.close()
      drivers.clear()
    }
  }
}
