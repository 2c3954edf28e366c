/**
 * An official peer that joins the channel of an embedded network as one more peer of one of its organizations.
 */
import { createPrivateKey } from 'node:crypto'
import { cpSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import type { common } from '@hyperledger/fabric-protos'
import { connect, signers, type Gateway } from '@hyperledger/fabric-gateway'
import type { Test } from 'tap'
import type { Organization } from '../../network/embedded/crypto/organization.js'
import { joinPeer } from '../../network/native/administration.js'
import type { Binaries } from '../../network/native/binaries.js'
import { parseConsortium } from '../../network/native/description.js'
import { createKeys } from '../../network/native/keys.js'
import { layoutOf } from '../../network/native/layout.js'
import { networkOf } from '../../network/native/network.js'
import { startNodes } from '../../network/native/run-nodes.js'
import { stopProcess } from '../../network/native/processes.js'
import { ensureState, type NetworkState } from '../../network/native/state.js'

/** A running official peer. */
export interface ForeignPeer {
  readonly gateway: Gateway
  /** What it printed. */
  log (): string
}

/** Starts a peer that belongs to `org`, joins it by the genesis block, and lets the test stop it. */
export async function startForeignPeer (t: Test, options: {
  readonly binaries: Binaries, readonly folder: string, readonly org: Organization, readonly channel: string, readonly genesis: Uint8Array
}): Promise<ForeignPeer> {
  const { folder, org, channel, genesis } = options
  const binaries = impatient(options.binaries, folder)
  const layout = layoutOf(folder)
  const state: NetworkState = await ensureState(layout, () => parseConsortium(JSON.stringify({
    format: 1, channel, chaincode: { name: 'counter', version: '1.0' }, organizations: [{ name: org.name, domain: org.domain }]
  })))
  const network = networkOf(binaries, layout, state, () => {})
  const [placed] = network.orgs
  if (placed === undefined) throw new Error('no organization')
  const pair = (name: string): { certPem: string, keyPem: string } => ({
    certPem: readFileSync(join(org.folder, `${name}-cert.pem`), 'utf8'), keyPem: readFileSync(join(org.folder, `${name}-key.pem`), 'utf8')
  })
  await createKeys(layout.org(org.name).folder, placed, { ca: pair('ca'), ordererCa: pair('orderer-ca'), tlsCa: pair('tls-ca') })
  writeFileSync(join(folder, 'genesis.block'), genesis)
  const name = `${org.name}.peer`
  t.teardown(async () => { await stopProcess(layout, name, { kill: true }) })
  await startNodes(network, [{ name, kind: 'peer', org: placed }])
  await joinPeer({ binaries, layout: { ...layout, genesis: join(folder, 'genesis.block') } }, placed)
  return {
    gateway: adminGateway(t, org, placed.ports.peer),
    log: () => readFileSync(layout.log(name), 'utf8')
  }
}

/**
 * Configuration files by which a peer commits a block at once although nobody gives it private data of its organization: an
 * embedded network tells nobody. It would wait for a minute.
 */
function impatient (binaries: Binaries, folder: string): Binaries {
  const config = join(folder, 'config')
  cpSync(binaries.config, config, { recursive: true })
  const file = join(config, 'core.yaml')
  writeFileSync(file, readFileSync(file, 'utf8').replace(/pullRetryThreshold: \S+/, 'pullRetryThreshold: 1ms'))
  return { ...binaries, config }
}

/** fabric-gateway as an organization's admin, to any peer of it. */
export function adminGateway (t: Test, org: Organization, port: number): Gateway {
  const client = new grpc.Client(`localhost:${port}`, grpc.credentials.createSsl(Buffer.from(org.tlsCaPem)))
  const key = createPrivateKey(readFileSync(join(org.folder, 'admin-key.pem')))
  const identity = { mspId: org.mspId, credentials: Buffer.from(org.admin.certificatePem) }
  const gateway = connect({ client, identity, signer: signers.newPrivateKeySigner(key) })
  t.teardown(() => {
    gateway.close()
    client.close()
  })
  return gateway
}

/** Blocks 0 to `height` - 1 as a peer delivers them; waits for those that it does not have yet. */
export async function blocksOf (gateway: Gateway, channel: string, height: number): Promise<common.Block[]> {
  const events = await gateway.getNetwork(channel).getBlockEvents({ startBlock: 0n })
  const blocks: common.Block[] = []
  try {
    for await (const block of events) {
      blocks.push(block)
      if (blocks.length === height) break
    }
  } finally {
    events.close()
  }
  return blocks
}
