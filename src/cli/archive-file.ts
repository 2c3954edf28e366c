import { createReadStream, rmSync } from 'node:fs'
import { type FileHandle, open, rename, unlink } from 'node:fs/promises'
import { type ReadArchive, readArchive } from '../ops/archive/unpack.js'
import type { OnProgress } from '../ops/report.js'
import { endOnSignal } from './end-on-signal.js'
import { CliError } from './errors.js'
import { fileError } from './files.js'
import type { ProgressLine } from './ops.js'

const CHUNK = 1 << 20

/**
 * Writes a stream to a file that appears whole or not at all, readable by its owner only: an archive holds deposit secrets. So nothing of it stays
 * when this process is told to end.
 */
export async function writeStream (path: string, source: AsyncIterable<Uint8Array>, { onProgress, end }: ProgressLine): Promise<void> {
  const temporary = `${path}.${process.pid}.new`
  const writing = async <T>(work: Promise<T>): Promise<T> => await work.catch((cause: unknown) => { throw fileError(path, 'write', cause) })
  const release = endOnSignal(() => {
    end()
    rmSync(temporary, { force: true })
    return `stopped before its end: nothing of ${path} was kept, and nothing is to be cleaned up; give the same command again`
  })
  let file: FileHandle | undefined
  try {
    file = await writing(open(temporary, 'wx', 0o600))
    let size = 0
    for await (const chunk of source) {
      await writing(file.writeFile(chunk))
      size += chunk.length
      onProgress('MiB', Math.floor(size / CHUNK))
    }
    await writing(file.sync())
    await file.close()
    release() // what is whole is not taken away while it gets its name
    await writing(rename(temporary, path))
  } catch (error) {
    await file?.close().catch(() => undefined)
    if (file !== undefined) await unlink(temporary).catch(() => undefined)
    throw error
  } finally {
    release()
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
