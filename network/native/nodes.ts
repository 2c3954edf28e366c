/**
 * How each node is started: Fabric's own programs with the release's own configuration files, everything that differs from them
 * given by environment variables.
 * @module
 */
import { createRequire } from 'node:module'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { privateFolder, writePrivate } from '../embedded/files.js'
import type { Binaries } from './binaries.js'
import { baseEnvironment } from './command.js'
import { NativeNetworkError } from './errors.js'
import { REGISTRAR } from './keys.js'
import { type OrgLayout, orgLayout } from './layout.js'
import type { Program } from './processes.js'
import type { PackageState, PlacedOrg } from './state.js'

/** What one organization runs. */
export type NodeKind = 'orderer' | 'peer' | 'ca' | 'chaincode'
export const NODE_KINDS: readonly NodeKind[] = ['orderer', 'peer', 'ca', 'chaincode']

/** What is needed to describe an organization's nodes. */
export interface NodeContext {
  readonly org: PlacedOrg
  /** The organization's folder. */
  readonly folder: string
  readonly binaries: Binaries
  /** Folder of the ccaas builder. */
  readonly builder: string
  /** The chaincode package in use; without one no chaincode process can be described. */
  readonly chaincode?: PackageState | undefined
}

/** Name of a node, e.g. `court.peer`. */
export function nodeName (org: string, kind: NodeKind): string {
  return `${org}.${kind}`
}

/** The program of a node. Writes the configuration file of a CA. */
export function nodeProgram (context: NodeContext, kind: NodeKind): Program {
  const builders = { orderer: ordererProgram, peer: peerProgram, ca: caProgram, chaincode: chaincodeProgram }
  return builders[kind](context)
}

function ordererProgram ({ org, folder, binaries }: NodeContext): Program {
  const { orderer } = orgLayout(folder)
  const tls = tlsFiles(orderer)
  const data = privateFolder(join(orderer, 'data'))
  return {
    name: nodeName(org.name, 'orderer'),
    command: binaries.orderer,
    args: [],
    cwd: data,
    env: {
      ...baseEnvironment(),
      FABRIC_CFG_PATH: binaries.config,
      FABRIC_LOGGING_SPEC: 'info',
      ORDERER_GENERAL_LISTENADDRESS: org.listen,
      ORDERER_GENERAL_LISTENPORT: String(org.ports.orderer),
      ORDERER_GENERAL_LOCALMSPID: org.ordererMspId,
      ORDERER_GENERAL_LOCALMSPDIR: join(orderer, 'msp'),
      ...prefixed('ORDERER_GENERAL_TLS_', { ENABLED: 'true', PRIVATEKEY: tls.key, CERTIFICATE: tls.cert, ROOTCAS: `[${tls.ca}]` }),
      // By Fabric's defaults (1 s, doubling to 2 min) a consenter that was away for a minute is not sent to for another, and a leader is
      // not found although enough of them run.
      ...prefixed('ORDERER_GENERAL_BACKOFF_', { BASEDELAY: '200ms', MULTIPLIER: '1.6', MAXDELAY: '2s' }),
      // the consenters' traffic shares the listener; each is known by the certificate in the consenter mapping
      ...prefixed('ORDERER_GENERAL_CLUSTER_', { CLIENTCERTIFICATE: tls.cert, CLIENTPRIVATEKEY: tls.key }),
      ORDERER_FILELEDGER_LOCATION: join(data, 'ledger'),
      ORDERER_CONSENSUS_WALDIR: join(data, 'wal'),
      ORDERER_CONSENSUS_SNAPDIR: join(data, 'snap'),
      ORDERER_CHANNELPARTICIPATION_ENABLED: 'true',
      ORDERER_ADMIN_LISTENADDRESS: `${org.listen}:${org.ports.ordererAdmin}`,
      ...prefixed('ORDERER_ADMIN_TLS_', {
        ENABLED: 'true', PRIVATEKEY: tls.key, CERTIFICATE: tls.cert, CLIENTAUTHREQUIRED: 'true', CLIENTROOTCAS: `[${tls.ca}]`
      }),
      ...operations('ORDERER', `${org.listen}:${org.ports.ordererOperations}`, orderer),
      ORDERER_METRICS_PROVIDER: 'prometheus'
    }
  }
}

