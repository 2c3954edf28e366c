import { createHash } from 'node:crypto'
import { type FileHandle, open, stat } from 'node:fs/promises'
import { StoreError } from './errors.js'

const CHUNK = 256 * 1024

/** A part of a content: from its first byte to its last, both included. */
export interface Part { readonly first: number, readonly last: number }

/**
 * All of a stored file, hashed while it is read. The last chunk is given only if the digest is right; else the stream fails with
 * `CONTENT_DAMAGED`, so a damaged file never arrives as a whole one.
 */
export async function * readVerified (path: string, sha256: string): AsyncGenerator<Uint8Array, void> {
  const hash = createHash('sha256') // the name is this digest; the other one would only cost time
  let held: Uint8Array | undefined
  for await (const chunk of chunks(path)) {
    if (held !== undefined) yield held
    held = chunk
    hash.update(chunk)
  }
  if (hash.digest('hex') !== sha256) {
    throw new StoreError({ code: 'CONTENT_DAMAGED', message: 'the stored content is no longer what was deposited' })
  }
  if (held !== undefined) yield held
}

/** A part of a stored file, after all of it was read and verified: nobody can check a part by itself. */
export async function readPart (path: string, sha256: string, part: Part): Promise<AsyncGenerator<Uint8Array, void>> {
  const whole = readVerified(path, sha256)
  while (await whole.next().then(({ done }) => done !== true));
  return chunks(path, part)
}

async function * chunks (path: string, { first, last }: Part = { first: 0, last: Infinity }): AsyncGenerator<Uint8Array, void> {
  const file = await openContent(path)
  try {
    for (let at = first; at <= last;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(CHUNK), 0, Math.min(CHUNK, last - at + 1), at)
      if (bytesRead === 0) return
      at += bytesRead
      yield buffer.subarray(0, bytesRead)
    }
  } finally {
    await file.close()
  }
}

/** Whatever else lies in the place of the file is not opened: to open a pipe waits for somebody who writes into it. */
async function openContent (path: string): Promise<FileHandle> {
  const found = await stat(path).catch(() => undefined)
  if (found?.isFile() === false) throw new StoreError({ code: 'CONTENT_DAMAGED', message: 'what lies in the place of the stored content is not a file' })
  return await open(path, 'r').catch((cause: unknown) => {
    throw new StoreError({ code: 'CONTENT_MISSING', message: 'the content is not in the store', cause })
  })
}
