import { Readable } from 'node:stream'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { Notary } from '../../../notary/notary.js'
import type { UploadState } from '../../../notary/uploads.js'
import { keyOf } from '../../plugins/auth.js'
import { HttpError } from '../../problems.js'
import { answers, Decimal, Deposited, Time } from '../../schemas.js'
import { abilities, announcedLength, BYTES, bytesHeader, checksumOf, progressHeaders, readMetadata, requireVersion } from '../../tus.js'
import { depositedText } from './deposited.js'

const PATH = '/v1/uploads'
const Params = Type.Object({ id: Type.String({ pattern: '^[0-9a-f]{32}$' }) })
const Receiving = Type.Object({
  state: Type.Literal('receiving'), offset: Decimal, length: Type.Optional(Decimal), expiresAt: Time
}, { description: 'not all bytes are there' })
const COMMON = { tags: ['depositor'], security: [{ key: [] as string[] }] }
const DRAIN_MS = 5000
const JSON_TYPE = 'application/json; charset=utf-8'

/**
 * Resumable deposits by tus 1.0.0 (https://tus.io): an upload is a deposit when its last byte is there. The answer to the deposit is the body of
 * the 201 where creation brought all bytes, and else at the upload's own address by GET; a 204 has no body.
 */
export const resumableRoutes: FastifyPluginCallbackTypebox<{ notary: Notary, maxFileSize: number }> = (app, { notary, maxFileSize }, done) => {
  const { uploads } = notary
  const onRequest = app.requireScope('deposit')
  app.addContentTypeParser(BYTES, (_request, payload, next) => { next(null, payload) })
  app.addHook('onRequest', (request, reply, next) => {
    requireVersion(request, reply)
    next()
  })

  const receive = async (request: FastifyRequest, id: string, offset: number, length?: number): Promise<UploadState> => {
    const { body } = request
    if (!(body instanceof Readable)) throw new HttpError('MEDIA_TYPE_UNSUPPORTED', `the bytes of an upload need content-type: ${BYTES}`)
    try {
      return await uploads.receive(keyOf(request), id, {
        offset,
        length,
        body: body.iterator({ destroyOnReturn: false }),
        checksum: checksumOf(request),
        bytes: bytesHeader(request, 'content-length'),
        stop: () => { body.destroy() }
      })
    } catch (error) {
      drain(body)
      throw error
    }
  }

  const patch = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    const offset = bytesHeader(request, 'upload-offset')
    if (offset === undefined) throw new HttpError('FIELD_INVALID', 'the request needs upload-offset')
    const state = await receive(request, idOf(request), offset, bytesHeader(request, 'upload-length'))
    return await reply.code(204).headers(progressHeaders(state)).send()
  }

  const remove = async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    await uploads.remove(keyOf(request), idOf(request))
    return await reply.code(204).send()
  }

  app.options(PATH, {
    schema: { operationId: 'uploadAbilities', summary: 'What the resumable uploads can do', tags: ['depositor'], response: { 204: Type.Null() } }
  }, async (_request, reply) => await reply.code(204).headers(abilities(maxFileSize)).send(null))

  app.post(PATH, {
    onRequest,
    schema: {
      ...COMMON,
      operationId: 'createUpload',
      summary: 'Begin a resumable deposit (tus 1.0.0): Upload-Length, Upload-Metadata with filename, filetype, metadata, sha256, sm3, claim; with bytes or without',
      consumes: [BYTES],
      response: answers({ 201: Deposited })
    }
  }, async (request, reply) => {
    const given = request.headers['upload-metadata']
    const { expected, said } = readMetadata(typeof given === 'string' ? given : undefined)
    const created = await uploads.create(keyOf(request), { length: announcedLength(request), expected, said, given: given as string | undefined })
    const discard = async (error: unknown): Promise<never> => {
      await uploads.remove(keyOf(request), created.id) // nobody knows its address
      throw error
    }
    const state = request.body === undefined ? created : await receive(request, created.id, 0).catch(discard)
    void reply.code(201).headers({ location: `${PATH}/${created.id}`, ...progressHeaders(state) })
    return state.deposited === undefined ? await reply.send('') : await reply.type(JSON_TYPE).send(depositedText(state.deposited))
  })

  app.head(`${PATH}/:id`, {
    onRequest,
    schema: { ...COMMON, operationId: 'getUploadOffset', summary: 'Where an upload goes on; what another request still sends to it ends', params: Params, response: answers({ 200: Type.Null() }) }
  }, async (request, reply) => {
    const state = await uploads.resume(keyOf(request), request.params.id)
    return await reply.headers({ ...progressHeaders(state), ...lengthHeader(state), ...(state.given === undefined ? {} : { 'upload-metadata': state.given }) }).send()
  })

  app.patch(`${PATH}/:id`, {
    onRequest,
    schema: { ...COMMON, operationId: 'continueUpload', summary: 'More bytes of an upload; with the last one it is deposited', params: Params, consumes: [BYTES], response: answers({ 204: Type.Null() }) }
  }, patch)

  app.delete(`${PATH}/:id`, {
    onRequest,
    schema: { ...COMMON, operationId: 'deleteUpload', summary: 'Give an upload up that is no deposit yet', params: Params, response: answers({ 204: Type.Null() }) }
  }, remove)

  app.post(`${PATH}/:id`, { onRequest, schema: { hide: true, params: Params } }, async (request, reply) => {
    const method = request.headers['x-http-method-override'] // for clients that cannot send other methods
    if (method === 'PATCH') return await patch(request, reply)
    if (method === 'DELETE') return await remove(request, reply)
    throw new HttpError('ROUTE_UNKNOWN', 'there is no such resource')
  })

  app.get(`${PATH}/:id`, {
    onRequest,
    exposeHeadRoute: false,
    schema: {
      ...COMMON,
      operationId: 'getUpload',
      summary: 'What has become of an upload: the answer to the deposit, until it expires; the problem that it was refused with; or how far it is',
      params: Params,
      response: answers({ 200: Type.Union([Deposited, Receiving]) })
    }
  }, async (request, reply) => {
    const { deposited, offset, length, expiresAt } = await uploads.state(keyOf(request), request.params.id)
    void reply.headers({ 'cache-control': 'no-store' }).type(JSON_TYPE)
    if (deposited !== undefined) return await reply.send(depositedText(deposited))
    const receiving = { state: 'receiving', offset: String(offset), ...(length === undefined ? {} : { length: String(length) }), expiresAt: new Date(expiresAt).toISOString() }
    return await reply.send(JSON.stringify(receiving))
  })
  done()
}

/** Many senders read an answer only when they have sent their body: the rest of one that was refused is dropped for a while. */
function drain (body: Readable): void {
  body.resume()
  const timer = setTimeout(() => { body.destroy() }, DRAIN_MS).unref()
  body.once('close', () => { clearTimeout(timer) })
}

function idOf ({ params }: FastifyRequest): string {
  return (params as { id: string }).id
}

function lengthHeader ({ length }: UploadState): Record<string, string> {
  return length === undefined ? { 'upload-defer-length': '1' } : { 'upload-length': String(length) }
}