function peerProgram ({ org, folder, binaries, builder }: NodeContext): Program {
  const { peer } = orgLayout(folder)
  const tls = tlsFiles(peer)
  const data = privateFolder(join(peer, 'data'))
  const address = `${org.host}:${org.ports.peer}`
  const chaincodeAddress = `${org.listen}:${org.ports.peerChaincode}`
  return {
    name: nodeName(org.name, 'peer'),
    command: binaries.peer,
    args: ['node', 'start'],
    cwd: data,
    env: {
      ...baseEnvironment(),
      FABRIC_CFG_PATH: binaries.config,
      FABRIC_LOGGING_SPEC: 'info',
      CORE_PEER_ID: `peer0.${org.domain}`,
      CORE_PEER_NETWORKID: 'steelyard',
      CORE_PEER_ADDRESS: address,
      CORE_PEER_LISTENADDRESS: `${org.listen}:${org.ports.peer}`,
      CORE_PEER_CHAINCODEADDRESS: chaincodeAddress,
      CORE_PEER_CHAINCODELISTENADDRESS: chaincodeAddress,
      CORE_PEER_LOCALMSPID: org.mspId,
      CORE_PEER_MSPCONFIGPATH: join(peer, 'msp'),
      CORE_PEER_FILESYSTEMPATH: data,
      CORE_LEDGER_SNAPSHOTS_ROOTDIR: join(data, 'snapshots'),
      ...prefixed('CORE_PEER_TLS_', { ENABLED: 'true', KEY_FILE: tls.key, CERT_FILE: tls.cert, ROOTCERT_FILE: tls.ca }),
      ...gossip(address),
      // a peer looks for a lost orderer at least this often; by default up to an hour goes by
      CORE_PEER_DELIVERYCLIENT_RECONNECTBACKOFFTHRESHOLD: '2s',
      ...operations('CORE', `${org.listen}:${org.ports.peerOperations}`, peer),
      CORE_METRICS_PROVIDER: 'prometheus',
      CORE_CHAINCODE_EXTERNALBUILDERS:
        `[{name: ccaas, path: ${JSON.stringify(builder)}, propagateEnvironment: [CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG]}]`,
      CHAINCODE_AS_A_SERVICE_BUILDER_CONFIG: JSON.stringify(chaincodeConnection(org, orgLayout(folder)))
    }
  }
}

/**
 * Every peer takes blocks from the orderers itself, so gossip only tells the peers of each other, which discovery needs. The
 * intervals are shorter than Fabric's: with those a fresh network needs 10 to 15 s before an endorsing majority is known.
 */
function gossip (address: string): Record<string, string> {
  return prefixed('CORE_PEER_GOSSIP_', {
    BOOTSTRAP: address,
    ENDPOINT: address,
    EXTERNALENDPOINT: address,
    USELEADERELECTION: 'false',
    ORGLEADER: 'true',
    PUBLISHSTATEINFOINTERVAL: '1s',
    REQUESTSTATEINFOINTERVAL: '1s',
    PULLINTERVAL: '1s',
    ALIVETIMEINTERVAL: '2s',
    RECONNECTINTERVAL: '3s',
    MEMBERSHIPTRACKERINTERVAL: '2s'
  })
}

/** Values for the placeholders of the package's connection.json: see chaincode-package.ts. */
function chaincodeConnection (org: PlacedOrg, paths: OrgLayout): Record<string, string> {
  const client = tlsFiles(join(paths.chaincode, 'client'))
  return {
    address: `${org.listen}:${org.ports.chaincode}`,
    root_cert: readFileSync(client.ca, 'utf8'),
    client_cert: readFileSync(client.cert, 'utf8'),
    client_key: readFileSync(client.key, 'utf8')
  }
}

function caProgram ({ org, folder, binaries }: NodeContext): Program {
  const { ca, registrarSecret } = orgLayout(folder)
  const data = privateFolder(join(ca, 'data'))
  const file = join(data, 'fabric-ca-server-config.yaml')
  writePrivate(file, caConfiguration(org, ca, readFileSync(registrarSecret, 'utf8')))
  return {
    name: nodeName(org.name, 'ca'),
    command: binaries.caServer,
    args: ['start', '--home', data],
    cwd: data,
    env: { ...baseEnvironment(), FABRIC_CA_SERVER_HOME: data }
  }
}

