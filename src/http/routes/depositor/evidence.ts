import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import { receiptBytes } from '../../../core/receipt.js'
import type { Notary } from '../../../notary/notary.js'
import type { FoundDeposit } from '../../../notary/reader.js'
import type { Stall } from '../../../notary/stalls.js'
import { keyOf } from '../../plugins/auth.js'
import { sendContent } from '../../content.js'
import { answers, Decimal, Digests, Document, NumberParams, State, Time } from '../../schemas.js'

const Evidence = Type.Object({
  number: Type.String(),
  sequence: Decimal,
  state: State,
  receivedAt: Time,
  batch: Type.Optional(Decimal),
  digests: Digests,
  size: Type.Optional(Decimal),
  waiting: Type.Optional(Type.Object({ stage: Type.String(), code: Type.String(), since: Time }, {
    description: 'only while the way to the next state is held up: by which stage, since when, and with which error'
  })),
  record: Document('steelyard/record/v1')
})

const Bytes = Type.Unsafe<Buffer>({ type: 'string', format: 'binary' })

const Wait = Type.Object({
  wait: Type.Optional(Type.Union([Type.Literal('sealed'), Type.Literal('anchored'), Type.Literal('final')])),
  timeout: Type.Optional(Type.Integer({ minimum: 0, maximum: 60, description: 'seconds' }))
}, { additionalProperties: false })

const Disclose = Type.Object({
  disclose: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String(), { maxItems: 256 })], { description: 'metadata fields to open' }))
}, { additionalProperties: false })

const COMMON = { tags: ['depositor'], security: [{ key: [] as string[] }], params: NumberParams }

/** What a depositor gets back: state, receipt, proof and content of its own deposits. */
export const evidenceRoutes: FastifyPluginCallbackTypebox<{ notary: Notary }> = (app, { notary }, done) => {
  const { reader, prover, progress, stalls } = notary
  const onRequest = app.requireScope('read')
  const find = async (request: FastifyRequest): Promise<FoundDeposit> =>
    await reader.deposit((request.params as { number: string }).number, keyOf(request))

  app.get('/v1/evidence/:number', {
    onRequest,
    schema: { ...COMMON, operationId: 'getEvidence', summary: 'State and record of a deposit', querystring: Wait, response: answers({ 200: Evidence }) }
  }, async (request, reply) => {
    const { wait, timeout = 30 } = request.query
    const first = await find(request)
    if (wait !== undefined) await whileOpen(request, async (signal) => await progress.reach(first.sequence, wait, timeout * 1000, signal))
    const { record, sequence, state, batch } = wait === undefined ? first : await find(request)
    void reply.header('cache-control', 'no-store')
    return {
      number: record.number,
      sequence: String(sequence),
      state,
      receivedAt: record.receivedAt,
      ...(batch === undefined ? {} : { batch: String(batch.number) }),
      digests: record.content.digests,
      ...(record.content.size === undefined ? {} : { size: record.content.size }),
      ...waitingOf(stalls.of(state)),
      record
    }
  })

  app.get('/v1/evidence/:number/proof', {
    onRequest,
    schema: {
      ...COMMON, operationId: 'getProof', summary: 'The proof: its exact bytes', querystring: Disclose, response: answers({ 200: Document('steelyard/proof/v1') })
    }
  }, async (request, reply) => {
    const found = await find(request)
    const { record, state } = found
    const { disclose = [] } = request.query
    const bytes = await prover.prove(found, typeof disclose === 'string' ? [disclose] : disclose)
    return await reply.headers({ ...attachment(record.number, 'proof'), 'steelyard-state': state }).send(bytes)
  })

  app.get('/v1/evidence/:number/receipt', {
    onRequest,
    schema: { ...COMMON, operationId: 'getReceipt', summary: 'The receipt: its exact bytes', response: answers({ 200: Document('steelyard/receipt/v1') }) }
  }, async (request, reply) => {
    const { sequence, record } = await find(request)
    return await reply.headers(attachment(record.number, 'receipt')).send(receiptBytes(await prover.receipt(sequence)))
  })

  app.get('/v1/evidence/:number/content', {
    onRequest,
    schema: {
      ...COMMON,
      operationId: 'getContent',
      summary: 'The deposited bytes, verified while they are read; one range of them, after all were verified. The entity tag is their SHA-256',
      response: answers({ 200: Bytes, 206: Bytes, 304: Type.Null() })
    }
  }, async (request, reply) => {
    const found = await find(request)
    return await sendContent(request, reply, found.record.number, await reader.content(found))
  })
  done()
}

function waitingOf (stall: Stall | undefined): { waiting?: Pick<Stall, 'stage' | 'code' | 'since'> } {
  return stall === undefined ? {} : { waiting: { stage: stall.stage, code: stall.code, since: stall.since } }
}

/** Headers of a document: `send` gets bytes, so that no serializer touches them. */
function attachment (number: string, what: string): Record<string, string> {
  return {
    'content-type': 'application/json; charset=utf-8',
    'content-disposition': `attachment; filename="${number}.${what}.json"`,
    'cache-control': 'private, no-store'
  }
}

/** Runs something that ends early when the client goes away: nobody waits for nobody. The connection is left as it was. */
async function whileOpen<T> ({ raw: { socket } }: FastifyRequest, run: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const abort = (): void => { controller.abort() }
  socket.once('close', abort)
  try {
    return await run(controller.signal)
  } finally {
    socket.off('close', abort)
  }
}
