/**
 * What a node says of itself: its health, and from its metrics the height of its ledger and, for an orderer, the leader.
 * @module
 */
import { readFileSync } from 'node:fs'
import { request } from 'node:https'
import type { Layout } from './layout.js'
import { tlsFiles } from './nodes.js'
import type { PlacedOrg } from './state.js'

/** A node's own account. */
export interface NodeReport {
  readonly healthy: boolean
  readonly height?: number
  /** Consenter number of the leader that an orderer follows. */
  readonly leader?: number
}

interface Answer {
  readonly status: number
  readonly body: string
}

const TIMEOUT = 3000

/** Asks an orderer. */
export async function ordererReport (layout: Layout, org: PlacedOrg, channel: string): Promise<NodeReport> {
  const metrics = await operationsGet(layout, org, org.ports.ordererOperations, '/metrics')
  const committed = metric(metrics, 'consensus_BFT_committed_block_number', channel)
  const leader = metric(metrics, 'consensus_BFT_leader_id', channel)
  return {
    healthy: await isHealthy(layout, org, org.ports.ordererOperations),
    ...(committed === undefined ? {} : { height: committed + 1 }),
    ...(leader === undefined || leader === 0 ? {} : { leader })
  }
}

/** Asks a peer. */
export async function peerReport (layout: Layout, org: PlacedOrg, channel: string): Promise<NodeReport> {
  const metrics = await operationsGet(layout, org, org.ports.peerOperations, '/metrics')
  const height = metric(metrics, 'ledger_blockchain_height', channel)
  return {
    healthy: await isHealthy(layout, org, org.ports.peerOperations),
    ...(height === undefined ? {} : { height })
  }
}

/** Asks a certificate authority. */
export async function caReport (layout: Layout, org: PlacedOrg): Promise<NodeReport> {
  const answer = await get(layout, org, org.ports.ca, '/cainfo').catch(() => undefined)
  return { healthy: answer?.status === 200 }
}

async function isHealthy (layout: Layout, org: PlacedOrg, port: number): Promise<boolean> {
  const answer = await get(layout, org, port, '/healthz').catch(() => undefined)
  return answer !== undefined && (answer.status === 200 || onlyDockerFails(answer.body))
}

/** The release's configuration names a Docker endpoint, which a peer then checks; chaincodes here need none. */
function onlyDockerFails (body: string): boolean {
  try {
    const { failed_checks: failed = [] } = JSON.parse(body) as { failed_checks?: Array<{ component?: string }> }
    return failed.length > 0 && failed.every(({ component }) => component === 'docker')
  } catch {
    return false
  }
}

async function operationsGet (layout: Layout, org: PlacedOrg, port: number, path: string): Promise<string> {
  const answer = await get(layout, org, port, path).catch(() => undefined)
  return answer?.status === 200 ? answer.body : ''
}

/** The value of a metric of this channel. */
export function metric (metrics: string, name: string, channel: string): number | undefined {
  const line = metrics.split('\n').find((text) => text.startsWith(`${name}{`) && text.includes(`channel="${channel}"`))
  const value = Number(line?.slice(line.lastIndexOf(' ') + 1))
  return line === undefined || Number.isNaN(value) ? undefined : value
}

async function get (layout: Layout, org: PlacedOrg, port: number, path: string): Promise<Answer> {
  const tls = tlsFiles(layout.org(org.name).ordererAdmin)
  const options = {
    host: org.listen,
    port,
    path,
    timeout: TIMEOUT,
    agent: false as const,
    ca: readFileSync(tls.ca),
    cert: readFileSync(tls.cert),
    key: readFileSync(tls.key)
  }
  return await new Promise((resolve, reject) => {
    const call = request(options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk))
      response.on('end', () => { resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks).toString() }) })
      response.on('error', reject)
    })
    call.on('timeout', () => { call.destroy(new Error('the node did not answer')) })
    call.on('error', reject)
    call.end()
  })
}
