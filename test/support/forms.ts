/** Requests by hand, so that they can be wrong. */
import { createHash } from 'node:crypto'

export const hash = (algorithm: string, bytes: Uint8Array): string => createHash(algorithm).update(bytes).digest('hex')
export const post = (body: unknown): RequestInit => ({
  method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body)
})

/** A form by hand, so that it can be wrong. */
export const BOUNDARY = 'xxBOUNDARYxx'
export function part (name: string, value: string | Uint8Array, filename?: string): Buffer {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n` +
    `${filename === undefined ? '' : 'Content-Type: application/octet-stream\r\n'}\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.from(value), Buffer.from('\r\n')])
}
export const END = Buffer.from(`--${BOUNDARY}--\r\n`)
export const formOf = (...parts: Uint8Array[]): RequestInit => ({
  method: 'POST', headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }, body: Buffer.concat(parts)
})
