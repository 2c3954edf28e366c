import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { basename } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Body } from './service.js'

const CHUNK = 1 << 20

/**
 * A multipart/form-data body (RFC 7578) of some fields and one file, whose length is known before it is sent. The fields come first, so
 * that the receiver knows what to expect before the file arrives.
 */
export function multipart (fields: Readonly<Record<string, string>>, path: string, size: number, onProgress: (bytes: number) => void): Body {
  const boundary = `steelyard-${randomBytes(18).toString('hex')}`
  const head = Buffer.from([
    ...Object.entries(fields).map(([name, value]) => `--${boundary}\r\ncontent-disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`),
    `--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="${quotable(basename(path))}"\r\n`,
    'content-type: application/octet-stream\r\n\r\n'
  ].join(''))
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`)
  return {
    type: `multipart/form-data; boundary=${boundary}`,
    length: head.length + size + tail.length,
    async write (target) {
      target.write(head)
      let sent = 0
      const file = createReadStream(path, { highWaterMark: CHUNK })
      // A file that is being written to has another length than announced: the request then fails instead of being cut silently.
      await pipeline(file, async function * (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          sent += chunk.length
          if (sent > size) throw new Error(`${path} grew while it was read`)
          onProgress(sent)
          yield chunk
        }
        if (sent < size) throw new Error(`${path} shrank while it was read`)
      }, target, { end: false })
      target.write(tail)
    }
  }
}

/** The escapes of the WHATWG form encoding; other characters go as UTF-8. */
function quotable (name: string): string {
  return name.replace(/\n/g, '%0A').replace(/\r/g, '%0D').replace(/"/g, '%22')
}

export function jsonBody (value: unknown): Body {
  const bytes = Buffer.from(JSON.stringify(value))
  return {
    type: 'application/json',
    length: bytes.length,
    write: (target) => {
      target.write(bytes)
      return Promise.resolve()
    }
  }
}
