import { createHash, randomBytes } from 'node:crypto'
import { request } from 'node:http'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'
import { median } from '../numbers.js'
import { atLeast } from '../row.js'
import type { Bench } from '../run.js'
import { type BenchService, startService } from '../service.js'

const MB = 1024 ** 2
const CHUNK = 256 * 1024
const BOUNDARY = 'steelyard-bench-0123456789abcdef'

/** A large file by multipart, durable and receipted, against the slower of its two digests alone. */
export const upload: Bench = async ({ folder, settings: { uploadBytes, rounds }, note }) => {
  const bytes = Math.ceil(uploadBytes / CHUNK) * CHUNK
  const chunks = Array.from({ length: 8 }, () => randomBytes(CHUNK))
  const service = await startService({ data: folder })
  try {
    await send(service, chunks, 16 * MB)
    const rates: { digest: number[], ours: number[] } = { digest: [], ours: [] }
    for (let round = 0; round < rounds; round++) {
      rates.digest.push(Math.min(digestRate('sha256', chunks, bytes), digestRate('sm3', chunks, bytes)))
      chunks[0] = randomBytes(CHUNK) // another content, so that it is stored anew
      const began = performance.now()
      await send(service, chunks, bytes)
      rates.ours.push(bytes / MB / ((performance.now() - began) / 1000))
      note(`slower digest ${Math.round(rates.digest.at(-1) ?? 0)} MB/s, upload ${Math.round(rates.ours.at(-1) ?? 0)} MB/s`)
    }
    return [atLeast(
      'upload', `upload of ${Math.round(bytes / MB)} MB, both digests, synced / the slower digest alone`, 'MB/s', median(rates.ours), median(rates.digest), 0.8
    )]
  } finally {
    await service.stop()
  }
}

function digestRate (algorithm: string, chunks: readonly Buffer[], bytes: number): number {
  const hash = createHash(algorithm)
  const began = performance.now()
  for (let at = 0; at < bytes; at += CHUNK) hash.update(chunks[(at / CHUNK) % chunks.length] as Buffer)
  hash.digest()
  return bytes / MB / ((performance.now() - began) / 1000)
}

async function send (service: BenchService, chunks: readonly Buffer[], bytes: number): Promise<void> {
  const head = `--${BOUNDARY}\r\ncontent-disposition: form-data; name="file"; filename="bench"\r\ncontent-type: application/octet-stream\r\n\r\n`
  const tail = `\r\n--${BOUNDARY}--\r\n`
  const { hostname, port } = new URL(service.url)
  const sent = request({
    hostname,
    port,
    method: 'POST',
    path: '/v1/evidence',
    headers: {
      ...service.authorization,
      'content-type': `multipart/form-data; boundary=${BOUNDARY}`,
      'content-length': head.length + bytes + tail.length
    }
  })
  const answer = once(sent, 'response')
  sent.write(head)
  for (let at = 0; at < bytes; at += CHUNK) {
    if (!sent.write(chunks[(at / CHUNK) % chunks.length])) await once(sent, 'drain')
  }
  sent.end(tail)
  const [response] = await answer as [import('node:http').IncomingMessage]
  const body = await text(response)
  if (response.statusCode !== 201) throw new Error(`an upload was answered ${String(response.statusCode)}: ${body}`)
}
