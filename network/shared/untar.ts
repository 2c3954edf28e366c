/**
 * Reads the small archives that chaincode packages are: plain files in the ustar layout, whatever wrote them.
 * @module
 */
import { gunzipSync } from 'node:zlib'

const BLOCK = 512
/** Of an unpacked archive, in bytes. */
const LIMIT = 256 * 1024 * 1024
const REGULAR = new Set(['0', '\0'])

/** A file of an archive. */
export interface UnpackedFile {
  readonly name: string
  readonly content: Uint8Array
}

/** Why an archive cannot be read. */
export class ArchiveError extends Error {}

/** The files of a gzipped archive. @throws ArchiveError for one that is damaged, or holds anything but files */
export function untarGz (archive: Uint8Array): UnpackedFile[] {
  const bytes = unzip(archive)
  const files: UnpackedFile[] = []
  for (let at = 0; at + BLOCK <= bytes.length && bytes[at] !== 0;) {
    const header = bytes.subarray(at, at + BLOCK)
    const name = nameOf(header)
    const type = text(header, 156, 1)
    const size = Number.parseInt(text(header, 124, 12).trim() || '0', 8)
    if (!Number.isSafeInteger(size) || at + BLOCK + size > bytes.length) throw new ArchiveError('error inspecting next tar header: unexpected EOF')
    at += BLOCK + Math.ceil(size / BLOCK) * BLOCK
    if (type === 'x' || type === 'g') continue // what a newer tar says besides; no package needs it
    if (!REGULAR.has(type === '' ? '\0' : type)) throw new ArchiveError(`tar entry ${name} is not a regular file, type ${type.charCodeAt(0)}`)
    const start = header.byteOffset - bytes.byteOffset + BLOCK
    files.push({ name, content: Uint8Array.from(bytes.subarray(start, start + size)) })
  }
  return files
}

function unzip (archive: Uint8Array): Buffer {
  if (archive.length === 0) throw new ArchiveError('error reading as gzip stream: EOF')
  try {
    return gunzipSync(archive, { maxOutputLength: LIMIT })
  } catch (cause) {
    throw new ArchiveError('error reading as gzip stream: gzip: invalid header', { cause })
  }
}

function nameOf (header: Uint8Array): string {
  const prefix = text(header, 257, 5) === 'ustar' ? text(header, 345, 155) : ''
  const name = text(header, 0, 100)
  return prefix === '' ? name : `${prefix}/${name}`
}

function text (header: Uint8Array, from: number, length: number): string {
  const field = Buffer.from(header.subarray(from, from + length))
  const end = field.indexOf(0)
  return field.toString('utf8', 0, end < 0 ? length : end)
}
