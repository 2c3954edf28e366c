import { createHash } from 'node:crypto'

export interface ContentDigests {
  readonly sha256: string
  readonly sm3: string
}

/**
 * Hashes a stream with both algorithms. `update` may return a promise: a digester that hashes in other threads makes the caller wait
 * there when it is behind. A chunk must not be changed after it was given.
 */
export interface Digester {
  update (chunk: Uint8Array): Promise<void> | undefined
  digest (): Promise<ContentDigests>
}

/** Both digests one after the other on this thread. */
export function createDigester (): Digester {
  const sha256 = createHash('sha256')
  const sm3 = createHash('sm3')
  return {
    update (chunk) {
      sha256.update(chunk)
      sm3.update(chunk)
      return undefined
    },
    digest: () => Promise.resolve({ sha256: sha256.digest('hex'), sm3: sm3.digest('hex') })
  }
}
