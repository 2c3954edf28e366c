import { createServer, type AddressInfo, type Server } from 'node:net'

/**
 * Ports of 127.0.0.1 that nobody listens on now. They are needed before the listeners exist, because the genesis block names them;
 * whoever takes one in between makes the listener choose another.
 */
export async function freePorts (count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listen))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(close))
  return ports
}

async function listen (): Promise<Server> {
  return await new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(0, '127.0.0.1', () => { resolve(server) })
  })
}

async function close (server: Server): Promise<void> {
  await new Promise<void>((resolve) => { server.close(() => { resolve() }) })
}
