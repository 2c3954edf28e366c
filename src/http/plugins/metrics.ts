import type {} from '@fastify/swagger' // the schema properties `operationId` and so on
import type { FastifyInstance } from 'fastify'
import fp from 'fastify-plugin'
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'
import { Type } from 'typebox'
import type { Notary } from '../../notary/notary.js'
import { StoreError } from '../../store/errors.js'
import type { StageStatus } from '../../notary/stage.js'
import { readinessOf } from '../readiness.js'

/** Prometheus metrics: requests by route and status, and the pipeline's depths, ages and failures, read when they are asked for. */
export const metrics = fp((app: FastifyInstance, { notary }: { notary: Notary }, done) => {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry })
  observeRequests(app, registry)
  observePipeline(notary, registry)
  app.get('/metrics', {
    schema: {
      operationId: 'metrics', summary: 'Prometheus metrics', tags: ['operator'], produces: ['text/plain'], response: { 200: Type.Unsafe<string>({ type: 'string' }) }
    }
  }, async (_request, reply) => {
    return await reply.type(registry.contentType).send(await registry.metrics())
  })
  done()
}, { name: 'metrics' })

function observeRequests (app: FastifyInstance, registry: Registry): void {
  const seconds = new Histogram({
    name: 'steelyard_http_request_seconds',
    help: 'duration of requests',
    labelNames: ['method', 'route', 'status'] as const,
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60],
    registers: [registry]
  })
  // Looking a labelled series up costs more than counting in it.
  const series = new Map<string, { observe (value: number): void }>()
  app.addHook('onResponse', (request, reply, next) => {
    const route = request.routeOptions.url ?? 'unknown'
    const key = `${request.method} ${route} ${reply.statusCode}`
    let counter = series.get(key)
    if (counter === undefined) {
      counter = seconds.labels(request.method, route, String(reply.statusCode))
      series.set(key, counter)
    }
    counter.observe(reply.elapsedTime / 1000)
    next()
  })
  const damage = new Counter({
    name: 'steelyard_damage_total',
    help: 'requests that met something damaged in the store, which was not shown',
    labelNames: ['code'] as const,
    registers: [registry]
  })
  app.addHook('onError', (_request, _reply, error, next) => {
    if (error instanceof StoreError) damage.inc({ code: error.code })
    next()
  })
}

function observePipeline (notary: Notary, registry: Registry): void {
  const { progress, committer, backlog, stalls, store, uploads } = notary
  const gauge = (name: string, help: string, read: () => number): void => {
    const metric: Gauge = new Gauge({ name: `steelyard_${name}`, help, registers: [registry], collect: () => { metric.set(read()) } })
  }
  gauge('deposits_received', 'deposits that are durable', () => progress.received)
  gauge('deposits_sealed', 'deposits in a batch', () => progress.sealed.sequence)
  gauge('deposits_anchored', 'deposits on the ledger', () => progress.anchored.sequence)
  gauge('deposits_final', 'deposits whose proof is complete and verified', () => progress.final.sequence)
  gauge('batches_sealed', 'sealed batches', () => progress.sealed.batches)
  gauge('commit_queue', 'deposits that wait for the disk', () => committer.depth)
  gauge('clock_step_seconds', 'by how much the system\'s clock stepped, and the ledger has not confirmed it', () => (notary.steadyClock?.stepMs ?? 0) / 1000)
  gauge('clock_behind_seconds', 'by how much the clock is behind times that were stated', () => (notary.steadyClock?.aheadMs ?? 0) / 1000)
  gauge('store_free_bytes', 'room on the disk of the data folder', () => store.room.free)
  gauge('store_writing', '1 when the last deposits could be written, 0 from a write that failed until one succeeds', () => Number(committer.failure === undefined))
  gauge('unanchored_age_seconds', 'age of the oldest deposit that is not on the ledger', () => backlog.age() / 1000)
  gauge('ledger_up', '1 when the ledger answers and takes what is sent to it', () => Number(stalls.isLedgerUp))
  gauge('uploads_open', 'uploads in parts that have not ended', () => uploads.open)
  gauge('waiting_requests', 'requests that wait for a state', () => progress.waiting)
  observeStages(notary, registry)
  const notReady: Gauge<'reason'> = new Gauge({
    name: 'steelyard_not_ready',
    help: '1 for each reason that /health/ready gives',
    labelNames: ['reason'] as const,
    registers: [registry],
    collect: () => {
      notReady.reset()
      for (const reason of readinessOf(notary).reasons) notReady.set({ reason }, 1)
    }
  })
  const endorsing: Gauge<'organization'> = new Gauge({
    name: 'steelyard_organization_endorsing',
    help: '1 while an organization endorses what the others do, 0 after it failed a few times in a row',
    labelNames: ['organization'] as const,
    registers: [registry],
    collect: () => {
      endorsing.reset()
      for (const { mspId, endorses } of notary.link.ledger()?.organizations() ?? []) endorsing.set({ organization: mspId }, Number(endorses))
    }
  })
}

function observeStages ({ context, stages }: Notary, registry: Registry): void {
  const each = (visit: (status: StageStatus) => void): void => {
    for (const stage of stages) visit(stage.status())
  }
  const gauge = (name: string, help: string, read: (status: StageStatus) => number | undefined): void => {
    const metric: Gauge<'stage'> = new Gauge({
      name: `steelyard_stage_${name}`,
      help,
      labelNames: ['stage'] as const,
      registers: [registry],
      collect: () => {
        each((status) => {
          const value = read(status)
          if (value !== undefined) metric.set({ stage: status.name }, value)
        })
      }
    })
  }
  gauge('depth', 'things that wait for a stage', ({ depth }) => depth)
  gauge('alarm', '1 when a stage has stopped and needs a person', ({ alarm }) => Number(alarm !== undefined))
  gauge('last_success_timestamp_seconds', 'when a stage last did its work', ({ lastSuccess }) => secondsOf(lastSuccess))
  gauge('failing_seconds', 'how long a stage has only failed; 0 while all is well', ({ failingSince }) =>
    failingSince === undefined ? 0 : Math.max(0, (context.clock() - Date.parse(failingSince)) / 1000))

  const failures: Counter<'stage'> = new Counter({
    name: 'steelyard_stage_failures_total',
    help: 'steps of a stage that failed',
    labelNames: ['stage'] as const,
    registers: [registry],
    collect: () => {
      failures.reset() // the stage counts; this only shows it
      each(({ name, failures: count }) => { failures.inc({ stage: name }, count) })
    }
  })
  const lastError: Gauge<'stage' | 'code'> = new Gauge({
    name: 'steelyard_stage_last_error_timestamp_seconds',
    help: 'when a stage last failed, and with which code',
    labelNames: ['stage', 'code'] as const,
    registers: [registry],
    collect: () => {
      lastError.reset() // another code is another series
      each(({ name, lastError: last }) => {
        if (last !== undefined) lastError.set({ stage: name, code: last.code }, Date.parse(last.at) / 1000)
      })
    }
  })
}

function secondsOf (time: string | undefined): number | undefined {
  return time === undefined ? undefined : Date.parse(time) / 1000
}
