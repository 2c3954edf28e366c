/**
 * Keys and certificates of one organization. They are made once and then read from its folder; file names follow what Fabric's
 * own tools call these things.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { OrgNode, SigningIdentity, TlsPair } from '../channel.js'
import type { NetworkKind, OrgDescription } from '../description.js'
import { EmbeddedNetworkError } from '../errors.js'
import { privateFolder, writePrivate } from '../files.js'
import { createAuthority } from './authority.js'
import { createKeyPair, createRoot, issueCertificate, type KeyedCertificate, type LeafOptions } from './certificates.js'
import { signingIdentity } from './sign.js'

/** An organization with what only the ledger side needs. */
export interface Organization extends OrgNode {
  /** Root of the peer organization's MSP. */
  readonly caPem: string
  /** Root of the orderer organization's MSP: never the same key, so that no orderer is a member of the peers' MSP. */
  readonly ordererCaPem: string
}

const DAYS = 3650
const REGISTRAR = 'registrar'

/** Makes all keys of an organization and stores them in its folder. */
export async function createOrganization (folder: string, org: OrgDescription, kind: NetworkKind): Promise<void> {
  privateFolder(folder)
  const { domain } = org
  const [ca, ordererCa, tlsCa] = await Promise.all([
    createRoot(`ca.${domain}`, [kind]),
    createRoot(`ca.orderer.${domain}`, [kind]),
    createRoot(`tlsca.${domain}`, [kind])
  ])
  const tls = async (host: string): Promise<KeyedCertificate> =>
    await createLeaf(tlsCa, { commonName: host, organizationalUnits: [kind], hosts: ['localhost', '127.0.0.1', host], tls: true })
  const node = async (root: KeyedCertificate, commonName: string, role: string): Promise<KeyedCertificate> =>
    await createLeaf(root, { commonName, organizationalUnits: [role, kind] })
  const made = await Promise.all([
    node(ca, `peer0.${domain}`, 'peer'),
    node(ca, `Admin@${domain}`, 'admin'),
    node(ordererCa, `orderer0.${domain}`, 'orderer'),
    node(ordererCa, `Admin@orderer.${domain}`, 'admin'),
    tls(`peer0.${domain}`),
    tls(`orderer0.${domain}`),
    tls(`ca.${domain}`)
  ])
  const names = ['peer', 'admin', 'orderer', 'orderer-admin', 'peer-tls', 'orderer-tls', 'ca-tls'] as const
  for (const [i, pair] of made.entries()) store(folder, names[i] ?? '', pair)
  store(folder, 'ca', ca)
  store(folder, 'orderer-ca', ordererCa)
  store(folder, 'tls-ca', tlsCa)
  writePrivate(join(folder, 'registrar-secret'), randomBytes(18).toString('base64url'))
}

async function createLeaf (root: KeyedCertificate, options: Omit<LeafOptions, 'publicKey' | 'days'>): Promise<KeyedCertificate> {
  const { keyPem, publicKey } = await createKeyPair()
  return { certPem: await issueCertificate(root, { ...options, publicKey, days: DAYS }), keyPem }
}

/** Reads an organization's keys from its folder. */
export function loadOrganization (folder: string, org: OrgDescription, kind: NetworkKind, consenterId: number): Organization {
  try {
    return assemble(folder, org, kind, consenterId)
  } catch (cause) {
    throw new EmbeddedNetworkError({ code: 'FOLDER_DAMAGED', message: `the keys of ${org.name} cannot be read`, cause })
  }
}

function assemble (folder: string, org: OrgDescription, kind: NetworkKind, consenterId: number): Organization {
  const secretFile = join(folder, 'registrar-secret')
  const identity = (name: string): SigningIdentity => {
    const { certPem, keyPem } = load(folder, name)
    return signingIdentity(org.mspId, certPem, keyPem)
  }
  const root = load(folder, 'ca')
  return {
    name: org.name,
    mspId: org.mspId,
    ordererMspId: org.ordererMspId,
    domain: org.domain,
    consenterId,
    folder,
    peer: identity('peer'),
    admin: identity('admin'),
    orderer: ordererIdentity({ folder, ordererMspId: org.ordererMspId }),
    tls: { peer: load(folder, 'peer-tls'), orderer: load(folder, 'orderer-tls'), ca: load(folder, 'ca-tls') },
    tlsCaPem: load(folder, 'tls-ca').certPem,
    caPem: root.certPem,
    ordererCaPem: load(folder, 'orderer-ca').certPem,
    ca: createAuthority({
      name: `ca-${org.name}`,
      root,
      marker: kind,
      registrar: { id: REGISTRAR, secret: readFileSync(secretFile, 'utf8'), secretFile }
    }),
    ports: { ...org.ports },
    running: { peer: true, orderer: true, ca: true }
  }
}

/** An organization's orderer as its folder has it now. */
export function ordererIdentity ({ folder, ordererMspId }: Pick<OrgNode, 'folder' | 'ordererMspId'>): SigningIdentity {
  const { certPem, keyPem } = load(folder, 'orderer')
  return signingIdentity(ordererMspId, certPem, keyPem)
}

function store (folder: string, name: string, pair: KeyedCertificate): void {
  writePrivate(join(folder, `${name}-key.pem`), pair.keyPem)
  writePrivate(join(folder, `${name}-cert.pem`), pair.certPem)
}

function load (folder: string, name: string): TlsPair {
  return {
    certPem: readFileSync(join(folder, `${name}-cert.pem`), 'utf8'),
    keyPem: readFileSync(join(folder, `${name}-key.pem`), 'utf8')
  }
}
