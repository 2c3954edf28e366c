import { createReadStream } from 'node:fs'
import { type FileHandle, open, rename, unlink } from 'node:fs/promises'
import { type ReadArchive, readArchive } from '../ops/archive/unpack.js'
import type { OnProgress } from '../ops/report.js'
import { CliError } from './errors.js'
import { fileError } from './files.js'

const CHUNK = 1 << 20

/** Writes a stream to a file that appears whole or not at all, readable by its owner only: an archive holds deposit secrets. */
export async function writeStream (path: string, source: AsyncIterable<Uint8Array>, onProgress: OnProgress): Promise<void> {
  const temporary = `${path}.${process.pid}.new`
  let file: FileHandle
  try {
    file = await open(temporary, 'wx', 0o600)
  } catch (cause) {
    throw fileError(path, 'write', cause)
  }
  try {
    let size = 0
    for await (const chunk of source) {
      await file.writeFile(chunk)
      size += chunk.length
      onProgress('MiB', Math.floor(size / CHUNK))
    }
    await file.sync()
    await file.close()
    await rename(temporary, path)
  } catch (error) {
    await file.close().catch(() => undefined)
    await unlink(temporary).catch(() => undefined)
    throw error
  }
}

export function readFileStream (path: string): AsyncIterable<Buffer> {
  return (async function * () {
    try {
      // Opened when it is read: an error before that would have no reader.
      yield * createReadStream(path, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>
    } catch (cause) {
      throw fileError(path, 'read', cause)
    }
  })()
}

/** Reads an archive back and holds it against its manifest. */
export async function checkArchiveFile (path: string, onProgress: OnProgress): Promise<ReadArchive> {
  return await readArchive(readFileStream(path), {
    file: () => Promise.resolve(),
    async content (_sha256, bytes) {
      const chunks = bytes[Symbol.asyncIterator]()
      while ((await chunks.next()).done !== true); // only hashed, by the reader
    },
    onProgress
  })
}

/** What is printed of an archive. */
export function archiveSummary (path: string, { manifest, sha256 }: ReadArchive): { text: string, json: object } {
  const { log, records, head, content, createdAt } = manifest
  return {
    text: [
      path,
      `log      ${log}`,
      `records  ${records}`,
      `head     ${head.size} batches, ${head.root}`,
      `content  ${content.included ? `${content.files} files, ${content.bytes} bytes` : 'left out'}`,
      `manifest sha256 ${sha256}`
    ].join('\n'),
    json: { file: path, manifestSha256: sha256, log, createdAt, records, head, content }
  }
}

/** Refuses to replace a file: an older backup is never lost to a newer one. */
export async function refuseExisting (path: string): Promise<void> {
  const file = await open(path, 'r').catch(() => undefined)
  if (file === undefined) return
  await file.close()
  throw new CliError({ code: 'FILE', message: `${path} exists already` })
}
