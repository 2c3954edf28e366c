/**
 * The network's listeners: for each organization a peer, an orderer (gRPC) and a CA (HTTPS), each with a socket of its own so
 * that it can go down by itself. They own sockets and streams only; blocks, state and keys belong to the channel.
 */
import { startCa } from '../ca/server.js'
import { createChaincodes, type ChaincodeService } from '../chaincode/registry.js'
import type { Channel, OrgNode } from '../channel.js'
import { createCommitWaiter } from './commit-status.js'
import type { Log, ServiceContext } from './context.js'
import { createEndorser } from './endorser.js'
import { listenGrpc, type Listener } from './grpc-server.js'
import { ordererServices, peerServices } from './peer-services.js'

export type NodeKind = 'peer' | 'orderer' | 'ca'

const kinds: readonly NodeKind[] = ['peer', 'orderer', 'ca']

/** What to serve. Times in milliseconds. */
export interface ServicesOptions {
  readonly chaincodes: readonly ChaincodeService[]
  readonly log?: Log
  readonly timeouts?: {
    /** For reaching a chaincode server, then the call fails; default 3 s. */
    readonly connectTimeout?: number
    /** For one execution of a contract function; default 30 s, as Fabric's. */
    readonly executeTimeout?: number
  }
}

/** Running services. */
export interface Services {
  /** Stops or starts one organization's peer, orderer or CA; stopping cuts its connections, as when a process dies. */
  setRunning (org: OrgNode, kind: NodeKind, on: boolean): Promise<void>
  close (): Promise<void>
}

/** Starts everything that `org.running` says runs. Ports of 0 are assigned by the system and written to `org.ports`. */
export async function startServices (channel: Channel, options: ServicesOptions): Promise<Services> {
  const { connectTimeout = 3000, executeTimeout = 30_000 } = options.timeouts ?? {}
  const chaincodes = createChaincodes(channel, options.chaincodes, { connectTimeout, executeTimeout })
  const context: ServiceContext = { channel, chaincodes, log: options.log ?? (() => {}) }
  const endorser = createEndorser(context)
  const waiter = createCommitWaiter(channel)
  const listeners = new Map<string, Listener>()

  async function listen (org: OrgNode, kind: NodeKind): Promise<Listener> {
    const port = org.ports[kind]
    if (kind === 'ca') return await startCa(org, port, context.log)
    const bindings = kind === 'peer' ? peerServices(context, org, endorser, waiter) : ordererServices(context)
    return await listenGrpc(bindings, org.tls[kind], port)
  }

  async function setRunning (org: OrgNode, kind: NodeKind, on: boolean): Promise<void> {
    const key = `${org.mspId}/${kind}`
    const listener = listeners.get(key)
    org.running[kind] = on
    if (on && listener === undefined) {
      const started = await listen(org, kind)
      listeners.set(key, started)
      org.ports[kind] = started.port
    } else if (!on && listener !== undefined) {
      listeners.delete(key)
      await listener.close()
    }
  }

  async function close (): Promise<void> {
    waiter.close()
    await Promise.all([...listeners.values()].map(async (listener) => { await listener.close() }))
    listeners.clear()
    chaincodes.close()
  }

  try {
    for (const org of channel.orgs) {
      for (const kind of kinds) if (org.running[kind]) await setRunning(org, kind, true)
    }
  } catch (error) {
    await close()
    throw error
  }
  return { setRunning, close }
}
