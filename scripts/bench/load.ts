import { createHash, randomBytes } from 'node:crypto'
import { Agent, request } from 'node:http'
import { buffer } from 'node:stream/consumers'
import autocannon from 'autocannon'

/** JSON bodies of digest deposits, all different. */
export function digestBodies (count: number): string[] {
  return Array.from({ length: count }, () => {
    const content = randomBytes(32)
    const [sha256, sm3] = ['sha256', 'sm3'].map((name) => createHash(name).update(content).digest('hex'))
    return JSON.stringify({ sha256, sm3, size: 1 + content.readUInt16BE() })
  })
}

export interface SingleLoad {
  readonly url: string
  readonly connections: number
  readonly seconds: number
  readonly bodies: readonly string[]
  readonly headers?: Readonly<Record<string, string>>
}

/** Deposits one by one over keep-alive connections, each waiting for its answer. Answers a second; anything but success throws. */
export async function singleDeposits ({ url, connections, seconds, bodies, headers = {} }: SingleLoad): Promise<{ rate: number, total: number }> {
  const { requests, non2xx, errors, duration } = await autocannon({
    url,
    connections,
    duration: seconds,
    requests: bodies.map((body) => ({
      method: 'POST', path: '/v1/evidence/digests', headers: { 'content-type': 'application/json', ...headers }, body
    }))
  })
  if (non2xx > 0 || errors > 0) throw new Error(`${non2xx} refusals and ${errors} errors under load`)
  return { rate: requests.total / duration, total: requests.total }
}

export interface Answer { readonly status: number, readonly body: Buffer, readonly ms: number }

/** A client of its own for latencies: keep-alive connections, a time for each answer. */
export function createClient (url: string, headers: Readonly<Record<string, string>>, connections = 64): {
  /** With `sink` the body is given there piece by piece and not kept. */
  call (method: string, path: string, body?: string | Buffer, type?: string, sink?: (piece: Buffer) => void): Promise<Answer>
  close (): void
} {
  const agent = new Agent({ keepAlive: true, maxSockets: connections, scheduling: 'fifo' })
  const { hostname, port } = new URL(url)
  return {
    async call (method, path, body, type = 'application/json', sink) {
      const began = performance.now()
      const response = await new Promise<import('node:http').IncomingMessage>((resolve, reject) => {
        const sent = request({
          hostname,
          port,
          agent,
          method,
          path,
          headers: { ...headers, ...(body === undefined ? {} : { 'content-type': type, 'content-length': Buffer.byteLength(body) }) }
        }, resolve)
        sent.on('error', reject)
        sent.end(body)
      })
      const bytes = sink === undefined ? await buffer(response) : await drained(response, sink)
      return { status: response.statusCode ?? 0, body: bytes, ms: performance.now() - began }
    },
    close: () => { agent.destroy() }
  }
}

async function drained (response: AsyncIterable<Buffer>, sink: (piece: Buffer) => void): Promise<Buffer> {
  for await (const piece of response) sink(piece)
  return Buffer.alloc(0)
}
