/** The bound of the rows of deposits and proofs: Fastify with the same body schema on the same path, or a body as large, and nothing behind it. */
import Fastify from 'fastify'
import { DigestsBody } from '../../src/http/routes/depositor/digests.js'

const app = Fastify()
app.post('/v1/evidence/digests', {
  schema: { body: DigestsBody, response: { 201: { type: 'object', properties: { ok: { type: 'boolean' } } } } }
}, (_request, reply) => {
  void reply.code(201)
  return { ok: true }
})
app.get<{ Params: { bytes: string } }>('/document/:bytes', (request, reply) =>
  reply.header('content-type', 'application/json; charset=utf-8').send(Buffer.alloc(Number(request.params.bytes), 'x')))
process.send?.(await app.listen({ port: 0, host: '127.0.0.1' }))
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.((user + system) / 1e6)
})
process.once('disconnect', () => process.exit())
