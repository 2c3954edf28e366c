/** The bound of the deposits' row: Fastify with the same body schema on the same path, and nothing behind it. */
import Fastify from 'fastify'
import { DigestsBody } from '../../src/http/routes/depositor/digests.js'

const app = Fastify()
app.post('/v1/evidence/digests', {
  schema: { body: DigestsBody, response: { 201: { type: 'object', properties: { ok: { type: 'boolean' } } } } }
}, (_request, reply) => {
  void reply.code(201)
  return { ok: true }
})
process.send?.(await app.listen({ port: 0, host: '127.0.0.1' }))
process.on('message', () => {
  const { user, system } = process.cpuUsage()
  process.send?.((user + system) / 1e6)
})
process.once('disconnect', () => process.exit())
