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
      const { status, body: answer } = await client.call('POST', '/v1/evidence/bulk', body, 'application/x-ndjson')
      const receipts = countOf(answer, '"receipt":')
      if (status !== 200 || receipts !== BULK_LINES) throw new Error(`bulk answered ${status} with ${receipts} receipts: ${answer.toString('utf8', 0, 300)}`)
      if (sample > 0) collect(answer, numbers, sample)
    }
  }
  await Promise.all(Array.from({ length: connections }, work))
  return { deposits: requests * BULK_LINES, seconds: (performance.now() - began) / 1000, numbers }
}

function countOf (bytes: Buffer, text: string): number {
  let count = 0
  for (let at = bytes.indexOf(text); at >= 0; at = bytes.indexOf(text, at + text.length)) count++
  return count
}

/** Every n-th number of an answer. */
function collect (answer: Buffer, numbers: string[], every: number): void {
  const lines = answer.toString('latin1').split('\n')
  for (let i = 0; i < lines.length; i += every) {
    const number = /"number":"(\w+)"/.exec(lines[i] ?? '')?.[1]
    if (number !== undefined) numbers.push(number)
  }
}
