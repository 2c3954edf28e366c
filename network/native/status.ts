import { layoutOf } from './layout.js'
import { nodesOf } from './network.js'
import type { NodeKind } from './nodes.js'
import { runningProcess } from './processes.js'
import { reportOf } from './run-nodes.js'
import { type NetworkState, placedOrgs, requireState } from './state.js'

/** What is known of one node. */
export interface NodeStatus {
  readonly name: string
  readonly organization: string
  readonly kind: NodeKind
  readonly address: string
  readonly running: boolean
  readonly healthy: boolean
  readonly pid?: number
  /** Number of blocks it has. */
  readonly height?: number
}

/** What is known of a network. */
export interface NativeStatus {
  readonly channel: string
  /** Greatest number of blocks that a peer has. */
  readonly height: number
  /** The orderer that most orderers follow, e.g. `court.orderer`. */
  readonly leader?: string
  readonly chaincode?: { readonly name: string, readonly version: string, readonly sequence: number, readonly packageId: string }
  readonly nodes: readonly NodeStatus[]
}

/** Asks every node of a network for its health, height and leader. */
export async function networkStatus (dir: string): Promise<NativeStatus> {
  const layout = layoutOf(dir)
  const state = requireState(layout)
  const orgs = placedOrgs(state)
  const reports = await Promise.all(nodesOf(state, orgs).map(async (node) => {
    const process = runningProcess(layout, node.name)
    const report = process === undefined ? { healthy: false } : await reportOf({ layout, state }, node)
    return { node, process, report }
  }))
  const leader = mostFrequent(reports.flatMap(({ report }) => report.leader ?? []))
  const leaderOrg = orgs.find(({ consenter }) => consenter !== undefined && consenter === leader)
  return {
    channel: state.consortium.channel,
    height: Math.max(0, ...reports.map(({ node, report }) => node.kind === 'peer' ? report.height ?? 0 : 0)),
    ...(leaderOrg === undefined ? {} : { leader: `${leaderOrg.name}.orderer` }),
    ...chaincodeOf(state),
    nodes: reports.map(({ node, process, report }) => ({
      name: node.name,
      organization: node.org.name,
      kind: node.kind,
      address: `${node.org.host}:${node.org.ports[node.kind]}`,
      running: process !== undefined,
      healthy: report.healthy,
      ...(process === undefined ? {} : { pid: process.pid }),
      ...(report.height === undefined ? {} : { height: report.height })
    }))
  }
}

function chaincodeOf (state: NetworkState): Pick<NativeStatus, 'chaincode'> {
  if (state.chaincode === undefined) return {}
  const { version, sequence, packageId } = state.chaincode
  return { chaincode: { name: state.consortium.chaincode.name, version, sequence, packageId } }
}

function mostFrequent (values: readonly number[]): number | undefined {
  const count = (value: number): number => values.filter((other) => other === value).length
  return [...new Set(values)].sort((a, b) => count(b) - count(a))[0]
}
