import { createHash } from 'node:crypto'
import type { Answer, RunningService } from './service.js'

/** The headers of tus 1.0.0, for requests by hand. */
export const TUS = { 'tus-resumable': '1.0.0' } as const
export const BYTES = { 'content-type': 'application/offset+octet-stream' } as const

export function uploadMetadata (pairs: Readonly<Record<string, string>>): string {
  return Object.entries(pairs).map(([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`).join(',')
}

type Call = (path: string, headers?: Record<string, string>, body?: Uint8Array, key?: string) => Promise<Answer>

/** One request of each kind, with exactly the headers that are given. */
export function tusCalls (service: () => RunningService): { post: Call, patch: Call, head: Call, remove: Call, get: Call } {
  const call = (method: string): Call => async (path, headers = {}, body, key) => await service().json(path, {
    method, headers: { ...TUS, ...(body === undefined ? {} : BYTES), ...headers }, ...(body === undefined ? {} : { body }), ...(key === undefined ? {} : { key })
  })
  return { post: call('POST'), patch: call('PATCH'), head: call('HEAD'), remove: call('DELETE'), get: call('GET') }
}

export function sha256 (bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A file that is sent in two parts to a service that may die at any moment, and gone on with by its offset. */
export interface StartedUpload { readonly content: Buffer, path?: string, acknowledged: number }

/**
 * Goes on with an upload until it is a deposit; the answer to that. Rejects where the service dies. What was acknowledged is never lost: else
 * this rejects too, and the caller's test never ends well.
 */
export async function goOn (service: RunningService, upload: StartedUpload): Promise<Answer> {
  const { post, patch, head, get } = tusCalls(() => service)
  const { content } = upload
  if (upload.path === undefined) {
    const created = await post('/v1/uploads', { 'upload-length': String(content.length) })
    if (created.status !== 201) throw new Error(`creation was answered with ${created.status}`)
    upload.path = created.headers.get('location') as string
  }
  const asked = await head(upload.path)
  const offset = Number(asked.headers.get('upload-offset') ?? -1)
  if (asked.status !== 200 || offset < upload.acknowledged) throw new Error(`${offset} of ${upload.acknowledged} bytes are left (${asked.status})`)
  const half = Math.floor(content.length / 2)
  for (const [from, to] of offset < half ? [[offset, half], [half, content.length]] as const : [[offset, content.length]] as const) {
    const { status } = await patch(upload.path, { 'upload-offset': String(from) }, content.subarray(from, to))
    if (status !== 204) throw new Error(`bytes were answered with ${status}`)
    upload.acknowledged = to
  }
  return await get(upload.path)
}
