import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { StoredUpload } from '../../store/uploads.js'
import { parseJson } from '../stored.js'
import type { Check } from './check.js'

/** Uploads in parts: every open one has a file with at least the bytes that were acknowledged. What belongs to none is removed at the next start. */
export async function checkUploads ({ view, findings }: Check): Promise<void> {
  const folder = join(view.content, 'uploads')
  const open = new Set<string>()
  let position = 5 // after the other parts of the service
  for await (const [key, value] of view.entries('p')) {
    const id = key.toString('latin1', 1)
    const upload = parseJson<Partial<StoredUpload>>(value)
    findings.count('uploads')
    if (upload?.end === undefined) open.add(id)
    const says = await differenceOf(folder, id, upload)
    if (says !== undefined) findings.differs({ layer: 'service', object: `upload ${id}`, code: 'UPLOAD_DIFFERS', says }, position)
    position++
  }
  for (const name of await readdir(folder).catch(() => [])) if (!open.has(name)) findings.count('files that belong to no open upload')
}

async function differenceOf (folder: string, id: string, upload: Partial<StoredUpload> | undefined): Promise<string | undefined> {
  const { offset } = upload ?? {}
  if (upload?.id !== id || offset === undefined || !Number.isSafeInteger(offset)) return 'its entry cannot be read'
  if (upload.end !== undefined || upload.digests !== undefined) return undefined // its file may be at its place already
  const size = await stat(join(folder, id)).then((found) => found.size, () => 0)
  return size < offset ? `its file has ${size} bytes, acknowledged were ${offset}` : undefined
}
