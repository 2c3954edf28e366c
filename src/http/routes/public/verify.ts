import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { jcsBytes } from '../../../core/jcs.js'
import { canonicalEvidenceNumber } from '../../../core/evidence-number.js'
import type { Report } from '../../../core/findings.js'
import { parseProof, PROOF_LIMITS } from '../../../core/proof.js'
import type { Notary } from '../../../notary/notary.js'
import type { Held } from '../../../notary/verifying.js'
import { createDigester } from '../../../store/digester.js'
import { digestField, type FormReader, readForm } from '../../multipart.js'
import { HttpError } from '../../problems.js'
import { answers, Document, GivenSha256, GivenSm3, lowerCase } from '../../schemas.js'
import { smallText } from '../depositor/upload.js'

const Body = Type.Object({
  sha256: GivenSha256,
  sm3: Type.Optional(GivenSm3),
  size: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
  name: Type.Optional(Type.String({ maxLength: 255 })),
  number: Type.Optional(Type.String({ minLength: 1, maxLength: 64 })),
  proof: Type.Optional(Type.Unknown({ description: 'a steelyard/proof/v1 object' }))
}, { additionalProperties: false })

const Sentences = Type.Object({ en: Type.String(), zh: Type.String() })
const Verification = Type.Object({
  type: Type.Literal('steelyard/verification/v1'),
  match: Type.Boolean({ description: 'true only when the file is the one that the number or the proof is about: the integrity finding is consistent. The report says why not; without a report, no deposit with this number has these digests' }),
  sentences: Type.Optional(Sentences),
  report: Type.Optional(Document('steelyard/report/v1'))
})

const NO_MATCH = {
  type: 'steelyard/verification/v1' as const,
  match: false,
  sentences: {
    en: 'There is no deposit with this number and this content. Check the number and the file; this answer does not say which of them is another.',
    zh: '没有编号与内容均相符的存证。请核对编号与文件；本答复不说明是哪一项不符。'
  }
}

interface Options {
  readonly notary: Notary
  /** Verifications per minute and address; 0: no limit. */
  readonly rateLimit: number
  readonly maxFileSize: number
}

/** Verification by anybody: a file or its digests, and a number or a proof. Nothing of it is stored. */
export const verifyRoutes: FastifyPluginCallbackTypebox<Options> = (app, { notary, rateLimit, maxFileSize }, done) => {
  const config = rateLimit > 0 ? { rateLimit: { max: rateLimit, timeWindow: 60_000 } } : {}

  app.post('/v1/verify', {
    config,
    bodyLimit: PROOF_LIMITS.bytes,
    preValidation: async (request) => {
      if (request.isMultipart()) request.body = await questionOfForm(request, maxFileSize)
    },
    schema: {
      operationId: 'verify',
      summary: 'Verify a file (multipart part `file`) or digests (JSON) against a `number` or a `proof`',
      tags: ['public'],
      consumes: ['application/json', 'multipart/form-data'],
      body: Body,
      response: answers({ 200: Verification })
    }
  }, async (request) => await answer(notary, request.body))

  app.post('/v1/proofs/upgrade', {
    config,
    bodyLimit: PROOF_LIMITS.bytes,
    schema: {
      operationId: 'upgradeProof',
      summary: 'The same proof with all attestations that exist by now: its exact bytes',
      tags: ['public'],
      body: Type.Object({}, { additionalProperties: true }),
      response: answers({ 200: Document('steelyard/proof/v1') })
    }
  }, async (request, reply) => {
    const proof = await notary.prover.upgrade(parseProof(jcsBytes(request.body)))
    return await reply.type('application/json; charset=utf-8').send(proof)
  })
  done()
}

type Question = Type.Static<typeof Body>

async function answer ({ verifying }: Notary, question: Question): Promise<Type.Static<typeof Verification>> {
  const { number, proof } = question
  const held = heldOf(question)
  if ((number === undefined) === (proof === undefined)) {
    throw new HttpError('REQUEST_INVALID', 'either a number or a proof is needed')
  }
  const report = number === undefined
    ? verifying.byProof(held, proof instanceof Uint8Array ? proof : jcsBytes(proof))
    : await verifying.byNumber(held, canonicalEvidenceNumber(number))
  return report === undefined ? NO_MATCH : judged(report)
}

/** Of the exhibit alone: a proof that cannot be read, or that is about another file, matches nothing, whatever else the report says. */
function judged (report: Report): Type.Static<typeof Verification> {
  const match = report.findings.some(({ name, state }) => name === 'integrity' && state === 'consistent')
  return { type: 'steelyard/verification/v1', match, report }
}

function heldOf ({ size, name, ...digests }: Question): Held {
  return {
    digests: lowerCase(digests),
    ...(size === undefined ? {} : { size }),
    ...(name === undefined ? {} : { name })
  }
}

/** A form says the same as the JSON body, with the file in place of its digests; a proof comes as the bytes of its file. */
async function questionOfForm (request: FastifyRequest, maxFileSize: number): Promise<Question> {
  const question: { -readonly [K in keyof Question]?: Question[K] } = {}
  let hasFile = false
  const reader: FormReader = {
    async file (name, stream, filename) {
      if (name === 'proof') {
        question.proof = Buffer.from(await smallText(name, stream, PROOF_LIMITS.bytes))
      } else if (name === 'file') {
        const { size, ...digests } = await digest(stream)
        Object.assign(question, digests, { size }, filename === '' ? {} : { name: filename.slice(0, 255) })
        hasFile = true
      } else {
        throw new HttpError('MULTIPART_INVALID', `the form has a file named ${name}, which is none of its parts`)
      }
    },
    field (name, value) {
      if (name === 'number') question.number = value
      else if (name === 'proof') question.proof = Buffer.from(value)
      else if ((name === 'sha256' || name === 'sm3') && !hasFile) question[name] ??= digestField(name, value)
      else throw new HttpError('FIELD_INVALID', `the form has no field ${name}, or a file takes its place`)
    }
  }
  await readForm(request, reader, maxFileSize)
  if (question.sha256 === undefined) throw new HttpError('FILE_MISSING', 'the form has no part named file, and no sha256')
  return question as Question
}

async function digest (stream: AsyncIterable<Uint8Array>): Promise<{ sha256: string, sm3: string, size: number }> {
  const digester = createDigester()
  let size = 0
  for await (const chunk of stream) {
    await digester.update(chunk)
    size += chunk.length
  }
  return { ...await digester.digest(), size }
}
