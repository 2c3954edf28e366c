/**
 * Starting nodes and waiting until each answers.
 * @module
 */
import { connect } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { NativeNetworkError } from './errors.js'
import { nodeContext, type Network, type NodeRef } from './network.js'
import { nodeProgram } from './nodes.js'
import { caReport, type NodeReport, ordererReport, peerReport } from './operations.js'
import { isFree } from './ports.js'
import { logTail, runningProcess, startProcess, stopProcess } from './processes.js'

const POLL = 150
const START_TIMEOUT = 60_000
/** A process counts as gone when its first thread is; until its last is, its port is held. */
const PORT_TIMEOUT = 5000

/** Starts nodes that do not run, and returns their names once all of them answer. */
export async function startNodes (network: Network, nodes: readonly NodeRef[]): Promise<string[]> {
  const { layout } = network
  await Promise.all(nodes.map(async (node) => { await stopOutdated(network, node) }))
  const stopped = nodes.filter((node) => runningProcess(layout, node.name) === undefined)
  await Promise.all(stopped.map(checkPort))
  for (const node of stopped) startProcess(layout, nodeProgram(nodeContext(network, node.org), node.kind))
  await Promise.all(nodes.map(async (node) => { await untilHealthy(network, node) }))
  return stopped.map((node) => node.name)
}

/** A chaincode process serves one package: after an upgrade it must be another one. */
async function stopOutdated (network: Network, node: NodeRef): Promise<void> {
  if (node.kind !== 'chaincode') return
  const process = runningProcess(network.layout, node.name)
  if (process !== undefined && process.tag !== network.state.chaincode?.packageId) await stopProcess(network.layout, node.name)
}

async function checkPort (node: NodeRef): Promise<void> {
  const port = node.org.ports[node.kind]
  for (const deadline = Date.now() + PORT_TIMEOUT; !await isFree(node.org.listen, port);) {
    if (Date.now() > deadline) throw new NativeNetworkError({ code: 'PORT_TAKEN', message: `port ${port} of ${node.name} is used by another program` })
    await delay(POLL)
  }
}

async function untilHealthy (network: Network, node: NodeRef): Promise<void> {
  const deadline = Date.now() + START_TIMEOUT
  for (;;) {
    const { healthy } = await reportOf(network, node)
    if (healthy) return
    const dead = runningProcess(network.layout, node.name) === undefined
    if (dead || Date.now() > deadline) {
      const what = dead ? 'died' : `did not become healthy in ${START_TIMEOUT / 1000} s`
      throw new NativeNetworkError({ code: 'START_FAILED', message: `${node.name} ${what}:\n${logTail(network.layout, node.name)}` })
    }
    await delay(POLL)
  }
}

/** A node's own account of itself. It answers for its health before it listens to clients and administrators, so all are asked. */
export async function reportOf (network: Pick<Network, 'layout' | 'state'>, node: NodeRef): Promise<NodeReport> {
  const { listen, ports } = node.org
  const wanted = node.kind === 'orderer' ? [ports.orderer, ports.ordererAdmin] : [ports[node.kind]]
  const [report, ...open] = await Promise.all([ownReport(network, node), ...wanted.map(async (port) => await accepts(listen, port))])
  return { ...report, healthy: open.every(Boolean) && report.healthy }
}

async function ownReport ({ layout, state }: Pick<Network, 'layout' | 'state'>, { kind, org }: NodeRef): Promise<NodeReport> {
  const { channel } = state.consortium
  switch (kind) {
    case 'orderer': return await ordererReport(layout, org, channel)
    case 'peer': return await peerReport(layout, org, channel)
    case 'ca': return await caReport(layout, org)
    case 'chaincode': return { healthy: true }
  }
}

async function accepts (host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2000 })
    const done = (open: boolean): void => {
      socket.destroy()
      resolve(open)
    }
    socket.once('connect', () => { done(true) })
    socket.once('error', () => { done(false) })
    socket.once('timeout', () => { done(false) })
  })
}
