import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Notary } from '../../../notary/notary.js'
import type { StageStatus } from '../../../notary/stage.js'
import { readinessOf } from '../../readiness.js'

const Stage = Type.Object({
  name: Type.String(),
  depth: Type.Integer(),
  failures: Type.Integer(),
  lastSuccess: Type.Optional(Type.String()),
  lastError: Type.Optional(Type.Object({ code: Type.String(), at: Type.String() })),
  failingSince: Type.Optional(Type.String()),
  alarm: Type.Optional(Type.String())
})
const Stalled = Type.Object({
  code: Type.String({ description: 'SEALING_STALLED, ANCHORING_STALLED or FINALITY_STALLED' }),
  stage: Type.String(),
  error: Type.String({ description: 'code of the error that is repeated' }),
  since: Type.String(),
  message: Type.String()
})
const Organization = Type.Object({
  mspId: Type.String(),
  endorses: Type.Boolean(),
  since: Type.Optional(Type.String()),
  code: Type.Optional(Type.String({ description: 'UNREACHABLE, DENIED, DIFFERS, REFUSED, or the contract\'s own code, such as CLOCK' })),
  message: Type.Optional(Type.String())
})
const Ready = Type.Object({
  status: Type.Union([Type.Literal('ready'), Type.Literal('not-ready')]),
  intake: Type.Union([Type.Literal('open'), Type.Literal('closed')]),
  ledger: Type.Union([Type.Literal('up'), Type.Literal('stalled'), Type.Literal('down')]),
  reasons: Type.Array(Type.String()),
  stalled: Type.Optional(Stalled),
  detail: Type.Optional(Type.String({ description: 'what is stalled, why the ledger cannot be used, what a service that starts waits for, or why deposits are refused, in a sentence' })),
  log: Type.String(),
  fingerprint: Type.Optional(Type.String()),
  organizations: Type.Array(Organization, { description: 'how each organization of the ledger answers what is put to all of them' }),
  deposits: Type.Object({ received: Type.Integer(), sealed: Type.Integer(), anchored: Type.Integer(), final: Type.Integer() }),
  unanchoredAgeMs: Type.Integer(),
  clock: Type.Optional(Type.Object({
    stepMs: Type.Integer({ description: 'by how much the system\'s clock stepped, and the ledger has not confirmed it' }),
    behindMs: Type.Integer({ description: 'by how much the clock is behind times that were stated already' })
  })),
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

function readiness (notary: Notary): Type.Static<typeof Ready> {
  const { bundles, stages, progress, backlog, context, link, steadyClock } = notary
  const { isClosed, stalled, detail, reasons } = readinessOf(notary)
  return {
    status: reasons.length === 0 ? 'ready' : 'not-ready',
    intake: isClosed ? 'closed' : 'open',
    ledger: ledgerOf(notary),
    reasons: [...reasons],
    ...(stalled === undefined ? {} : { stalled }),
    ...(detail === undefined ? {} : { detail }),
    log: context.origin,
    ...(bundles.fingerprint === undefined ? {} : { fingerprint: bundles.fingerprint }),
    organizations: [...link.ledger()?.organizations() ?? []],
    deposits: {
      received: progress.received, sealed: progress.sealed.sequence, anchored: progress.anchored.sequence, final: progress.final.sequence
    },
    unanchoredAgeMs: backlog.age(),
    ...(steadyClock === undefined ? {} : { clock: { stepMs: steadyClock.stepMs, behindMs: steadyClock.aheadMs } }),
    stages: stages.map((stage) => stageOf(stage.status()))
  }
}

function ledgerOf ({ link, stalls }: Notary): 'up' | 'stalled' | 'down' {
  if (!link.isUp) return 'down'
  return stalls.isLedgerUp ? 'up' : 'stalled'
}

function stageOf ({ name, depth, failures, lastSuccess, lastError, failingSince, alarm }: StageStatus): Type.Static<typeof Stage> {
  return {
    name,
    depth,
    failures,
    ...(lastSuccess === undefined ? {} : { lastSuccess }),
    ...(lastError === undefined ? {} : { lastError: { code: lastError.code, at: lastError.at } }),
    ...(failingSince === undefined ? {} : { failingSince }),
    ...(alarm === undefined ? {} : { alarm })
  }
}
