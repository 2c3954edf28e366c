import type { Channel } from '../channel.js'
import type { Chaincodes } from '../chaincode/registry.js'

/** Structured log line; never called with secrets. */
export type Log = (event: string, fields?: Readonly<Record<string, unknown>>) => void

/** What every service of the network works on. */
export interface ServiceContext {
  readonly channel: Channel
  readonly chaincodes: Chaincodes
  readonly log: Log
}

/** System chaincodes that this network answers. */
export const systemChaincodes: ReadonlySet<string> = new Set(['qscc', 'cscc', '_lifecycle'])

/** Can the peers run this chaincode: is it defined on the channel and does a service for it exist? */
export async function isRunnable ({ channel, chaincodes }: ServiceContext, name: string): Promise<boolean> {
  if (systemChaincodes.has(name)) return true
  return chaincodes.names.includes(name) && await channel.definition(name) !== undefined
}
