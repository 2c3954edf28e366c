import { createServer, type AddressInfo, type Server } from 'node:net'

/**
 * Ports of 127.0.0.1 that nobody listens on now. They are needed before the listeners exist, because the genesis block names them;
 * whoever takes one in between makes the listener choose another.
 */
export async function freePorts (count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, async () => await listen(0)))
  const ports = servers.map((server) => (server.address() as AddressInfo).port)
  await Promise.all(servers.map(close))
  return ports
}

/** Whether nobody listens on a port of 127.0.0.1 now. */
export async function isFree (port: number): Promise<boolean> {
  try {
    await close(await listen(port))
    return true
  } catch {
    return false
  }
}

async function listen (port: number): Promise<Server> {
  return await new Promise((resolve, reject) => {
    const server = createServer()
    server.once('error', reject)
    server.listen(port, '127.0.0.1', () => { resolve(server) })
  })
}

async function close (server: Server): Promise<void> {
  await new Promise<void>((resolve) => { server.close(() => { resolve() }) })
}
