/**
 * Writes what clients are given (see shared/connection-profile.ts).
 * @module
 */
import { join } from 'node:path'
import { toHex } from '../../src/core/bytes.js'
import { headerHash, parseBlock } from '../../src/core/fabric/block.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { connectionProfile, type NetworkFacts } from '../shared/connection-profile.js'
import type { NetworkDescription } from './description.js'
import { privateFolder, writePrivate } from './files.js'
import type { EmbeddedNetwork } from './network.js'

const PROFILES = 'profiles'
const FACTS = 'network-facts.json'

/** Path of an organization's connection profile. */
export function profilePath (folder: string, org: string): string {
  return join(folder, PROFILES, `${org}.json`)
}

/** Writes all profiles and the facts; call again when ports changed. */
export async function writeProfiles (network: EmbeddedNetwork, chaincode: string | undefined): Promise<void> {
  const { folder, orgs, description } = network
  privateFolder(join(folder, PROFILES))
  for (const org of orgs) {
    const profile = connectionProfile({ name: `embedded-${org.name}`, channel: description.channel, chaincode, orgs, own: org })
    writePrivate(profilePath(folder, org.name), json(profile))
  }
  const genesis = await network.ledger.block(0)
  if (genesis === undefined) throw new RangeError('a ledger without block 0')
  writePrivate(join(folder, FACTS), json(facts(description, genesis, chaincode)))
}

function facts (description: NetworkDescription, genesis: Uint8Array, chaincode: string | undefined): NetworkFacts {
  return {
    kind: description.kind,
    channel: description.channel,
    genesis: toHex(headerHash(nodeCrypto, parseBlock(genesis).header)),
    organizations: description.organizations.map(({ name, mspId, ordererMspId }) => ({
      name, mspId, ordererMspId, operator: name === description.operator
    })),
    ...(chaincode === undefined ? {} : { chaincode })
  }
}

function json (value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
