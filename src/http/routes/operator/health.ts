import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Notary } from '../../../notary/notary.js'

const Stage = Type.Object({
  name: Type.String(),
  depth: Type.Integer(),
  failures: Type.Integer(),
  lastSuccess: Type.Optional(Type.String()),
  lastError: Type.Optional(Type.Object({ code: Type.String(), at: Type.String() })),
  alarm: Type.Optional(Type.String())
})
const Ready = Type.Object({
  status: Type.Union([Type.Literal('ready'), Type.Literal('not-ready')]),
  intake: Type.Union([Type.Literal('open'), Type.Literal('closed')]),
  ledger: Type.Union([Type.Literal('up'), Type.Literal('down')]),
  reasons: Type.Array(Type.String()),
  log: Type.String(),
  fingerprint: Type.Optional(Type.String()),
  deposits: Type.Object({ received: Type.Integer(), sealed: Type.Integer(), anchored: Type.Integer(), final: Type.Integer() }),
  unanchoredAgeMs: Type.Integer(),
  stages: Type.Array(Stage)
})

/** Liveness: the process answers. Readiness: a deposit made now would be accepted and reach the ledger. */
export const healthRoutes: FastifyPluginCallbackTypebox<{ notary: Notary }> = (app, { notary }, done) => {
  app.get('/health/live', {
    schema: { operationId: 'live', tags: ['operator'], response: { 200: Type.Object({ status: Type.Literal('live') }) } }
  }, () => ({ status: 'live' as const }))

  app.get('/health/ready', {
    schema: { operationId: 'ready', tags: ['operator'], response: { 200: Ready, 503: Ready } }
  }, (_request, reply) => {
    const state = readiness(notary)
    void reply.code(state.status === 'ready' ? 200 : 503).header('cache-control', 'no-store').send(state)
  })
  done()
}

function readiness ({ intake, link, bundles, stages, progress, backlog, committer, context }: Notary): Type.Static<typeof Ready> {
  const statuses = stages.map((stage) => stage.status())
  const closed = refusal(() => { intake.assertOpen() })
  const reasons = [
    ...(closed === undefined ? [] : [closed]),
    ...(link.isUp ? [] : ['LEDGER_UNAVAILABLE']),
    ...(bundles.fingerprint === undefined ? ['BUNDLE_NOT_READY'] : []),
    ...(committer.failure === undefined ? [] : ['STORE_FAILED']),
    ...statuses.flatMap(({ alarm }) => alarm === undefined ? [] : [alarm])
  ]
  return {
    status: reasons.length === 0 ? 'ready' : 'not-ready',
    intake: closed === undefined ? 'open' : 'closed',
    ledger: link.isUp ? 'up' : 'down',
    reasons: [...new Set(reasons)],
    log: context.origin,
    ...(bundles.fingerprint === undefined ? {} : { fingerprint: bundles.fingerprint }),
    deposits: {
      received: progress.received, sealed: progress.sealed.sequence, anchored: progress.anchored.sequence, final: progress.final.sequence
    },
    unanchoredAgeMs: backlog.age(),
    stages: statuses.map(({ name, depth, failures, lastSuccess, lastError, alarm }) => ({
      name,
      depth,
      failures,
      ...(lastSuccess === undefined ? {} : { lastSuccess }),
      ...(lastError === undefined ? {} : { lastError: { code: lastError.code, at: lastError.at } }),
      ...(alarm === undefined ? {} : { alarm })
    }))
  }
}

function refusal (attempt: () => void): string | undefined {
  try {
    attempt()
    return undefined
  } catch (error) {
    return (error as { code: string }).code
  }
}
