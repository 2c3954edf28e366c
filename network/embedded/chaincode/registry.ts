import type { OrgNode } from '../channel.js'
import { ChaincodeDriver } from './driver.js'

/** A chaincode that runs as a service. */
export interface ChaincodeService {
  readonly name: string
  /** Where its server listens now, host:port. */
  readonly address: () => string
}

/** The chaincodes that the network's peers can call: all of them, at every organization. */
export interface Chaincodes {
  readonly names: readonly string[]
  driver (org: OrgNode, name: string): ChaincodeDriver | undefined
  close (): void
}

/** Times in milliseconds. */
export interface ChaincodeTimeouts {
  readonly connectTimeout: number
  readonly executeTimeout: number
}

export function createChaincodes (services: readonly ChaincodeService[], timeouts: ChaincodeTimeouts): Chaincodes {
  const byName = new Map(services.map((service) => [service.name, service]))
  const drivers = new Map<string, ChaincodeDriver>()

  function driver (org: OrgNode, name: string): ChaincodeDriver | undefined {
    const service = byName.get(name)
    if (service === undefined) return undefined
    const key = `${org.mspId}/${name}`
    const existing = drivers.get(key)
    if (existing !== undefined) return existing
    const created = new ChaincodeDriver({ ...timeouts, ...service, callee: (other) => driver(org, other) })
    drivers.set(key, created)
    return created
  }

  return {
    names: [...byName.keys()],
    driver,
    close () {
      for (const each of drivers.values()) each.close()
      drivers.clear()
    }
  }
}
