import { Readable } from 'node:stream'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import type { Notary } from '../../../notary/notary.js'
import { timeText } from '../../../notary/context.js'
import { exportArchive } from '../../../ops/archive/write.js'
import { answers } from '../../schemas.js'

const Backup = Type.Object({
  content: Type.Optional(Type.Boolean({ description: 'false: leave the content files out' }))
}, { additionalProperties: false })

/** What only an administrator may do while the service runs. */
export const adminRoutes: FastifyPluginCallbackTypebox<{ notary: Notary }> = (app, { notary }, done) => {
  app.post('/v1/admin/backup', {
    onRequest: app.requireScope('admin'),
    schema: {
      operationId: 'backup',
      summary: 'Everything as of this moment, as an archive that verifies itself; `steelyard import` restores it',
      tags: ['operator'],
      security: [{ key: [] }],
      querystring: Backup,
      response: answers({ 200: Type.Unsafe<Buffer>({ type: 'string', format: 'binary' }) })
    }
  }, async (request, reply) => {
    const { context, store } = notary
    const view = store.view()
    // An archive whose end is missing verifies nowhere: a failure under way cuts the connection, and the caller keeps nothing.
    const archive = (async function * () {
      try {
        yield * exportArchive({
          view,
          crypto: context.crypto,
          now: timeText(context.clock()),
          withContent: request.query.content ?? true,
          onProgress: () => undefined,
          onLeftOut: (object) => { context.log.error({ object }, 'left out of a backup: it is not what was written (steelyard fsck)') }
        })
      } catch (error) {
        context.log.error({ err: error }, 'a backup could not be completed')
        throw error
      } finally {
        await view.close()
      }
    })()
    return await reply.headers({
      'content-type': 'application/x-tar',
      'content-disposition': 'attachment; filename="steelyard-backup.tar"',
      'cache-control': 'private, no-store'
    }).send(Readable.from(archive, { objectMode: false }))
  })
  done()
}
