import type { ContentDigests, Digester } from '../store/digester.js'
import type { StoredUpload, Uploads as UploadFiles } from '../store/uploads.js'
import type { Context } from './context.js'
import { NotaryError } from './errors.js'
import type { UploadBody } from './upload-body.js'

/** Bytes after which what has come is made durable: so much at most is sent again after a kill. */
const SEGMENT = 64 * 1024 * 1024

/** An upload that has not ended. One request at a time may change it; all that is known of it and not on disk is its running hash. */
export interface OpenUpload {
  /** As it is on disk. */
  readonly stored: StoredUpload
  /** Runs alone; UPLOAD_LOCKED while something else does. `stop` ends it early. */
  alone<T> (work: () => Promise<T>, stop?: () => void): Promise<T>
  /** Runs alone, after whatever runs now. */
  inTurn<T> (work: () => Promise<T>): Promise<T>
  readonly isTaken: boolean
  /** Asks what runs to end. */
  stop (): void
  save (changes: Partial<StoredUpload>): Promise<void>
  /** Appends a body. What came of one that is cut is kept, unless a checksum goes with it; all that is counted is durable. */
  append (body: UploadBody, asOne: boolean): Promise<void>
  /** Of all bytes: from the running hash, or from the file when nobody remembers them. */
  digests (): Promise<ContentDigests>
  /** Keeps of it what its deposit can be found by, or why it was refused. */
  end (how: NonNullable<StoredUpload['end']>): Promise<void>
  /** Forgets the running hash. */
  forget (): Promise<void>
}

/** Hashes nothing: the bytes before are not in any running hash. */
const NOT_HASHED: Digester = { update: () => undefined, digest: () => Promise.reject(new TypeError('nothing was hashed')) }

export function createOpenUpload ({ checkpoint, clock }: Pick<Context, 'checkpoint' | 'clock'>, files: UploadFiles, initial: StoredUpload): OpenUpload {
  let stored = initial
  let turn: { readonly done: Promise<void>, readonly stop: () => void } | undefined
  let running: { readonly digester: Digester, hashed: number } | undefined

  const save = async (changes: Partial<StoredUpload>): Promise<void> => {
    const next = { ...stored, ...changes }
    await files.save(next)
    stored = next
  }

  const forget = async (): Promise<void> => {
    const { digester } = running ?? {}
    running = undefined
    await digester?.digest().catch(() => undefined)
  }

  const alone: OpenUpload['alone'] = async (work, stop = () => undefined) => {
    if (turn !== undefined) throw new NotaryError({ code: 'UPLOAD_LOCKED', message: 'another request sends to this upload', retryAfter: 1 })
    let end: () => void = () => undefined
    turn = { done: new Promise((resolve) => { end = resolve }), stop }
    try {
      return await work()
    } finally {
      turn = undefined
      end()
    }
  }

  return {
    get stored () { return stored },
    get isTaken () { return turn !== undefined },
    save,
    forget,
    alone,
    async inTurn (work) {
      for (let before = turn; before !== undefined; before = turn) await before.done
      return await alone(work)
    },
    stop () {
      turn?.stop()
    },
    async append (body, asOne) {
      const part = await files.open(stored)
      try {
        if (stored.offset === 0) {
          await forget()
          running = { digester: files.startDigests(stored.length), hashed: 0 }
        }
        do {
          const size = await part.append(body.take(asOne ? Infinity : SEGMENT), running?.digester ?? NOT_HASHED)
          if (asOne) body.assertWhole()
          await part.sync()
          checkpoint('upload.written')
          await save({ offset: stored.offset + size, movedAt: clock() })
          checkpoint('upload.noted')
          if (running !== undefined) running.hashed = stored.offset
        } while (!body.ended)
      } catch (error) {
        await forget() // it has hashed bytes that do not count
        await part.cut(stored.offset).catch(() => undefined) // the next append does it again
        throw error
      } finally {
        await part.close()
      }
      if (!asOne) body.assertWhole()
    },
    async end (how) {
      const { id, keyId, organization, number, secret, offset, length = offset } = stored
      const ended = { id, keyId, organization, number, secret, offset, length, movedAt: clock(), end: how }
      await files.save(ended)
      stored = ended
      await forget()
    },
    async digests () {
      if (running?.hashed !== stored.offset) return await files.digests(stored)
      const { digester } = running
      running = undefined
      return await digester.digest()
    }
  }
}
