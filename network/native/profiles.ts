/**
 * Writes what clients are given: a connection profile for each organization, and the facts that a trust bundle is made from.
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { privateFolder, writePrivate } from '../embedded/files.js'
import { connectionProfile, type NetworkFacts, type ProfileOrg } from '../shared/connection-profile.js'
import { genesisHash } from './genesis.js'
import { KIND, REGISTRAR } from './keys.js'
import type { Layout } from './layout.js'
import { caName } from './nodes.js'
import { founders, type NetworkState, type PlacedOrg, placedOrgs } from './state.js'

/** Writes the facts and all profiles, or that of one organization. */
export function writeProfiles (layout: Layout, state: NetworkState, only?: string): void {
  const { channel, chaincode } = state.consortium
  const placed = placedOrgs(state)
  const orgs = placed.map((org) => profileOrg(layout, org))
  privateFolder(layout.profiles)
  for (const own of orgs.filter(({ name }) => only === undefined || name === only)) {
    const profile = connectionProfile({ name: `${channel}-${own.name}`, channel, chaincode: chaincode.name, orgs, own })
    writePrivate(layout.profile(own.name), json(profile))
  }
  const facts: NetworkFacts = {
    kind: KIND,
    channel,
    genesis: genesisHash(layout),
    // who was there from the start: the identity that is pinned follows from it, and never changes
    organizations: founders(placed).map(({ name, mspId, ordererMspId, operator }) => ({ name, mspId, ordererMspId, operator })),
    chaincode: chaincode.name
  }
  writePrivate(layout.facts, json(facts))
}

function profileOrg (layout: Layout, org: PlacedOrg): ProfileOrg {
  const { folder, registrarSecret } = layout.org(org.name)
  return {
    ...org,
    hasOrderer: org.consenter !== undefined,
    tlsCaPem: readFileSync(join(folder, 'tls-ca', 'ca-cert.pem'), 'utf8'),
    ca: { name: caName(org), registrar: { id: REGISTRAR, secretFile: registrarSecret } }
  }
}

function json (value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
