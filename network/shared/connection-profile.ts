/**
 * What both kinds of network give their clients: a connection profile for each organization, and the facts that a trust bundle
 * starts from.
 * @module
 */

/** Content of network-facts.json. */
export interface NetworkFacts {
  /** What kind of network it is; also in the units of its certificates. */
  readonly kind: 'embedded-single' | 'embedded-development' | 'consortium'
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

/** What a profile says of an organization. */
export interface ProfileOrg {
  readonly name: string
  readonly mspId: string
  readonly domain: string
  /** Under which clients reach its nodes, default `localhost`. */
  readonly host?: string
  readonly ports: { readonly peer: number, readonly orderer: number, readonly ca: number }
  readonly tlsCaPem: string
  /** Default true. */
  readonly hasOrderer?: boolean
  readonly ca: { readonly name: string, readonly registrar: { readonly id: string, readonly secretFile: string } }
}

/** Enough for a client with discovery and for one without. */
export function connectionProfile (options: {
  readonly name: string
  readonly channel: string
  readonly chaincode: string | undefined
  readonly orgs: readonly ProfileOrg[]
  /** Whose profile it is. */
  readonly own: ProfileOrg
}): unknown {
  const { name, channel, chaincode, orgs, own } = options
  const ordering = orgs.filter(({ hasOrderer = true }) => hasOrderer)
  const roles = { endorsingPeer: true, chaincodeQuery: true, ledgerQuery: true, eventSource: true }
  const extension: ProfileExtension = {
    mspId: own.mspId,
    channel,
    ...(chaincode === undefined ? {} : { chaincode }),
    caUrl: caUrl(own),
    caName: own.ca.name,
    caTlsPem: own.tlsCaPem,
    registrar: { id: own.ca.registrar.id, secretFile: own.ca.registrar.secretFile }
  }
  return {
    name,
    version: '1.0.0',
    client: { organization: own.name },
    organizations: byName(orgs, (org) => [org.name, {
      mspid: org.mspId, peers: [peerName(org)], certificateAuthorities: [org.ca.name]
    }]),
    peers: byName(orgs, (org) => [peerName(org), endpoint(org, org.ports.peer)]),
    orderers: byName(ordering, (org) => [ordererName(org), endpoint(org, org.ports.orderer)]),
    certificateAuthorities: byName(orgs, (org) => [org.ca.name, {
      url: caUrl(org), caName: org.ca.name, tlsCACerts: { pem: [org.tlsCaPem] }, httpOptions: { verify: true }
    }]),
    channels: { [channel]: { orderers: ordering.map(ordererName), peers: byName(orgs, (org) => [peerName(org), roles]) } },
    'x-steelyard': extension
  }
}

function byName (orgs: readonly ProfileOrg[], entry: (org: ProfileOrg) => [string, unknown]): Record<string, unknown> {
  return Object.fromEntries(orgs.map(entry))
}

function endpoint (org: ProfileOrg, port: number): unknown {
  return { url: `grpcs://${hostOf(org)}:${port}`, tlsCACerts: { pem: org.tlsCaPem } }
}

function caUrl (org: ProfileOrg): string {
  return `https://${hostOf(org)}:${org.ports.ca}`
}

function hostOf (org: ProfileOrg): string {
  return org.host ?? 'localhost'
}

function peerName (org: ProfileOrg): string {
  return `peer0.${org.domain}`
}

function ordererName (org: ProfileOrg): string {
  return `orderer0.${org.domain}`
}
