import type { createClient } from './load.js'

export const BULK_LINES = 10_000

/** Bodies of bulk requests out of single deposits, over and over. */
export function bulkBodies (bodies: readonly string[], lines = BULK_LINES): Buffer[] {
  return Array.from({ length: 4 }, (_, shift) => Buffer.from(
    Array.from({ length: lines }, (_, i) => bodies[(i + shift * 613) % bodies.length]).join('\n') + '\n'
  ))
}

export interface BulkResult {
  readonly deposits: number
  readonly seconds: number
  /** Evidence numbers, when they were asked for. */
  readonly numbers: string[]
}

/** Sends bulk requests over some connections at once until so many deposits are receipted; every line must be. */
export async function bulkDeposits (
  client: ReturnType<typeof createClient>, bodies: readonly Buffer[], deposits: number, options: { connections?: number, sample?: number } = {}
): Promise<BulkResult> {
  const { connections = 4, sample = 0 } = options
  const requests = Math.ceil(deposits / BULK_LINES)
  const numbers: string[] = []
  let sent = 0
  const began = performance.now()
  const work = async (): Promise<void> => {
    while (sent < requests) {
      const body = bodies[sent++ % bodies.length] as Buffer
      const receipts = createCounter('"receipt":')
      const pieces: Buffer[] = []
      const { status } = await client.call('POST', '/v1/evidence/bulk', body, 'application/x-ndjson', (piece) => {
        receipts.read(piece)
        if (sample > 0) pieces.push(piece)
      })
      if (status !== 200 || receipts.count !== BULK_LINES) throw new Error(`bulk answered ${status} with ${receipts.count} receipts`)
      if (sample > 0) collect(Buffer.concat(pieces), numbers, sample)
    }
  }
  await Promise.all(Array.from({ length: connections }, work))
  return { deposits: requests * BULK_LINES, seconds: (performance.now() - began) / 1000, numbers }
}

/** Counts a text in pieces of ASCII as they come: an answer of 14 MB that is kept whole costs the client more than its reading. */
function createCounter (text: string): { readonly count: number, read (piece: Buffer): void } {
  let count = 0
  let tail = ''
  const countIn = (piece: Buffer | string): void => {
    for (let at = piece.indexOf(text); at >= 0; at = piece.indexOf(text, at + text.length)) count++
  }
  return {
    get count () { return count },
    read (piece) {
      countIn(tail + piece.toString('latin1', 0, text.length - 1)) // what stands across the border of two pieces
      countIn(piece)
      tail = (tail + piece.toString('latin1', Math.max(0, piece.length - text.length + 1))).slice(1 - text.length)
    }
  }
}

/** Every n-th number of an answer. */
function collect (answer: Buffer, numbers: string[], every: number): void {
  const lines = answer.toString('latin1').split('\n')
  for (let i = 0; i < lines.length; i += every) {
    const number = /"number":"(\w+)"/.exec(lines[i] ?? '')?.[1]
    if (number !== undefined) numbers.push(number)
  }
}
