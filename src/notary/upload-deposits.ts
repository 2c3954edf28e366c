import { fromUtf8 } from '../core/bytes.js'
import { receiptBytes } from '../core/receipt.js'
import type { StoredUpload, Uploads as UploadFiles } from '../store/uploads.js'
import type { Context } from './context.js'
import { NotaryError, type NotaryErrorCode } from './errors.js'
import type { Deposited, Intake } from './intake.js'
import type { OpenUpload } from './open-upload.js'
import type { Prover } from './prover.js'
import type { Reader } from './reader.js'

export interface UploadDepositsOptions {
  readonly context: Context
  readonly files: UploadFiles
  readonly intake: Intake
  readonly reader: Reader
  readonly prover: Prover
}

/** What ends an upload, since no repetition could help. */
const REFUSALS: readonly string[] = ['CONTENT_EMPTY', 'DIGEST_MISMATCH', 'METADATA_INVALID', 'CLAIM_INVALID'] satisfies NotaryErrorCode[]

/**
 * Makes deposits of uploads whose bytes are all there. Order: digests, synced -> content under its name -> record, under the number that the
 * upload has from its beginning -> end of the upload. Whoever comes here after a kill finds the deposit by that number, or what is missing.
 */
export interface UploadDeposits {
  /** The deposit of an upload, if it was made. */
  of (upload: StoredUpload): Promise<Deposited | undefined>
  /** The deposit, made once however often this is called. A refusal that is final ends the upload too, and keeps nothing of the content. */
  make (upload: OpenUpload): Promise<Deposited>
}

export function createUploadDeposits ({ context, files, intake, reader, prover }: UploadDepositsOptions): UploadDeposits {
  const of = async ({ number, secret }: StoredUpload): Promise<Deposited | undefined> => {
    const found = await reader.anyDeposit(number)
    if (found === undefined) return undefined
    const { sequence, record: { receivedAt, content: { digests } } } = found
    return { number, sequence, receivedAt, digests, receipt: [fromUtf8(receiptBytes(await prover.receipt(sequence)))], secret }
  }

  const end = async (upload: OpenUpload, how: NonNullable<StoredUpload['end']>): Promise<void> => {
    await upload.end(how)
    context.checkpoint('upload.ended')
    await files.removeFile(upload.stored.id)
  }

  const deposit = async (upload: OpenUpload): Promise<Deposited> => {
    intake.assertOpen()
    const digests = upload.stored.digests ?? await upload.digests()
    if (upload.stored.digests === undefined) await upload.save({ digests })
    context.checkpoint('upload.hashed')
    const { keyId, organization, number, secret, expected = {}, metadata, claim } = upload.stored
    const received = await files.whole(upload.stored, digests)
    try {
      return await intake.file({ id: keyId, organization }, received, expected, { metadata, claim }, { number, secret })
    } catch (error) {
      if (error instanceof NotaryError && REFUSALS.includes(error.code)) await end(upload, { code: error.code, message: error.message })
      throw error
    }
  }

  return {
    of,
    async make (upload) {
      const deposited = await of(upload.stored) ?? await deposit(upload)
      context.checkpoint('upload.deposited')
      await end(upload, 'deposited').catch((error: unknown) => { // the deposit is made: the next look ends the upload
        context.log.error({ err: error, upload: upload.stored.id }, 'the end of an upload could not be noted')
      })
      return deposited
    }
  }
}
