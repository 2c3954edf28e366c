import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { Json } from '../../../core/jcs.js'
import type { SignedClaim } from '../../../core/claim.js'
import type { Expected, Said } from '../../../notary/intake.js'
import type { Notary } from '../../../notary/notary.js'
import type { Received } from '../../../store/content.js'
import { digestField, type FormReader, jsonField, readForm } from '../../multipart.js'
import { claimField } from '../../claim.js'
import { keyOf } from '../../plugins/auth.js'
import { HttpError } from '../../problems.js'
import { answers, Deposited } from '../../schemas.js'
import { depositedText } from './deposited.js'

/** Deposits of files: multipart, fields in any order, streamed to the content store. Nothing is kept of a request that fails. */
export const uploadRoutes: FastifyPluginCallbackTypebox<{ notary: Notary, maxFileSize: number }> = (app, { notary, maxFileSize }, done) => {
  app.post('/v1/evidence', {
    onRequest: app.requireScope('deposit'),
    schema: {
      operationId: 'depositFile',
      summary: 'Deposit a file: parts `file`, optional `metadata` (JSON object), `sha256`, `sm3` (expected digests), `claim` (JSON object, as in depositDigests)',
      tags: ['depositor'],
      security: [{ key: [] }],
      consumes: ['multipart/form-data'],
      response: answers({ 201: Deposited })
    }
  }, async (request, reply) => {
    notary.intake.assertOpen(Number(request.headers['content-length'] ?? 0)) // before a body of any size is read
    const form = createDepositForm(notary)
    try {
      await readForm(request, form, maxFileSize)
      const { received, expected, said } = form.result()
      const deposited = await notary.intake.file(keyOf(request), received, expected, said)
      reply.code(201).header('content-type', 'application/json; charset=utf-8')
      return depositedText(deposited)
    } finally {
      await form.discard() // of what was kept nothing is left to discard
    }
  })
  done()
}

interface DepositForm extends FormReader {
  result (): { received: Received, expected: Expected, said: Said }
  discard (): Promise<void>
}

function createDepositForm ({ intake }: Notary): DepositForm {
  let received: Received | undefined
  let metadata: Record<string, Json> | undefined
  let claim: SignedClaim | undefined
  const expected: { sha256?: string, sm3?: string } = {}
  return {
    async file (name, stream) {
      if (name === 'metadata') metadata = jsonField(name, await smallText(name, stream)) as Record<string, Json>
      else if (name === 'file') received = await intake.receive(stream)
      else throw new HttpError('MULTIPART_INVALID', `the form has a file named ${name}, which is none of its parts`)
    },
    field (name, value) {
      if (name === 'sha256' || name === 'sm3') expected[name] = digestField(name, value)
      else if (name === 'metadata') metadata = jsonField(name, value) as Record<string, Json>
      else if (name === 'claim') claim = claimField(jsonField(name, value))
      else throw new HttpError('FIELD_INVALID', `the form has no field ${name}`)
    },
    result () {
      if (received === undefined) throw new HttpError('FILE_MISSING', 'the form has no part named file')
      return { received, expected, said: { metadata, claim } }
    },
    async discard () {
      await received?.discard()
    }
  }
}

/** A small part that was sent as a file, as some clients send JSON. */
export async function smallText (name: string, stream: AsyncIterable<Uint8Array>, limit = 131_072): Promise<string> {
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of stream) {
    size += chunk.length
    if (size <= limit) chunks.push(chunk) // the rest is read and dropped, so that the connection stays usable
  }
  if (size > limit) throw new HttpError('FIELD_INVALID', `${name} is larger than ${limit} bytes`)
  return Buffer.concat(chunks).toString()
}
