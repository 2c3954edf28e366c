/**
 * Keys and certificates of one organization, in the folder form that Fabric's programs read. Made once, for each organization
 * separately: nothing here needs, or sees, another organization.
 * @module
 */
import { randomBytes } from 'node:crypto'
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { createKeyPair, createRoot, issueCertificate, type KeyedCertificate } from '../embedded/crypto/certificates.js'
import { serializeIdentity } from '../embedded/crypto/identity.js'
import { privateFolder, writePrivate } from '../embedded/files.js'
import type { ConsortiumOrg } from './description.js'
import { NativeNetworkError } from './errors.js'
import { orgLayout } from './layout.js'

/** Written into every certificate as a unit: a guard against taking another kind of network for this one. */
export const KIND = 'consortium'
/** The user of each CA that may register others. */
export const REGISTRAR = 'registrar'

const DAYS = 3650

/** What the others must know of an organization to put it into the channel's configuration. No secret. */
export interface PublicMaterial {
  readonly caPem: string
  readonly ordererCaPem: string
  readonly tlsCaPem: string
  readonly orderer: { readonly certificatePem: string, readonly serialized: Uint8Array }
  readonly tls: { readonly orderer: { readonly certPem: string } }
}

/** Makes the keys of an organization if it has none. A crash half-way leaves nothing that counts as made. */
export async function ensureKeys (folder: string, org: ConsortiumOrg): Promise<void> {
  if (existsSync(folder)) return
  const draft = `${folder}.new`
  rmSync(draft, { recursive: true, force: true })
  await createKeys(draft, org)
  renameSync(draft, folder)
}

/** An organization's certificate authorities. The orderers' is never the peers', or an orderer would be a member of the peers' MSP. */
export interface Roots {
  readonly ca: KeyedCertificate
  readonly ordererCa: KeyedCertificate
  readonly tlsCa: KeyedCertificate
}

async function createRoots (domain: string): Promise<Roots> {
  const [ca, ordererCa, tlsCa] = await Promise.all([
    createRoot(`ca.${domain}`, [KIND]), createRoot(`ca.orderer.${domain}`, [KIND]), createRoot(`tlsca.${domain}`, [KIND])
  ])
  return { ca, ordererCa, tlsCa }
}

/** Makes an organization's folder: below these roots, where it has some already, else below new ones. */
export async function createKeys (folder: string, org: ConsortiumOrg, roots?: Roots): Promise<void> {
  const { domain } = org
  const { ca, ordererCa, tlsCa } = roots ?? await createRoots(domain)
  const paths = orgLayout(privateFolder(folder))
  storePair(paths.ca, 'ca', ca)
  storePair(join(folder, 'orderer-ca'), 'ca', ordererCa)
  storePair(join(folder, 'tls-ca'), 'ca', tlsCa)
  writePrivate(paths.registrarSecret, randomBytes(18).toString('base64url'))
  await Promise.all([
    identity(paths.peer, ca, tlsCa, `peer0.${domain}`, 'peer'),
    identity(paths.admin, ca, tlsCa, `Admin@${domain}`, 'admin'),
    identity(paths.orderer, ordererCa, tlsCa, `orderer0.${domain}`, 'orderer'),
    identity(paths.ordererAdmin, ordererCa, tlsCa, `Admin@orderer.${domain}`, 'admin'),
    tlsFolder(paths.peer, tlsCa, hostsOf(org, `peer0.${domain}`)),
    tlsFolder(paths.orderer, tlsCa, hostsOf(org, `orderer0.${domain}`)),
    tlsFolder(paths.ca, tlsCa, hostsOf(org, `ca.${domain}`)),
    tlsFolder(paths.ordererAdmin, tlsCa, [`admin.${domain}`]),
    tlsFolder(paths.chaincode, tlsCa, hostsOf(org, `chaincode.${domain}`)),
    // the peer's key as a client of its chaincode, so that nobody else can drive that
    tlsFolder(join(paths.chaincode, 'client'), tlsCa, [`chaincode-client.${domain}`])
  ])
}

/** Makes a new certificate and TLS pair for an organization's orderer, below the roots that it has, in a folder of their own. */
export async function createOrdererKeys (folder: string, org: ConsortiumOrg, into: string): Promise<void> {
  const [ordererCa, tlsCa] = [readPair(join(folder, 'orderer-ca'), 'ca'), readPair(join(folder, 'tls-ca'), 'ca')]
  const name = `orderer0.${org.domain}`
  await Promise.all([identity(into, ordererCa, tlsCa, name, 'orderer'), tlsFolder(into, tlsCa, hostsOf(org, name))])
}

/** Makes a new root for an organization's peer, administrator and clients. */
export async function createClientRoot (domain: string, into: string): Promise<void> {
  storePair(into, 'ca', await createRoot(`ca.${domain}`, [KIND]))
}

/** Copies a root with its key from one folder into another. */
export function copyRoot (from: string, into: string): void {
  storePair(into, 'ca', readPair(from, 'ca'))
}

