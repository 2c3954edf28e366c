/**
 * What clients are given: a connection profile for each organization, and the facts that a trust bundle starts from.
 * @module
 */
import { join } from 'node:path'
import { toHex } from '../../src/core/bytes.js'
import { headerHash, parseBlock } from '../../src/core/fabric/block.js'
import { nodeCrypto } from '../../src/platform/node.js'
import type { Organization } from './crypto/organization.js'
import type { NetworkDescription, NetworkKind } from './description.js'
import { privateFolder, writePrivate } from './files.js'
import type { EmbeddedNetwork } from './network.js'

/** Content of network-facts.json. */
export interface NetworkFacts {
  readonly kind: NetworkKind
  readonly channel: string
  /** Hex of the header hash of block 0. */
  readonly genesis: string
  readonly organizations: ReadonlyArray<{
    readonly name: string
    readonly mspId: string
    readonly ordererMspId: string
    readonly operator: boolean
  }>
  readonly chaincode?: string
}

/** What the profile says beyond Fabric's own format: how to enroll, and what to call. */
export interface ProfileExtension {
  readonly mspId: string
  readonly channel: string
  readonly chaincode?: string
  readonly caUrl: string
  readonly caName: string
  readonly caTlsPem: string
  readonly registrar: { readonly id: string, readonly secretFile: string }
}

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
    writePrivate(profilePath(folder, org.name), json(connectionProfile(description, orgs, org, chaincode)))
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

/** Enough for a client with discovery and for one without. */
function connectionProfile (
  { channel }: NetworkDescription, orgs: readonly Organization[], own: Organization, chaincode: string | undefined
): unknown {
  const peers = orgs.map((org) => [peerName(org), endpoint(org.ports.peer, org.tlsCaPem)])
  const orderers = orgs.map((org) => [ordererName(org), endpoint(org.ports.orderer, org.tlsCaPem)])
  const roles = { endorsingPeer: true, chaincodeQuery: true, ledgerQuery: true, eventSource: true }
  const extension: ProfileExtension = {
    mspId: own.mspId,
    channel,
    ...(chaincode === undefined ? {} : { chaincode }),
    caUrl: `https://localhost:${own.ports.ca}`,
    caName: own.ca.name,
    caTlsPem: own.tlsCaPem,
    registrar: { id: own.ca.registrar.id, secretFile: own.ca.registrar.secretFile }
  }
  return {
    name: `embedded-${own.name}`,
    version: '1.0.0',
    client: { organization: own.name },
    organizations: Object.fromEntries(orgs.map((org) => [org.name, {
      mspid: org.mspId, peers: [peerName(org)], certificateAuthorities: [org.ca.name]
    }])),
    peers: Object.fromEntries(peers) as unknown,
    orderers: Object.fromEntries(orderers) as unknown,
    certificateAuthorities: Object.fromEntries(orgs.map((org) => [org.ca.name, {
      url: `https://localhost:${org.ports.ca}`, caName: org.ca.name, tlsCACerts: { pem: [org.tlsCaPem] }, httpOptions: { verify: true }
    }])),
    channels: {
      [channel]: {
        orderers: orgs.map(ordererName),
        peers: Object.fromEntries(orgs.map((org) => [peerName(org), roles]))
      }
    },
    'x-steelyard': extension
  }
}

function endpoint (port: number, pem: string): unknown {
  return { url: `grpcs://localhost:${port}`, tlsCACerts: { pem } }
}

function peerName (org: Organization): string {
  return `peer0.${org.domain}`
}

function ordererName (org: Organization): string {
  return `orderer0.${org.domain}`
}

function json (value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
