/**
 * Ports are assigned once and then kept, because the channel's configuration names the orderers' and the profiles name the rest.
 * They are taken below the range from which the system gives ports to outgoing connections: otherwise any client could sit on a
 * stopped node's port when it is to be started again.
 * @module
 */
import { randomInt } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { type ConsortiumOrg, type PortName, PORT_NAMES } from './description.js'
import { NativeNetworkError } from './errors.js'

/** All ports of one organization. */
export type Ports = Readonly<Record<PortName, number>>

const LOWEST = 10_240

/** Ports for one organization: those of the description, the others free ones that are not in `taken`, which they are added to. */
export async function assignPorts (org: ConsortiumOrg, taken: Set<number>): Promise<Ports> {
  const ports: Partial<Record<PortName, number>> = {}
  for (const name of PORT_NAMES) {
    const port = org.ports[name] ?? await freePort(org.listen, taken)
    taken.add(port)
    ports[name] = port
  }
  return ports as Ports
}

async function freePort (address: string, taken: ReadonlySet<number>): Promise<number> {
  const below = ephemeralStart()
  for (let attempt = 0; attempt < 1000; attempt++) {
    const port = randomInt(LOWEST, below)
    if (!taken.has(port) && await isFree(address, port)) return port
  }
  throw new NativeNetworkError({ code: 'PORT_TAKEN', message: `no free port between ${LOWEST} and ${below} on ${address}` })
}

function ephemeralStart (): number {
  try {
    const start = Number(readFileSync('/proc/sys/net/ipv4/ip_local_port_range', 'utf8').split(/\s+/)[0])
    return start > LOWEST + 1000 ? start : 32_768
  } catch {
    return 32_768
  }
}

/** Whether nobody listens on a port. */
export async function isFree (address: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => { resolve(false) })
    server.listen({ host: address, port, exclusive: true }, () => { server.close(() => { resolve(true) }) })
  })
}
