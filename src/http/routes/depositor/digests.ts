import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Json } from '../../../core/jcs.js'
import type { DigestsDeposit } from '../../../notary/intake.js'
import type { Notary } from '../../../notary/notary.js'
import { signedClaim } from '../../claim.js'
import { keyOf } from '../../plugins/auth.js'
import { answers, Claim, Deposited, GivenSha256, GivenSm3, lowerCase, Metadata } from '../../schemas.js'
import { depositedText } from './deposited.js'

/** What is stated of a file that stays with its owner. */
export const DigestsBody = Type.Object({
  sha256: GivenSha256,
  sm3: Type.Optional(GivenSm3),
  size: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER, description: 'bytes, at least one' })),
  metadata: Type.Optional(Metadata),
  claim: Type.Optional(Claim)
}, { additionalProperties: false })

/** A body as the notary takes it. */
export function digestsDeposit ({ size, metadata, claim, ...digests }: Type.Static<typeof DigestsBody>): DigestsDeposit {
  return {
    digests: lowerCase(digests),
    size,
    metadata: metadata as Record<string, Json> | undefined,
    claim: signedClaim(claim)
  }
}

/** Deposits of digests alone. The hot path: the answer's text is put together from texts that exist already. */
export const digestRoutes: FastifyPluginCallbackTypebox<{ notary: Notary }> = (app, { notary }, done) => {
  app.post('/v1/evidence/digests', {
    onRequest: app.requireScope('deposit'),
    schema: {
      operationId: 'depositDigests',
      summary: 'Deposit the digests of a file that stays with its owner',
      tags: ['depositor'],
      security: [{ key: [] }],
      body: DigestsBody,
      response: answers({ 201: Deposited })
    }
  }, async (request, reply) => {
    const deposited = await notary.intake.digests(keyOf(request), digestsDeposit(request.body))
    reply.code(201).header('content-type', 'application/json; charset=utf-8').header('x-content-type-options', 'nosniff')
    return depositedText(deposited)
  })
  done()
}
