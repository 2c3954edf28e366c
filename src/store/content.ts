import { randomUUID } from 'node:crypto'
import { type FileHandle, mkdir, open, readdir, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { pour } from './content-pour.js'
import { type Part, readPart, readVerified } from './content-read.js'
import type { ContentDigests } from './digester.js'
import { createDigestThreads, type DigestThreads } from './digest-threads.js'
import { isFull, writeError } from './errors.js'
import type { Checkpoint } from './fault-points.js'

/**
 * Content-addressed files: `<folder>/ab/cd/<sha-256>`. Order of a deposit: temporary file -> both digests -> fsync -> rename -> fsync of the
 * folder -> only then the record. So a record never names content that is not there. A crash leaves a temporary file (removed at
 * the next start) or a file that no record names (harmless: the next deposit of the same content uses it).
 */
export interface ContentStore {
  /** Writes a stream to a temporary file, hashing on the way, in constant memory. The caller must keep or discard what it gets. */
  receive (source: AsyncIterable<Uint8Array>): Promise<Received>
  /** A file on the same disk, which was synced and whose digests are known, as if it had been received: it is moved, not copied. */
  adopt (path: string, digests: ContentDigests, size: number): Received
  /** Whether nothing was ever kept here. */
  isEmpty (): Promise<boolean>
  /** Size of a stored content, or undefined. */
  size (sha256: string): Promise<number | undefined>
  /**
   * The bytes of a stored content. They are hashed while they are read, and the last chunk is given only if the digest is right; else the
   * stream fails with `CONTENT_DAMAGED`, so a damaged file never arrives as a whole one.
   */
  read (sha256: string): AsyncGenerator<Uint8Array, void>
  /** A part of it, after the whole was verified; fails with `CONTENT_DAMAGED` before it gives anything. */
  readPart (sha256: string, part: Part): Promise<AsyncGenerator<Uint8Array, void>>
  close (): Promise<void>
}

export interface Received {
  readonly digests: ContentDigests
  readonly size: number
  /** Makes it durable under its name. */
  keep (): Promise<void>
  discard (): Promise<void>
}

export async function openContentStore (
  folder: string, checkpoint: Checkpoint, threads: DigestThreads = createDigestThreads()
): Promise<ContentStore> {
  const temporary = join(folder, 'tmp')
  await mkdir(temporary, { recursive: true, mode: 0o700 })
  for (const name of await readdir(temporary)) await rm(join(temporary, name), { force: true })
  const pathOf = (sha256: string): string => join(folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256)

  return {
    async receive (source) {
      const path = join(temporary, randomUUID())
      const file = await open(path, 'wx', 0o600).catch(full)
      const discard = async (): Promise<void> => {
        await file.close()
        await rm(path, { force: true })
      }
      try {
        const { digests, size } = await pour(source, file, threads)
        checkpoint('content.received')
        return {
          digests,
          size,
          discard,
          keep: async () => { await keep(file, path, pathOf(digests.sha256), checkpoint).catch(full) }
        }
      } catch (error) {
        await discard()
        return full(error)
      }
    },

    adopt (path, digests, size) {
      return {
        digests,
        size,
        keep: async () => { await keep(await open(path, 'r+'), path, pathOf(digests.sha256), checkpoint).catch(full) },
        discard: () => rm(path, { force: true })
      }
    },

    async size (sha256) {
      return await stat(pathOf(sha256)).then(({ size }) => size, () => undefined)
    },

    isEmpty: async () => !(await readdir(folder)).some((name) => /^[0-9a-f]{2}$/.test(name)),
    read: (sha256) => readVerified(pathOf(sha256), sha256),
    readPart: async (sha256, part) => await readPart(pathOf(sha256), sha256, part),
    close: () => threads.close()
  }
}

/** A full disk is said to whoever deposits; other errors pass. */
export function full (error: unknown): never {
  throw isFull(error) ? writeError('the content could not be kept', error) : error
}

async function keep (file: FileHandle, from: string, to: string, checkpoint: Checkpoint): Promise<void> {
  await file.sync()
  await file.close()
  checkpoint('content.synced')
  const folder = dirname(to)
  const created = await mkdir(folder, { recursive: true, mode: 0o700 })
  await rename(from, to) // the same content once more replaces the file by an equal one
  await syncFolder(folder)
  if (created !== undefined) { // a new folder is durable when its parent is
    await syncFolder(dirname(folder))
    await syncFolder(dirname(dirname(folder)))
  }
  checkpoint('content.kept')
}

export async function syncFolder (path: string): Promise<void> {
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}
