import { type FileHandle, mkdir, open, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { SignedClaim } from '../core/claim.js'
import type { Json } from '../core/jcs.js'
import { type ContentStore, full, type Received, syncFolder } from './content.js'
import { createPourer, PIECE } from './content-pour.js'
import { checksumKey, readSummed, summed } from './checksums.js'
import { type Database, stored, write } from './database.js'
import { type ContentDigests, createDigester, type Digester } from './digester.js'
import type { DigestThreads } from './digest-threads.js'
import { isDamage, StoreError } from './errors.js'
import { textKey } from './keys.js'
import type { StoreLog } from './log.js'

/**
 * Uploads in parts: the bytes in `<content>/uploads/<id>`, everything else in the database. Order: bytes -> fsync -> how many they are,
 * synced -> only then anybody is told. What a file holds beyond that count is not trusted, and cut off before more is written. A crash leaves
 * such a rest, or the file of an upload that has ended (removed at the next start). The notary's uploads own every entry.
 */
export interface Uploads {
  /** Those that are what was written; of others the log is told, and their files stay. */
  entries (): AsyncIterable<StoredUpload>
  find (id: string): Promise<StoredUpload | undefined>
  /** Durable when it resolves. */
  save (upload: StoredUpload): Promise<void>
  /** The entry and the file. */
  remove (id: string): Promise<void>
  removeFile (id: string): Promise<void>
  /** Opens the file for more. `CONTENT_DAMAGED` when it holds less than was noted. */
  open (upload: StoredUpload): Promise<Part>
  /** A hash that lasts for a whole upload of this many bytes, if that is known. */
  startDigests (length: number | undefined): Digester
  /** Hashes what is in the file: after a restart, when nobody remembers the bytes. */
  digests (upload: StoredUpload): Promise<ContentDigests>
  /** All of an upload; what was moved to its place by a process that then ended is there already. */
  whole (upload: StoredUpload, digests: ContentDigests): Promise<Received>
}

/** What is durable of an upload in parts. */
export interface StoredUpload {
  readonly id: string
  /** Whose it is. */
  readonly keyId: string
  readonly organization: string
  /** Of the deposit that it becomes, chosen beforehand: so it becomes one deposit and not two, whatever ends in between. Base64url. */
  readonly number: string
  readonly secret: string
  /** When it last moved, milliseconds since 1970: from then on it expires. */
  readonly movedAt: number
  /** Bytes that are durable, of how many. */
  readonly offset: number
  readonly length?: number
  /** What the depositor said, as it said it, and as it is understood; absent once the upload has ended. */
  readonly given?: string
  readonly expected?: { readonly sha256?: string, readonly sm3?: string }
  readonly metadata?: Readonly<Record<string, Json>>
  readonly claim?: SignedClaim
  /** Of all bytes. */
  readonly digests?: ContentDigests
  readonly end?: 'deposited' | { readonly code: string, readonly message: string }
}

/** The file of an upload, open at the end of what is noted. */
export interface Part {
  /** Writes and hashes, and syncs nothing. Resolves with the bytes of the source. */
  append (source: AsyncIterable<Uint8Array>, digester: Digester): Promise<number>
  sync (): Promise<void>
  /** Drops what was written beyond a size. */
  cut (size: number): Promise<void>
  close (): Promise<void>
}

export interface UploadsOptions {
  readonly db: Database
  readonly content: ContentStore
  readonly folder: string
  readonly threads: DigestThreads
  readonly log: StoreLog
}

export async function openUploads ({ db, content, folder, threads, log }: UploadsOptions): Promise<Uploads> {
  await mkdir(folder, { recursive: true, mode: 0o700 })
  await syncFolder(join(folder, '..'))
  const pathOf = (id: string): string => join(folder, id)
  const find = async (id: string): Promise<StoredUpload | undefined> => {
    const found = await readSummed(db, textKey('p', id), 'an upload')
    return found === undefined ? undefined : uploadIn(found, id)
  }
  const isEnded = async (id: string): Promise<boolean> => {
    try {
      const upload = await find(id)
      return upload === undefined || upload.end !== undefined
    } catch (error) {
      if (isDamage(error)) return false
      throw error
    }
  }
  const removeFile = async (id: string): Promise<void> => { await rm(pathOf(id), { force: true }) }
  const damaged = new Set<string>() // said once
  for (const name of await readdir(folder)) {
    if (await isEnded(name)) await removeFile(name)
  }

  return {
    find,
    removeFile,
    async * entries () {
      for await (const key of db.keys({ gte: Buffer.from('p'), lt: Buffer.from('q') })) {
        const id = key.toString('latin1', 1)
        const upload = await find(id).catch((error: unknown) => {
          if (!isDamage(error)) throw error
          if (damaged.size < damaged.add(id).size) log.error({ upload: id }, 'an upload in the database is not what was written: it cannot go on (steelyard fsck)')
          return undefined
        })
        if (upload !== undefined) yield upload
      }
    },
    save: (upload) => write(db, summed(textKey('p', upload.id), JSON.stringify(upload))),
    async remove (id) {
      await removeFile(id)
      const key = textKey('p', id)
      await write(db, [], [key, checksumKey(key)])
    },
    async open ({ id, offset }) {
      try {
        const file = await open(pathOf(id), offset === 0 ? 'w' : 'r+', 0o600)
        await requireSize(file, offset)
        await file.truncate(offset)
        if (offset === 0) await syncFolder(folder)
        return partOf(file, offset)
      } catch (error) {
        return partError(error)
      }
    },
    startDigests: (length) => length !== undefined && length <= PIECE ? createDigester() : threads.start(),
    async digests ({ id, offset }) {
      const file = await open(pathOf(id), 'r').catch(partError)
      try {
        await requireSize(file, offset)
        return await digestFile(file, offset, threads.start())
      } finally {
        await file.close()
      }
    },
    async whole ({ id, offset }, digests) {
      const there = await stat(pathOf(id)).then(() => true, () => false)
      if (there) return content.adopt(pathOf(id), digests, offset)
      if (await content.size(digests.sha256) !== offset) throw lost()
      return { digests, size: offset, keep: () => Promise.resolve(), discard: () => Promise.resolve() }
    }
  }
}

function uploadIn (bytes: Buffer, id: string): StoredUpload {
  const upload = stored<Partial<StoredUpload> | null>(bytes, 'an upload')
  if (upload?.id === id && Number.isSafeInteger(upload.offset) && Number.isSafeInteger(upload.movedAt)) return upload as StoredUpload
  throw new StoreError({ code: 'DAMAGED', message: 'the entry of an upload is not one' })
}

function partOf (file: FileHandle, offset: number): Part {
  const pourer = createPourer(file, offset)
  return {
    append: async (source, digester) => await pourer.append(source, () => digester).catch(full),
    sync: async () => { await file.sync().catch(full) },
    cut: (size) => file.truncate(size),
    close: () => file.close()
  }
}

async function requireSize (file: FileHandle, least: number): Promise<void> {
  if ((await file.stat()).size >= least) return
  await file.close()
  throw lost()
}

function partError (error: unknown): never {
  if ((error as { code?: unknown }).code === 'ENOENT') throw lost()
  return full(error)
}

function lost (): StoreError {
  return new StoreError({ code: 'CONTENT_DAMAGED', message: 'the file of this upload holds less than was acknowledged' })
}

/** Reads on while the last piece is hashed. */
async function digestFile (file: FileHandle, size: number, digester: Digester): Promise<ContentDigests> {
  const pieces = [0, 1].map(() => ({ bytes: new Uint8Array(new SharedArrayBuffer(PIECE)), hashed: Promise.resolve() }))
  try {
    for (let at = 0; at < size;) {
      const piece = pieces.shift() as typeof pieces[number]
      await piece.hashed
      const { bytesRead } = await file.read(piece.bytes, 0, Math.min(PIECE, size - at), at)
      if (bytesRead === 0) throw lost()
      piece.hashed = Promise.resolve(digester.update(piece.bytes.subarray(0, bytesRead)))
      piece.hashed.catch(() => undefined) // it is awaited when its turn comes
      pieces.push(piece)
      at += bytesRead
    }
    await Promise.all(pieces.map(({ hashed }) => hashed))
  } catch (error) {
    await digester.digest().catch(() => undefined) // forgets the stream
    throw error
  }
  return await digester.digest()
}
