import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'

/** What is computed of a file, in one pass and constant memory. */
export interface FileDigests {
  readonly sha256: Uint8Array
  readonly sm3: Uint8Array
  /** Bytes. */
  readonly size: bigint
}

const CHUNK = 1 << 20

/**
 * Both digests and the size of a file. `onProgress` is told how many bytes were read so far. Rejects with node's own error when the file
 * cannot be read.
 */
export async function hashFile (path: string, onProgress?: (bytes: number) => void): Promise<FileDigests> {
  const sha256 = createHash('sha256')
  const sm3 = createHash('sm3')
  let size = 0
  for await (const chunk of createReadStream(path, { highWaterMark: CHUNK }) as AsyncIterable<Buffer>) {
    sha256.update(chunk)
    sm3.update(chunk)
    size += chunk.length
    onProgress?.(size)
  }
  return { sha256: new Uint8Array(sha256.digest()), sm3: new Uint8Array(sm3.digest()), size: BigInt(size) }
}
