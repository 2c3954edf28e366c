import type { Channel, OrgNode } from '../channel.js'
import type { Chaincodes } from '../chaincode/registry.js'

/** Structured log line; never called with secrets. */
export type Log = (event: string, fields?: Readonly<Record<string, unknown>>) => void

/** What every service of the network works on. */
export interface ServiceContext {
  readonly channel: Channel
  readonly chaincodes: Chaincodes
  readonly log: Log
}

/** The same for one organization's peer. */
export interface PeerContext extends ServiceContext {
  readonly org: OrgNode
}

/** System chaincodes that this network answers. */
export const systemChaincodes: ReadonlySet<string> = new Set(['qscc', 'cscc', '_lifecycle'])

/** Can an organization's peer run this chaincode? */
export async function isRunnable ({ chaincodes }: ServiceContext, org: OrgNode, name: string): Promise<boolean> {
  return systemChaincodes.has(name) || (await chaincodes.find(org, name)).ok
}

/** The peers that run, and can run this chaincode. */
export async function peersWith (context: ServiceContext, name: string): Promise<OrgNode[]> {
  const orgs = context.channel.orgs.filter((org) => org.running.peer)
  const able = await Promise.all(orgs.map(async (org) => await isRunnable(context, org, name)))
  return orgs.filter((_, i) => able[i])
}
