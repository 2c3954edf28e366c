import { Readable } from 'node:stream'
import type { FastifyReply, FastifyRequest } from 'fastify'
import type { StoredContent } from '../notary/reader.js'
import { HttpError } from './problems.js'
import { namesTag, rangeOf } from './range.js'

/**
 * Sends a stored content, or the one range of it that is asked for. The entity tag is its SHA-256, and the content of a number never
 * changes: what a client has of it stays good, and `If-Range` needs no more than that comparison.
 */
export async function sendContent (request: FastifyRequest, reply: FastifyReply, name: string, content: StoredContent): Promise<FastifyReply> {
  const { sha256, size } = content
  const { headers } = request
  const tag = `"${sha256}"`
  const common = { etag: tag, 'accept-ranges': 'bytes', 'cache-control': 'private, no-store' }
  if (namesTag(headers['if-none-match'], tag)) return await reply.code(304).headers(common).send()

  const isCurrent = headers['if-range'] === undefined || headers['if-range'] === tag
  const part = isCurrent ? rangeOf(headers.range, size) : undefined
  if (part === 'unsatisfiable') {
    void reply.header('content-range', `bytes */${size}`)
    throw new HttpError('RANGE_NOT_SATISFIABLE', `the content has ${size} bytes`)
  }
  const file = { ...common, 'content-type': 'application/octet-stream', 'content-disposition': `attachment; filename="${name}"` }
  if (part === undefined) return await reply.headers({ ...file, 'content-length': String(size) }).send(stream(content.read()))
  const bytes = await content.readPart(part) // may fail: until then there is no answer
  const length = String(part.last - part.first + 1)
  return await reply.code(206).headers({ ...file, 'content-length': length, 'content-range': `bytes ${part.first}-${part.last}/${size}` }).send(stream(bytes))
}

function stream (bytes: AsyncGenerator<Uint8Array, void>): Readable {
  return Readable.from(bytes, { objectMode: false })
}
