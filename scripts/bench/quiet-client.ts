import { connect } from 'node:net'

/** Answers are read into this much for each connection, again and again. */
const BUFFER_BYTES = 256 * 1024
const MOST_HEAD = 4096
const HEAD_END = '\r\n\r\n'

export interface QuietAnswer {
  readonly status: number
  /** Of the body. */
  readonly bytes: number
  /** The body, where it was to be kept. */
  readonly text: string
  /** From the call to the last byte. */
  readonly ms: number
}

export interface QuietRequest {
  readonly method: 'GET' | 'POST'
  readonly path: string
  /** JSON. */
  readonly body?: string
  readonly keep?: boolean
}

export interface QuietClient {
  call (request: QuietRequest): Promise<QuietAnswer>
  close (): void
}

/**
 * A client for latencies, which makes nearly no garbage: every connection reads into a buffer of its own. Node's HTTP client gives each read new
 * memory outside the heap; collecting that stopped the client for 5 to 18 ms several times a second, which looked like slow answers. HTTP/1.1 with
 * keep-alive and `content-length`, which is what the measured routes answer with; anything else throws.
 */
export function createQuietClient (url: string, headers: Readonly<Record<string, string>>, connections = 1): QuietClient {
  const { hostname, port, host } = new URL(url)
  const fixed = Object.entries({ host, ...headers }).map(([name, value]) => `${name}: ${value}\r\n`).join('')
  const all: Connection[] = []
  const idle: Connection[] = []
  const waiting: ((connection: Connection) => void)[] = []
  const take = async (): Promise<Connection> => {
    const free = idle.shift() // in turn, so that none is left until the server closes it
    if (free !== undefined) return free
    if (all.length >= connections) return await new Promise((resolve) => { waiting.push(resolve) })
    const made = open(hostname, Number(port), () => {
      remove(all, made)
      remove(idle, made)
    })
    all.push(made)
    return made
  }
  return {
    async call ({ method, path, body = '', keep = false }) {
      const began = performance.now()
      const connection = await take()
      const type = body === '' ? '' : `content-type: application/json\r\ncontent-length: ${Buffer.byteLength(body)}\r\n`
      const answer = await connection.exchange(`${method} ${path} HTTP/1.1\r\n${fixed}${type}\r\n${body}`, keep)
      const next = waiting.shift()
      if (next === undefined) idle.push(connection)
      else next(connection)
      return { ...answer, ms: performance.now() - began }
    },
    close () {
      for (const connection of [...all]) connection.close()
    }
  }
}

function remove<T> (from: T[], one: T): void {
  const at = from.indexOf(one)
  if (at >= 0) from.splice(at, 1)
}

interface Connection {
  /** One request at a time. */
  exchange (request: string, keep: boolean): Promise<Omit<QuietAnswer, 'ms'>>
  close (): void
}

interface Exchange {
  readonly keep: boolean
  readonly resolve: (answer: Omit<QuietAnswer, 'ms'>) => void
  readonly reject: (error: Error) => void
  head: string
  bytes: number
  left: number
  text: string
}

/** `gone`: the server closed it, as it does with one that nobody uses for a while. */
function open (host: string, port: number, gone: () => void): Connection {
  let current: Exchange | undefined
  const fail = (error: Error): void => {
    current?.reject(error)
    current = undefined
  }
  const socket = connect({
    host,
    port,
    noDelay: true,
    onread: {
      buffer: Buffer.allocUnsafeSlow(BUFFER_BYTES),
      callback: (length, buffer) => {
        if (current !== undefined && hasEnded(current, buffer as Buffer, length)) {
          const { head, bytes, text, resolve } = current
          current = undefined
          resolve({ status: Number(head.slice('HTTP/1.1 '.length, 'HTTP/1.1 200'.length)), bytes, text })
        }
        return true
      }
    }
  })
  socket.on('error', fail)
  socket.on('close', () => {
    gone()
    fail(new Error('the connection was closed before its answer had ended'))
  })
  return {
    exchange: async (request, keep) => await new Promise((resolve, reject) => {
      if (socket.destroyed) throw new Error('the connection is closed')
      current = { keep, resolve, reject, head: '', bytes: 0, left: -1, text: '' }
      socket.write(request)
    }),
    close: () => { socket.destroy() }
  }
}

/** Takes what was read; whether the answer is complete. */
function hasEnded (exchange: Exchange, buffer: Buffer, length: number): boolean {
  let from = 0
  if (exchange.left < 0) {
    const before = exchange.head.length
    exchange.head += buffer.toString('latin1', 0, Math.min(length, MOST_HEAD))
    const end = exchange.head.indexOf(HEAD_END)
    if (end < 0) return false
    exchange.head = exchange.head.slice(0, end)
    const stated = /\r\ncontent-length: (\d+)/i.exec(exchange.head)?.[1]
    if (stated === undefined) throw new Error('an answer does not say how long it is')
    exchange.bytes = exchange.left = Number(stated)
    from = end + HEAD_END.length - before
  }
  if (exchange.keep) exchange.text += buffer.toString('latin1', from, length)
  exchange.left -= length - from
  return exchange.left === 0
}