/** Makes new certificates for an organization's peer and administrator, below the root in `ca`. TLS keeps its own root. */
export async function createMemberKeys (
  folder: string, org: ConsortiumOrg, ca: string, into: { readonly peer: string, readonly admin: string }
): Promise<void> {
  const [root, tlsCa] = [readPair(ca, 'ca'), readPair(join(folder, 'tls-ca'), 'ca')]
  await Promise.all([
    identity(into.peer, root, tlsCa, `peer0.${org.domain}`, 'peer'),
    identity(into.admin, root, tlsCa, `Admin@${org.domain}`, 'admin')
  ])
}

function hostsOf (org: ConsortiumOrg, name: string): string[] {
  return [...new Set([name, 'localhost', '127.0.0.1', org.host, org.listen])]
}

async function leaf (root: KeyedCertificate, options: {
  commonName: string, units: readonly string[], hosts?: readonly string[], tls?: boolean
}): Promise<KeyedCertificate> {
  const { keyPem, publicKey } = await createKeyPair()
  const certPem = await issueCertificate(root, {
    commonName: options.commonName,
    organizationalUnits: options.units,
    publicKey,
    days: DAYS,
    ...(options.hosts === undefined ? {} : { hosts: options.hosts }),
    ...(options.tls === undefined ? {} : { tls: options.tls })
  })
  return { certPem, keyPem }
}

async function identity (
  folder: string, root: KeyedCertificate, tlsCa: KeyedCertificate, commonName: string, role: string
): Promise<void> {
  const { certPem, keyPem } = await leaf(root, { commonName, units: [role, KIND] })
  const msp = join(folder, 'msp')
  storePublicMsp(msp, root.certPem, tlsCa.certPem)
  writePrivate(join(privateFolder(join(msp, 'signcerts')), 'cert.pem'), certPem)
  writePrivate(join(privateFolder(join(msp, 'keystore')), 'key.pem'), keyPem)
}

function storePublicMsp (msp: string, caPem: string, tlsCaPem: string): void {
  writePrivate(join(privateFolder(join(msp, 'cacerts')), 'ca.pem'), caPem)
  writePrivate(join(privateFolder(join(msp, 'tlscacerts')), 'ca.pem'), tlsCaPem)
  writePrivate(join(msp, 'config.yaml'), nodeOus())
}

/** The config.yaml of an MSP folder: roles by organizational unit. */
export function nodeOus (): string {
  const units = ['client', 'peer', 'admin', 'orderer'].map((role) => {
    const title = role.charAt(0).toUpperCase() + role.slice(1)
    return `  ${title}OUIdentifier:\n    Certificate: cacerts/ca.pem\n    OrganizationalUnitIdentifier: ${role}\n`
  })
  return `NodeOUs:\n  Enable: true\n${units.join('')}`
}

async function tlsFolder (folder: string, tlsCa: KeyedCertificate, hosts: readonly string[]): Promise<void> {
  const { certPem, keyPem } = await leaf(tlsCa, { commonName: hosts[0] ?? '', units: [KIND], hosts, tls: true })
  const tls = privateFolder(join(folder, 'tls'))
  writePrivate(join(tls, 'server.crt'), certPem)
  writePrivate(join(tls, 'server.key'), keyPem)
  writePrivate(join(tls, 'ca.crt'), tlsCa.certPem)
}

function storePair (folder: string, name: string, pair: KeyedCertificate): void {
  privateFolder(folder)
  writePrivate(join(folder, `${name}-cert.pem`), pair.certPem)
  writePrivate(join(folder, `${name}-key.pem`), pair.keyPem)
}

function readPair (folder: string, name: string): KeyedCertificate {
  return { certPem: readFileSync(join(folder, `${name}-cert.pem`), 'utf8'), keyPem: readFileSync(join(folder, `${name}-key.pem`), 'utf8') }
}

/** Reads what an organization publishes about itself; its orderer's certificates are in the folder `orderer`, or where they are made anew. */
export function publicMaterial (folder: string, org: ConsortiumOrg, orderer = 'orderer'): PublicMaterial {
  const read = (...parts: string[]): string => readFileSync(join(folder, ...parts), 'utf8')
  try {
    const certificatePem = read(orderer, 'msp', 'signcerts', 'cert.pem')
    return {
      caPem: read('ca', 'ca-cert.pem'),
      ordererCaPem: read('orderer-ca', 'ca-cert.pem'),
      tlsCaPem: read('tls-ca', 'ca-cert.pem'),
      orderer: { certificatePem, serialized: serializeIdentity(org.ordererMspId, certificatePem) },
      tls: { orderer: { certPem: read(orderer, 'tls', 'server.crt') } }
    }
  } catch (cause) {
    throw new NativeNetworkError({ code: 'FOLDER_DAMAGED', message: `the certificates of ${org.name} cannot be read`, cause })
  }
}
