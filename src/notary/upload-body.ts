import { createHash } from 'node:crypto'
import { NotaryError } from './errors.js'

/** What a request says the bytes in it hash to. */
export interface Checksum {
  readonly algorithm: string
  readonly digest: Buffer
}

export interface BodyOptions {
  /** Most bytes that may come. */
  readonly room: number
  readonly checksum: Checksum | undefined
  /** Told of all bytes before they are given on; what it throws ends the body. */
  readonly spend: (bytes: number) => void
}

/**
 * The bytes of a request, taken in several streams, so that in between they can be made durable. A request that is cut ends the stream as its
 * end does.
 */
export interface UploadBody {
  /** The next bytes, about as many; UPLOAD_TOO_LARGE when more come than there is room for. */
  take (about: number): AsyncGenerator<Uint8Array, void>
  readonly ended: boolean
  /** Throws when the request was cut, or when its bytes are not those of the checksum. */
  assertWhole (): void
}

export function createUploadBody (source: AsyncIterable<Uint8Array>, { room, checksum, spend }: BodyOptions): UploadBody {
  const iterator = source[Symbol.asyncIterator]()
  const hash = checksum === undefined ? undefined : createHash(checksum.algorithm)
  let taken = 0
  let ended = false
  let failure: { readonly cause: unknown } | undefined
  const next = async (): Promise<Uint8Array | undefined> => {
    try {
      const step = await iterator.next()
      if (step.done !== true) return step.value
    } catch (cause) {
      failure = { cause }
    }
    ended = true
    return undefined
  }
  return {
    get ended () { return ended },
    async * take (about) {
      for (let left = about; left > 0;) {
        const chunk = await next()
        if (chunk === undefined) return
        taken += chunk.length
        try {
          if (taken > room) throw new NotaryError({ code: 'UPLOAD_TOO_LARGE', message: `the body goes on after the ${room} bytes that are left of this upload` })
          spend(chunk.length)
        } catch (error) {
          await iterator.return?.() // nobody reads on
          throw error
        }
        left -= chunk.length
        hash?.update(chunk)
        yield chunk
      }
    },
    assertWhole () {
      if (failure !== undefined) {
        throw new NotaryError({ code: 'UPLOAD_TRUNCATED', message: `the body ended after ${taken} bytes, before its end`, cause: failure.cause })
      }
      if (hash !== undefined && checksum?.digest.equals(hash.digest()) === false) {
        throw new NotaryError({ code: 'UPLOAD_CHECKSUM', message: `the ${checksum.algorithm} of the body is not that of Upload-Checksum; nothing of it is kept` })
      }
    }
  }
}
