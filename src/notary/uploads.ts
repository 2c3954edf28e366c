import type { StoredUpload } from '../store/uploads.js'
import { NotaryError, type NotaryErrorCode } from './errors.js'
import type { Deposited, Depositor, Expected, Said } from './intake.js'
import { createOpenUpload, type OpenUpload } from './open-upload.js'
import { createStage } from './stage.js'
import { type Checksum, createUploadBody } from './upload-body.js'
import { createUploadDeposits, type UploadDepositsOptions } from './upload-deposits.js'

export interface UploadLimits {
  /** Most bytes of an upload. */
  readonly maxFileSize: number
  /** Milliseconds after its last byte at which an upload, or after its end what became of it, is forgotten. */
  readonly expiryMs: number
  /** Most open uploads of a key. */
  readonly perKey: number
}

export interface NewUpload {
  /** Bytes, unless it is said later. */
  readonly length: number | undefined
  readonly expected: Expected
  readonly said: Said
  /** What was given, as it was written, to be answered again. */
  readonly given: string | undefined
}

/** More of an upload. */
export interface Arrival {
  /** Where its bytes go. */
  readonly offset: number
  /** Bytes of the whole upload, where that was left open. */
  readonly length: number | undefined
  /** Bytes of this body, if it says so. */
  readonly bytes: number | undefined
  readonly checksum: Checksum | undefined
  readonly body: AsyncIterable<Uint8Array>
  /** Ends the body early, because the sender has begun anew. */
  readonly stop: () => void
}

/** How far an upload is, and the deposit that it has become. */
export interface UploadState {
  readonly id: string
  readonly offset: number
  readonly length: number | undefined
  readonly expiresAt: number
  readonly given: string | undefined
  readonly deposited: Deposited | undefined
}

/**
 * Files that come in several requests and become deposits with their last byte. An upload belongs to the key that began it. Its evidence
 * number is chosen at its beginning: whoever finishes it, a request or a start after a kill, first looks whether that deposit exists. What
 * became of it can be asked for until it expires; a refusal keeps nothing of the content.
 */
export interface Uploads {
  readonly open: number
  create (by: Depositor, upload: NewUpload): Promise<UploadState>
  /** Takes more bytes, and makes the deposit when they are all there. */
  receive (by: Depositor, id: string, arrival: Arrival): Promise<UploadState>
  /** How far it is, after whatever was still sent to it has ended: for a sender that begins anew. */
  resume (by: Depositor, id: string): Promise<UploadState>
  /** The same without disturbing anybody. */
  state (by: Depositor, id: string): Promise<UploadState>
  /** Gives an upload up; UPLOAD_DEPOSITED when it is too late for that. */
  remove (by: Depositor, id: string): Promise<void>
  close (): Promise<void>
}

export interface UploadsOptions extends UploadDepositsOptions {
  readonly limits: UploadLimits
}

const ID_BYTES = 16
/** Longest time between two looks for what has expired or waits for its deposit. */
const LOOK_MS = 60_000

