/**
 * One organization's part of a network whose organizations have a machine each: made there, with keys that never leave it, from the
 * description that all share and the certificates of the others.
 * @module
 */
import { createHash } from 'node:crypto'
import { join, resolve } from 'node:path'
import { parseCertificate } from '../../src/core/fabric/x509.js'
import { privateFolder, writePrivate } from '../embedded/files.js'
import { type Binaries, type Environment, findBinaries } from './binaries.js'
import { adminEnvironment, type BundleFacts, steps, stepsInChinese } from './bundle-steps.js'
import { type BundleFiles, environmentFile, serviceUnit, startFiles } from './bundle-files.js'
import { createPackage, ensureBuilder } from './chaincode-package.js'
import { type Consortium, type PortName, readConsortium } from './description.js'
import { NativeNetworkError } from './errors.js'
import { ensureGenesis, genesisHash } from './genesis.js'
import { ensureKeys, publicMaterial } from './keys.js'
import { type Layout, layoutOf } from './layout.js'
import { withLock } from './lock.js'
import { networkOf, nodeContext } from './network.js'
import type { Ports } from './ports.js'
import { writeProfiles } from './profiles.js'
import { allParts, publicPartFile, publish, takeParts } from './public-part.js'
import { type NetworkState, organization, type PlacedOrg, placedOrgs, readState, writeState } from './state.js'

/** What to make. */
export interface BundleOptions {
  /** The organization's folder on its own host; it is used where it was made. */
  readonly dir: string
  readonly org: string
  /** Path of the description that all organizations share; needed for the first time only. */
  readonly description: string
  /** Folder of the built chaincode. */
  readonly chaincode: string
  readonly env?: Environment
}

/** What was made. */
export interface BundleResult {
  /** The file to give to the others. */
  readonly publicPart: string
  /** Organizations whose part is not there yet; nothing but the public part is made until none is missing. */
  readonly missing: readonly string[]
  /** Folder of the bundle, once it is complete. */
  readonly folder?: string
  /** To be compared with the others. */
  readonly genesis?: string
  readonly packageId?: string
}

/** Those of Fabric's own configuration files; an organization has its host to itself. */
const USUAL_PORTS: Readonly<Record<PortName, number>> = {
  orderer: 7050,
  peer: 7051,
  peerChaincode: 7052,
  ordererAdmin: 7053,
  ca: 7054,
  chaincode: 7055,
  peerOperations: 9443,
  ordererOperations: 9444,
  caOperations: 9445
}

/** Where the release's packages put them, for a host on which they are not found. */
const USUAL_BINARIES: Binaries = {
  peer: '/usr/local/bin/peer',
  orderer: '/usr/local/bin/orderer',
  osnadmin: '/usr/local/bin/osnadmin',
  caServer: '/usr/local/bin/fabric-ca-server',
  config: '/etc/hyperledger/fabric'
}

/**
 * Makes an organization's keys on the first call, takes the public parts of the others that are there, and, when none is missing, makes all
 * that the organization needs. May be called again at any time: keys, genesis block and contract stay as they are.
 * @throws NativeNetworkError
 */
export async function makeBundle (options: BundleOptions): Promise<BundleResult> {
  const layout = layoutOf(options.dir)
  return await withLock(layout, async () => {
    const state = ensureSite(layout, options)
    const orgs = placedOrgs(state)
    const own = organization(orgs, options.org)
    await ensureKeys(layout.org(own.name).folder, own)
    publish(layout, own)
    const missing = takeParts(layout, own, orgs)
    const publicPart = publicPartFile(layout, own.name)
    return missing.length > 0 ? { publicPart, missing } : { publicPart, missing, ...complete(layout, state, own, options) }
  })
}

function ensureSite (layout: Layout, { org, description }: BundleOptions): NetworkState {
  const present = readState(layout)
  if (present !== undefined) {
    if (present.site === org) return present
    const whose = present.site === undefined ? 'a whole network' : `the part of ${present.site}`
    throw new NativeNetworkError({ code: 'FOLDER_DAMAGED', message: `${layout.folder} is ${whose}` })
  }
  const consortium = readConsortium(description)
  requireHosts(consortium)
  const ports = Object.fromEntries(consortium.organizations.map((one): [string, Ports] => [one.name, { ...USUAL_PORTS, ...one.ports }]))
  const state: NetworkState = { format: 1, consortium, ports, site: org }
  organization(placedOrgs(state), org)
  writeState(layout, state)
  return state
}

/** The channel's configuration names the hosts, so each must be one that the others can reach. */
function requireHosts ({ organizations }: Consortium): void {
  const local = organizations.find(({ host, listen }) => ['localhost', '127.0.0.1', '::1'].includes(host) || listen === '127.0.0.1')
  if (local === undefined) return
  const { name, host, listen } = local
  throw new NativeNetworkError({
    code: 'DESCRIPTION',
    message: `${name} needs a host that the others reach, and an address to listen on: it has host ${host}, listen ${listen}`
  })
}

type Completed = Required<Pick<BundleResult, 'folder' | 'genesis' | 'packageId'>>

function complete (layout: Layout, described: NetworkState, own: PlacedOrg, options: BundleOptions): Completed {
  const orgs = placedOrgs(described)
  ensureGenesis(layout, described, commonChoice(layout, orgs))
  ensureBuilder(layout)
  const { consortium } = described
  const chaincode = described.chaincode ?? createPackage(layout, { ...consortium.chaincode, sequence: 1, folder: resolve(options.chaincode) })
  const state: NetworkState = { ...described, chaincode }
  writeState(layout, state)
  writeProfiles(layout, state, own.name)
  const network = networkOf(binariesOf(options.env), layout, state, () => {})
  const folder = privateFolder(join(layout.folder, 'bundle'))
  const facts: BundleFacts = { network, own, folder, genesis: genesisHash(layout) }
  const files: BundleFiles = {
    ...startFiles(nodeContext(network, own), { dir: layout.folder, folder }),
    'admin.env': environmentFile(adminEnvironment(facts)),
    'README.md': steps(facts),
    'README.zh-CN.md': stepsInChinese(facts),
    ...(own.operator ? serviceFiles(layout, own, folder) : {})
  }
  for (const [name, content] of Object.entries(files)) writePrivate(join(folder, name), content)
  return { folder, genesis: facts.genesis, packageId: chaincode.packageId }
}

function serviceFiles (layout: Layout, own: PlacedOrg, folder: string): BundleFiles {
  return {
    'service.env': environmentFile({ STEELYARD_LEDGER: layout.profile(own.name), STEELYARD_DATA: join(layout.folder, 'service') }),
    'steelyard.service': serviceUnit(layout.folder, folder)
  }
}

/** What follows from the parts alone, so that everybody who has the same makes the same block. */
function commonChoice (layout: Layout, orgs: readonly PlacedOrg[]): { time: Date, nonce: Uint8Array } {
  const starts = orgs.map((org) => {
    const { orderer } = publicMaterial(layout.org(org.name).folder, org)
    return Date.parse(parseCertificate(Buffer.from(orderer.certificatePem)).notBefore)
  })
  const nonce = createHash('sha256').update(allParts(layout, orgs)).digest().subarray(0, 24)
  return { time: new Date(Math.max(...starts)), nonce: new Uint8Array(nonce) }
}

function binariesOf (env: Environment | undefined): Binaries {
  try {
    return findBinaries(env)
  } catch (error) {
    if (error instanceof NativeNetworkError && error.code === 'BINARIES') return USUAL_BINARIES
    throw error
  }
}
