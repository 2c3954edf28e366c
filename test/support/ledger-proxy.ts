import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { pathToFileURL } from 'node:url'

/** Where the embedded network listens, and where the service finds it instead. */
const NETWORK = '127.0.0.1'
const HERE = '127.0.0.2'

/** Why there can be no proxy here, or false. */
export const noProxy: string | false = process.platform === 'linux' ? false : `${HERE} is an address like ${NETWORK} on Linux only`

/**
 * Stands between a service and an embedded network, at all ports of it: peers, orderers, CAs. Bytes pass as they are, TLS included, so that the
 * client libraries speak to the network itself, and also what they find by discovery is reached through here.
 */
export interface LedgerProxy {
  /** What the service is told. */
  readonly env: Readonly<Record<string, string>>
  /** From now on answers arrive so late, with Infinity not at all. Those that were held arrive now. */
  answerLate (ms: number): void
  /** Breaks every connection; others can be made. */
  cut (): void
  /** Breaks every connection and refuses others, until it is let be again. */
  setReachable (reachable: boolean): Promise<void>
  close (): Promise<void>
}

export async function ledgerProxy (profile: string): Promise<LedgerProxy> {
  const text = readFileSync(profile, 'utf8')
  const ports = [...new Set([...text.matchAll(/"(?:grpcs|https):\/\/localhost:(\d+)"/g)].map(([, port]) => Number(port)))]
  if (ports.length < 3) throw new Error('a profile without the ports of a peer, an orderer and a CA')
  const open = new Set<Socket>()
  let late = lateness(0)

  const pass = (client: Socket, port: number): void => {
    const network = connect(port, NETWORK)
    const both = [client, network]
    for (const socket of both) {
      open.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined) // what it comes to is `close`
      socket.once('close', () => {
        open.delete(socket)
        for (const each of both) each.destroy()
      })
    }
    client.pipe(network)
    let arrived: Promise<unknown> = Promise.resolve()
    const later = (what: () => void): void => { arrived = Promise.all([arrived, late.passed()]).then(what) }
    network.on('data', (chunk: Buffer) => { later(() => { if (!client.destroyed) client.write(chunk) }) })
    network.on('end', () => { later(() => { client.end() }) })
  }
  const cut = (): void => {
    for (const socket of open) socket.destroy()
  }

  const servers = ports.map((port) => ({ port, server: createServer((client) => { pass(client, port) }) }))
  const listen = async (): Promise<void> => {
    await Promise.all(servers.map(async ({ port, server }) => { await once(server.listen(port, HERE), 'listening') }))
  }
  const refuse = async (): Promise<void> => {
    const closed = servers.filter(({ server }) => server.listening).map(async ({ server }) => { await ended(server) })
    cut()
    await Promise.all(closed)
  }
  await listen()
  return {
    env: {
      STEELYARD_LEDGER: profile,
      NODE_OPTIONS: `--import=${pathToFileURL('dist/test/support/other-localhost.js').href}`,
      OTHER_LOCALHOST: HERE,
      OTHER_LOCALHOST_OF: 'cli/main.js'
    },
    answerLate (ms) {
      const before = late
      late = lateness(ms)
      before.over()
    },
    cut,
    setReachable: async (reachable) => { await (reachable ? listen() : refuse()) },
    close: refuse
  }
}

async function ended (server: Server): Promise<void> {
  server.close()
  await once(server, 'close')
}

/** How late something arrives, as long as that holds. */
function lateness (ms: number): { passed (): Promise<void>, over (): void } {
  let over: () => void = () => undefined
  const ends = new Promise<void>((resolve) => { over = resolve })
  return {
    over: () => { over() },
    async passed () {
      if (ms === 0) return
      let timer: NodeJS.Timeout | undefined
      const waited = Number.isFinite(ms) ? [new Promise<void>((resolve) => { timer = setTimeout(resolve, ms) })] : []
      await Promise.race([ends, ...waited])
      clearTimeout(timer)
    }
  }
}
