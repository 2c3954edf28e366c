import { createHash } from 'node:crypto'
import { EvidenceError } from '../../core/errors.js'
import { OpsError } from '../errors.js'
import type { OnProgress } from '../report.js'
import { BUNDLE_FILE, CONTENT_FOLDER, MANIFEST_FILE, type Manifest, MOST_PART_BYTES, parseManifest } from './format.js'
import { readTar, type TarEntry } from './tar.js'

/** Where the parts of an archive go. What is given out is not yet known to be whole: the manifest comes last. */
export interface ArchiveSink {
  file (name: string, bytes: Buffer): Promise<void>
  /** Must take all of the bytes. */
  content (sha256: string, bytes: AsyncIterable<Buffer>): Promise<void>
  readonly onProgress: OnProgress
}

export interface ReadArchive {
  readonly manifest: Manifest
  /** Of the manifest, and so of everything: what to note down to recognize the archive by. */
  readonly sha256: string
}

/** Reads an archive to its end and holds it against its manifest: every file, every digest, nothing more and nothing less. */
export async function readArchive (source: AsyncIterable<Uint8Array>, sink: ArchiveSink): Promise<ReadArchive> {
  const files: Manifest['files'][number][] = []
  const content = { files: 0, bytes: 0 }
  let found: ReadArchive | undefined
  for await (const entry of readTar(source)) {
    if (found !== undefined) throw invalid('goes on after its manifest')
    const sha256 = contentName(entry.name)
    if (sha256 !== undefined) {
      await readContent(sink, sha256, entry)
      content.files++
      content.bytes += entry.size
    } else {
      const bytes = await small(entry)
      const digest = createHash('sha256').update(bytes).digest('hex')
      if (entry.name === MANIFEST_FILE) found = { manifest: readManifest(bytes), sha256: digest }
      else {
        files.push({ name: entry.name, size: String(bytes.length), sha256: digest })
        await sink.file(entry.name, bytes)
      }
    }
    sink.onProgress('archive', files.length + content.files)
  }
  if (found === undefined) throw invalid('has no manifest: it was cut')
  const { manifest } = found
  const isSame = JSON.stringify(manifest.files.map(({ name, size, sha256 }) => ({ name, size, sha256 }))) === JSON.stringify(files) &&
    manifest.content.files === String(content.files) && manifest.content.bytes === String(content.bytes)
  if (!isSame) throw invalid('holds other files than its manifest says')
  return found
}

function contentName (name: string): string | undefined {
  const [folder, file = ''] = name.split('/')
  return folder === CONTENT_FOLDER && /^[0-9a-f]{64}$/.test(file) ? file : undefined
}

/** Content gets the name that its own bytes have, or is refused. */
async function readContent (sink: ArchiveSink, sha256: string, entry: TarEntry): Promise<void> {
  const hash = createHash('sha256')
  await sink.content(sha256, (async function * () {
    for await (const chunk of entry.bytes) {
      hash.update(chunk)
      yield chunk
    }
  })())
  if (hash.digest('hex') !== sha256) throw invalid(`holds content ${sha256} with other bytes`)
}

function readManifest (bytes: Uint8Array): Manifest {
  try {
    return parseManifest(bytes)
  } catch (cause) {
    if (!(cause instanceof EvidenceError)) throw cause
    throw invalid(`has a manifest that cannot be read: ${cause.message}`, cause)
  }
}

async function small (entry: TarEntry): Promise<Buffer> {
  const most = entry.name === MANIFEST_FILE || entry.name === BUNDLE_FILE ? 4 * MOST_PART_BYTES : MOST_PART_BYTES
  if (entry.size > most) throw invalid(`has a file ${JSON.stringify(entry.name)} that is too large`)
  const chunks: Buffer[] = []
  for await (const chunk of entry.bytes) chunks.push(chunk)
  return Buffer.concat(chunks)
}

/** @internal */
export function invalid (what: string, cause?: unknown): OpsError {
  return new OpsError({ code: 'ARCHIVE_INVALID', message: `the archive ${what}`, cause })
}
