/**
 * What clients are given: a connection profile for each organization, and the facts that a trust bundle is made from.
 * @module
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { privateFolder, writePrivate } from '../embedded/files.js'
import { genesisHash } from './genesis.js'
import { KIND, REGISTRAR } from './keys.js'
import type { Layout } from './layout.js'
import { caName } from './nodes.js'
import { type NetworkState, type PlacedOrg, placedOrgs } from './state.js'

/** Writes all profiles and the facts. */
export function writeProfiles (layout: Layout, state: NetworkState): void {
  const orgs = placedOrgs(state)
  privateFolder(layout.profiles)
  for (const org of orgs) writePrivate(layout.profile(org.name), json(connectionProfile(layout, state, org, orgs)))
  writePrivate(layout.facts, json({
    kind: KIND,
    channel: state.consortium.channel,
    genesis: genesisHash(layout),
    organizations: orgs.map(({ name, mspId, ordererMspId, operator }) => ({ name, mspId, ordererMspId, operator })),
    chaincode: state.consortium.chaincode.name
  }))
}

function connectionProfile (
  layout: Layout, state: NetworkState, own: PlacedOrg, orgs: readonly PlacedOrg[]
): Record<string, unknown> {
  const { channel, chaincode } = state.consortium
  const tlsCaCerts = (org: PlacedOrg): { pem: string } => ({ pem: tlsRoot(layout, org) })
  const caUrl = `https://${own.host}:${own.ports.ca}`
  return {
    name: `${channel}-${own.name}`,
    version: '1.0.0',
    client: { organization: own.mspId },
    organizations: byName(orgs, (org) => [org.mspId, {
      mspid: org.mspId,
      peers: [peerName(org)],
      ...(org === own ? { certificateAuthorities: [caName(org)] } : {})
    }]),
    peers: byName(orgs, (org) => [peerName(org), { url: `grpcs://${org.host}:${org.ports.peer}`, tlsCACerts: tlsCaCerts(org) }]),
    orderers: byName(orgs, (org) => [
      ordererName(org), { url: `grpcs://${org.host}:${org.ports.orderer}`, tlsCACerts: tlsCaCerts(org) }
    ]),
    channels: {
      [channel]: {
        orderers: orgs.map(ordererName),
        peers: byName(orgs, (org) => [peerName(org), {
          endorsingPeer: true, chaincodeQuery: true, ledgerQuery: true, eventSource: true
        }])
      }
    },
    certificateAuthorities: {
      [caName(own)]: { url: caUrl, caName: caName(own), tlsCACerts: { pem: [tlsRoot(layout, own)] } }
    },
    'x-steelyard': {
      caUrl,
      caName: caName(own),
      caTlsPem: tlsRoot(layout, own),
      registrar: { id: REGISTRAR, secretFile: layout.org(own.name).registrarSecret },
      mspId: own.mspId,
      channel,
      chaincode: chaincode.name
    }
  }
}

function byName<T> (orgs: readonly PlacedOrg[], entry: (org: PlacedOrg) => [string, T]): Record<string, T> {
  return Object.fromEntries(orgs.map(entry))
}

function peerName (org: PlacedOrg): string {
  return `peer0.${org.domain}`
}

function ordererName (org: PlacedOrg): string {
  return `orderer0.${org.domain}`
}

function tlsRoot (layout: Layout, org: PlacedOrg): string {
  return readFileSync(join(layout.org(org.name).folder, 'tls-ca', 'ca-cert.pem'), 'utf8')
}

function json (value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`
}