export async function createUploads (options: UploadsOptions): Promise<Uploads> {
  const { context, files, intake, limits } = options
  const deposits = createUploadDeposits(options)
  const open = new Map<string, OpenUpload>()
  for await (const upload of files.entries()) if (upload.end === undefined) open.set(upload.id, createOpenUpload(context, files, upload))

  const unknown = (): NotaryError => new NotaryError({ code: 'UPLOAD_UNKNOWN', message: 'this key has no such upload, or it has expired' })
  const expiresAt = ({ movedAt }: StoredUpload): number => movedAt + limits.expiryMs
  const find = async (by: Depositor, id: string): Promise<OpenUpload | StoredUpload> => {
    const found = open.get(id) ?? await files.find(id)
    if (found === undefined || ('stored' in found ? found.stored : found).keyId !== by.id) throw unknown()
    return found
  }

  const stateOf = (upload: StoredUpload, deposited?: Deposited): UploadState =>
    ({ id: upload.id, offset: upload.offset, length: upload.length, expiresAt: expiresAt(upload), given: upload.given, deposited })

  /** What has become of an upload that has ended. */
  const outcome = async (upload: StoredUpload): Promise<UploadState> => {
    if (typeof upload.end === 'object') throw new NotaryError({ code: upload.end.code as NotaryErrorCode, message: upload.end.message })
    const deposited = await deposits.of(upload)
    if (deposited === undefined) throw unknown()
    return stateOf(upload, deposited)
  }

  const isComplete = ({ stored: { offset, length } }: OpenUpload): boolean => offset === length

  const assertLength = (length: number | undefined): void => {
    if (length === 0) throw new NotaryError({ code: 'CONTENT_EMPTY', message: 'the content has no bytes' })
    if (length !== undefined && length > limits.maxFileSize) {
      throw new NotaryError({ code: 'UPLOAD_TOO_LARGE', message: `a file may have ${limits.maxFileSize} bytes` })
    }
  }

  const assertFew = (by: Depositor): void => {
    const own = [...open.values()].filter(({ stored }) => stored.keyId === by.id).length
    if (own >= limits.perKey) {
      throw new NotaryError({ code: 'UPLOADS_TOO_MANY', message: `this key has ${own} open uploads: finish or delete one`, retryAfter: 60 })
    }
  }

  /** Bytes that may come, of how many in all; throws when the request does not go on where the upload stands. */
  const roomFor = (stored: StoredUpload, { offset, length = stored.length, bytes = 0 }: Arrival): number => {
    if (offset !== stored.offset) throw new NotaryError({ code: 'UPLOAD_OFFSET', message: `the upload stands at ${stored.offset}` })
    if (stored.length !== undefined && length !== stored.length) {
      throw new NotaryError({ code: 'UPLOAD_LENGTH', message: `${stored.length} bytes were announced` })
    }
    assertLength(length)
    const room = (length ?? limits.maxFileSize) - offset
    if (bytes > room || room < 0) throw new NotaryError({ code: 'UPLOAD_TOO_LARGE', message: `${Math.max(0, room)} bytes are left of this upload` })
    return room
  }

  const accept = async (upload: OpenUpload, arrival: Arrival): Promise<void> => {
    const room = roomFor(upload.stored, arrival)
    const { length, checksum, body } = arrival
    if (length !== undefined && upload.stored.length === undefined) await upload.save({ length })
    if (room > 0) await upload.append(createUploadBody(body, { room, checksum, spend: (bytes) => { intake.spend(bytes) } }), checksum !== undefined)
  }

  /** Finishes what is complete, before anybody is told that it is. */
  const settled = async (upload: OpenUpload): Promise<UploadState> => {
    if (!isComplete(upload)) return stateOf(upload.stored)
    const deposited = await deposits.make(upload).finally(() => { if (upload.stored.end !== undefined) open.delete(upload.stored.id) })
    return stateOf(upload.stored, deposited)
  }

  const drop = async (upload: OpenUpload): Promise<void> => {
    open.delete(upload.stored.id)
    await upload.forget()
    await files.remove(upload.stored.id)
  }

  /** Deposits what waits for it, and forgets what has expired. */
  const lookAt = async (upload: OpenUpload): Promise<void> => {
    const { id } = upload.stored
    if (isComplete(upload)) {
      await settled(upload).catch((error: unknown) => { context.log.warn({ err: error, upload: id }, 'a complete upload could not be deposited') })
    }
    if (open.has(id) && expiresAt(upload.stored) <= context.clock()) await drop(upload)
  }
  const look = async (): Promise<number> => {
    for (const upload of open.values()) if (!upload.isTaken) await upload.alone(() => lookAt(upload))
    for await (const upload of files.entries()) {
      if (upload.end !== undefined && expiresAt(upload) <= context.clock()) await files.remove(upload.id)
    }
    return Math.min(LOOK_MS, limits.expiryMs)
  }
  const stage = createStage({ name: 'uploads', step: look, depth: () => open.size, clock: context.clock, log: context.log })
  stage.wake()

  const resume = async (by: Depositor, id: string): Promise<UploadState> => {
    const upload = await find(by, id)
    if (!('stored' in upload)) return await outcome(upload)
    upload.stop()
    const state = await upload.inTurn(async () => open.has(id) ? await settled(upload) : undefined)
    return state ?? await resume(by, id) // it has ended meanwhile
  }

  return {
    get open () { return open.size },

    async create (by, { length, expected, said, given }) {
      assertLength(length)
      intake.assertOpen(length)
      intake.assertSaid(said)
      assertFew(by)
      const upload: StoredUpload = {
        id: context.random(ID_BYTES).toString('hex'),
        keyId: by.id,
        organization: by.organization,
        ...intake.draw(),
        movedAt: context.clock(),
        offset: 0,
        expected,
        ...(length === undefined ? {} : { length }),
        ...(given === undefined ? {} : { given }),
        ...(said.metadata === undefined ? {} : { metadata: said.metadata }),
        ...(said.claim === undefined ? {} : { claim: said.claim })
      }
      const opened = createOpenUpload(context, files, upload)
      open.set(upload.id, opened) // before the write, so that the limit counts it
      await opened.save({}).catch((error: unknown) => {
        open.delete(upload.id)
        throw error
      })
      context.checkpoint('upload.created')
      return stateOf(upload)
    },

    async receive (by, id, arrival) {
      const upload = await find(by, id)
      if (!('stored' in upload)) {
        const state = await outcome(upload)
        if (arrival.offset !== state.offset) throw new NotaryError({ code: 'UPLOAD_OFFSET', message: `the upload stands at ${state.offset}` })
        return state
      }
      return await upload.alone(async () => {
        if (!open.has(id)) throw unknown()
        intake.assertOpen(arrival.bytes)
        await accept(upload, arrival)
        return await settled(upload)
      }, arrival.stop)
    },

    resume,

    async state (by, id) {
      const upload = await find(by, id)
      if (!('stored' in upload)) return await outcome(upload)
      return isComplete(upload) ? await resume(by, id) : stateOf(upload.stored)
    },

    async remove (by, id) {
      const upload = await find(by, id)
      if ('stored' in upload) {
        upload.stop()
        await upload.inTurn(async () => {
          if (await deposits.of(upload.stored) === undefined) await drop(upload)
        })
      }
      const left = await files.find(id)
      if (left !== undefined && await deposits.of(left) !== undefined) {
        throw new NotaryError({ code: 'UPLOAD_DEPOSITED', message: `this upload is a deposit already, with the evidence number ${left.number}` })
      }
      await files.remove(id)
    },

    async close () {
      for (const upload of open.values()) upload.stop()
      await Promise.all([...open.values()].map((upload) => upload.inTurn(() => Promise.resolve())))
      await stage.close()
    }
  }
}
