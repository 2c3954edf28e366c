/**
 * An embedded network in a test's folder with the counter fixture as its chaincode: real sockets, real clients, one process for
 * the network (this one) and one for the chaincode.
 */
import { spawn, type ChildProcess } from 'node:child_process'
import { createPrivateKey } from 'node:crypto'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import { connect, signers, type Gateway as PeerGateway } from '@hyperledger/fabric-gateway'
import { Gateway, Wallets, type GatewayOptions, type Identity } from 'fabric-network'
import type { Test } from 'tap'
import type { Organization } from '../../network/embedded/crypto/organization.js'
import { freePorts } from '../../network/embedded/free-ports.js'
import { openNetwork, type EmbeddedNetwork } from '../../network/embedded/network.js'
import { startServices, type Services, type ServicesOptions } from '../../network/embedded/services/start.js'

const fixture = 'test/ledger/chaincode-fixture'
/** Two definitions over the same code, for calls from one to the other. */
const names = ['counter', 'second']

/** A running chaincode server that can be killed and started again on its port. */
export interface ChaincodeProcess {
  readonly address: string
  kill (): Promise<void>
  start (): Promise<void>
}

export interface CounterNetwork {
  readonly network: EmbeddedNetwork
  readonly services: Services
  readonly chaincode: ChaincodeProcess
  org (name: string): Organization
  /** Connection profile of an organization for fabric-network. */
  profile (name: string): Record<string, unknown>
  /** fabric-network, as the organization's admin; with discovery, on localhost. */
  gateway (name: string, options?: Partial<GatewayOptions>): Promise<Gateway>
  /** fabric-gateway, as the organization's admin. */
  peerGateway (name: string): PeerGateway
}

/** Starts a network of `orgs` organizations; everything stops with the test. */
export async function counterNetwork (t: Test, orgs: number, timeouts: NonNullable<ServicesOptions['timeouts']> = {}): Promise<CounterNetwork> {
  const folder = join(t.testdir(), 'network')
  const process = await chaincodeProcess(t)
  const network = await openNetwork({ folder, orgs, onFailure: (error) => { t.error(error) } })
  const services = await startServices(network.ledger, {
    chaincodes: names.map((name) => ({ name, address: () => process.address })), timeouts
  })
  t.teardown(async () => {
    await services.close()
    await network.close()
  })
  for (const name of names) await network.define({ name, version: '1.0', folder: fixture } as Parameters<EmbeddedNetwork['define']>[0])
  const org = (name: string): Organization => {
    const found = network.orgs.find((candidate) => candidate.name === name)
    if (found === undefined) throw new Error(`no organization ${name}`)
    return found
  }
  return {
    network,
    services,
    chaincode: process,
    org,
    profile: (name) => connectionProfile(network, org(name)),
    gateway: async (name, options) => await fabricNetwork(t, connectionProfile(network, org(name)), org(name), options),
    peerGateway: (name) => fabricGateway(t, org(name))
  }
}

/** The organization's admin as fabric-network's wallets keep identities. */
export function adminIdentity ({ mspId, admin, folder }: Organization): Identity {
  const privateKey = readFileSync(join(folder, 'admin-key.pem'), 'utf8')
  return { type: 'X.509', mspId, credentials: { certificate: admin.certificatePem, privateKey } } as Identity
}

async function fabricNetwork (t: Test, profile: Record<string, unknown>, org: Organization, options: Partial<GatewayOptions> = {}): Promise<Gateway> {
  const wallet = await Wallets.newInMemoryWallet()
  await wallet.put('admin', adminIdentity(org))
  const gateway = new Gateway()
  t.teardown(() => { gateway.disconnect() })
  await gateway.connect(profile, { wallet, identity: 'admin', discovery: { enabled: true, asLocalhost: true }, ...options })
  return gateway
}

function fabricGateway (t: Test, org: Organization): PeerGateway {
  const client = new grpc.Client(`localhost:${org.ports.peer}`, grpc.credentials.createSsl(Buffer.from(org.tlsCaPem)))
  const key = createPrivateKey(readFileSync(join(org.folder, 'admin-key.pem')))
  const identity = { mspId: org.mspId, credentials: Buffer.from(org.admin.certificatePem) }
  const gateway = connect({ client, identity, signer: signers.newPrivateKeySigner(key) })
  t.teardown(() => { gateway.close(); client.close() })
  return gateway
}

function connectionProfile ({ orgs, ledger }: EmbeddedNetwork, own: Organization): Record<string, unknown> {
  const entries = <T>(value: (org: Organization) => T): Record<string, T> => Object.fromEntries(orgs.map((org) => [`peer0.${org.domain}`, value(org)]))
  const orderers = Object.fromEntries(orgs.map((org) => [`orderer0.${org.domain}`, {
    url: `grpcs://localhost:${org.ports.orderer}`, tlsCACerts: { pem: org.tlsCaPem }
  }]))
  return {
    name: 'counter',
    version: '1.0',
    client: { organization: own.name },
    organizations: Object.fromEntries(orgs.map((org) => [org.name, { mspid: org.mspId, peers: [`peer0.${org.domain}`] }])),
    peers: entries((org) => ({ url: `grpcs://localhost:${org.ports.peer}`, tlsCACerts: { pem: org.tlsCaPem } })),
    orderers,
    channels: { [ledger.id]: { peers: entries(() => ({})), orderers: Object.keys(orderers) } }
  }
}

async function chaincodeProcess (t: Test): Promise<ChaincodeProcess> {
  const [port = 0] = await freePorts(1)
  const address = `127.0.0.1:${port}`
  let child: ChildProcess | undefined
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGKILL')
    await exited
  }
  const start = async (): Promise<void> => {
    await kill()
    child = spawn(process.execPath, [
      'node_modules/fabric-shim/cli.js', 'server', '--chaincode-address', address, '--chaincode-id', 'counter:1.0', '--module-path', fixture
    ], { stdio: 'ignore' })
    await accepting(port)
  }
  t.teardown(kill)
  await start()
  return { address, kill, start }
}

async function accepting (port: number): Promise<void> {
  for (;;) {
    const socket = createConnection(port, '127.0.0.1')
    try {
      await once(socket, 'connect')
      return
    } catch {
      await new Promise((resolve) => { setTimeout(resolve, 20) })
    } finally {
      socket.destroy()
    }
  }
}