/** JSON is YAML: the server reads this file as its configuration. It works over the organization's own signing key. */
function caConfiguration (org: PlacedOrg, ca: string, secret: string): string {
  const tls = tlsFiles(ca)
  const usage = ['digital signature']
  return JSON.stringify({
    address: org.listen,
    port: org.ports.ca,
    ca: { name: caName(org), certfile: join(ca, 'ca-cert.pem'), keyfile: join(ca, 'ca-key.pem') },
    tls: { enabled: true, certfile: tls.cert, keyfile: tls.key },
    operations: { listenAddress: `${org.listen}:${org.ports.caOperations}`, tls: { enabled: false } },
    metrics: { provider: 'disabled' },
    crl: { expiry: '720h' },
    registry: {
      maxenrollments: -1,
      identities: [{
        name: REGISTRAR,
        pass: secret,
        type: 'client',
        affiliation: '',
        attrs: {
          'hf.Registrar.Roles': '*',
          'hf.Registrar.DelegateRoles': '*',
          'hf.Registrar.Attributes': '*',
          'hf.Revoker': true,
          'hf.GenCRL': true,
          'hf.IntermediateCA': false,
          'hf.AffiliationMgr': true
        }
      }]
    },
    db: { type: 'sqlite3', datasource: 'fabric-ca-server.db' },
    signing: { default: { usage, expiry: '8760h' } },
    csr: { cn: `ca.${org.domain}`, ca: { expiry: '131400h', pathlength: 0 } },
    cfg: { identities: { passwordattempts: 10 }, affiliations: { allowremove: false } }
  }, null, 2)
}

/** The name that Fabric CA clients give. */
export function caName (org: PlacedOrg): string {
  return `ca-${org.name}`
}

function chaincodeProgram ({ org, folder, chaincode }: NodeContext): Program {
  if (chaincode === undefined) throw new NativeNetworkError({ code: 'CHAINCODE', message: 'no chaincode package was made yet' })
  const tls = tlsFiles(orgLayout(folder).chaincode)
  return {
    name: nodeName(org.name, 'chaincode'),
    command: process.execPath,
    args: [
      chaincodeRunner(chaincode.folder), 'server',
      '--chaincode-address', `${org.listen}:${org.ports.chaincode}`,
      '--chaincode-id', chaincode.packageId,
      '--chaincode-tls-cert-file', tls.cert,
      '--chaincode-tls-key-file', tls.key,
      '--chaincode-tls-client-cacert-file', tls.ca
    ],
    cwd: chaincode.folder,
    env: baseEnvironment(),
    tag: chaincode.packageId // it answers to this package only
  }
}

/** The program of fabric-shim that the chaincode itself depends on. */
function chaincodeRunner (folder: string): string {
  try {
    return join(dirname(createRequire(join(folder, 'package.json')).resolve('fabric-shim/package.json')), 'cli.js')
  } catch (cause) {
    throw new NativeNetworkError({ code: 'CHAINCODE', message: `fabric-shim is not installed for the chaincode in ${folder}`, cause })
  }
}

/** Paths of a TLS folder. */
export function tlsFiles (folder: string): { readonly ca: string, readonly cert: string, readonly key: string } {
  const tls = join(folder, 'tls')
  return { ca: join(tls, 'ca.crt'), cert: join(tls, 'server.crt'), key: join(tls, 'server.key') }
}

/** Health and metrics, by TLS; metrics only for clients that the organization certified. */
function operations (program: 'CORE' | 'ORDERER', address: string, folder: string): Record<string, string> {
  const tls = tlsFiles(folder)
  const list = program === 'CORE' ? { CLIENTROOTCAS_FILES: tls.ca } : { CLIENTROOTCAS: `[${tls.ca}]` }
  const files = program === 'CORE' ? { CERT_FILE: tls.cert, KEY_FILE: tls.key } : { CERTIFICATE: tls.cert, PRIVATEKEY: tls.key }
  return prefixed(`${program}_OPERATIONS_`, {
    LISTENADDRESS: address,
    ...prefixed('TLS_', { ENABLED: 'true', ...files, ...list })
  })
}

function prefixed (prefix: string, values: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [`${prefix}${name}`, value]))
}
