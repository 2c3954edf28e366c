import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import { Type } from 'typebox'
import { toHex } from '../../../core/bytes.js'
import { createAttestedStatus } from '../../../notary/attested-status.js'
import type { Notary } from '../../../notary/notary.js'
import { answers, Decimal, Document, State } from '../../schemas.js'

const Batch = Type.Object({
  header: Document('steelyard/batch/v1'),
  state: State,
  anchor: Type.Optional(Type.Object({ block: Decimal, transaction: Type.Integer() }))
})
const Binary = Type.Unsafe<Buffer>({ type: 'string', format: 'binary' })
const Text = Type.Unsafe<string>({ type: 'string' })
const TileParams = Type.Object({ batch: Decimal, tile: Decimal })
const LogTileParams = Type.Object({ level: Decimal, tile: Decimal })
const TAGS = { tags: ['public'] }
const FULL_TILE = 256 * 32
const FOR_EVER = 'public, max-age=31536000, immutable'
const FOR_A_MOMENT = 'public, max-age=1'
const FOR_A_WHILE = 'public, max-age=10'

/** The log in the open: batches, tiles, signed heads, attested status, consistency and the trust bundle. Nothing of it names a deposit. */
export const logRoutes: FastifyPluginCallbackTypebox<{ notary: Notary }> = (app, { notary }, done) => {
  const { reader, bundles, context, link } = notary
  const attestedStatus = createAttestedStatus(context.clock, () => link.ledger())

  app.get('/v1/batches/:number', {
    schema: { ...TAGS, operationId: 'getBatch', summary: 'A batch: its header and where the ledger holds it', params: Type.Object({ number: Decimal }), response: answers({ 200: Batch }) }
  }, async (request) => await reader.batch(Number(request.params.number)))

  app.get('/v1/tiles/batch/:batch/:tile', {
    schema: {
      ...TAGS, operationId: 'getBatchTile', summary: 'Leaf hashes of a batch, 256 a tile, 32 bytes each', params: TileParams, response: answers({ 200: Binary })
    }
  }, async (request, reply) => {
    const { batch, tile } = request.params
    const hashes = await reader.tile(Number(batch), Number(tile))
    return await reply.headers(binary(FOR_EVER)).send(hashes)
  })

  app.get('/v1/tiles/log/:level/:tile', {
    schema: {
      ...TAGS, operationId: 'getLogTile', summary: 'Hashes of the log\'s tree, 256 a tile; the last one of a level grows', params: LogTileParams, response: answers({ 200: Binary })
    }
  }, async (request, reply) => {
    const { level, tile } = request.params
    const hashes = await reader.logTile(Number(level), Number(tile))
    return await reply.headers(binary(hashes.length === FULL_TILE ? FOR_EVER : FOR_A_MOMENT)).send(hashes)
  })

  app.get('/v1/log/head', {
    schema: {
      ...TAGS, operationId: 'getHead', summary: 'The log\'s head as the ledger has it: a signed C2SP checkpoint', produces: ['text/plain'], response: answers({ 200: Text })
    }
  }, async (_request, reply) => {
    const head = await reader.head()
    return await reply.type('text/plain; charset=utf-8').header('cache-control', FOR_A_MOMENT).send(head)
  })

  app.get('/v1/log/status', {
    schema: {
      ...TAGS,
      operationId: 'getStatus',
      summary: 'How far the ledger says that the log has come, endorsed: what a receipt\'s promise is judged by. Its exact bytes',
      response: answers({ 200: Document('steelyard/attested-status/v1') })
    }
  }, async (_request, reply) => {
    const bytes = await attestedStatus()
    return await reply.headers({
      'content-type': 'application/json; charset=utf-8',
      'content-disposition': 'attachment; filename="status.json"',
      'cache-control': FOR_A_WHILE
    }).send(Buffer.from(bytes))
  })

  app.get('/v1/log/consistency', {
    schema: {
      ...TAGS,
      operationId: 'getConsistency',
      summary: 'RFC 9162 consistency path between two sizes of the log',
      querystring: Type.Object({ first: Decimal, second: Decimal }, { additionalProperties: false }),
      response: answers({ 200: Type.Object({ first: Decimal, second: Decimal, path: Type.Array(Type.String()) }) })
    }
  }, async (request) => {
    const { first, second } = request.query
    return { first, second, path: (await reader.consistency(Number(first), Number(second))).map(toHex) }
  })

  app.get('/v1/trust-bundle', {
    schema: {
      ...TAGS, operationId: 'getTrustBundle', summary: 'What a verifier starts from: its exact bytes', response: answers({ 200: Document('steelyard/trust-bundle/v1') })
    }
  }, (_request, reply) => {
    const { bytes, fingerprint } = bundles.current()
    void reply.headers({
      'content-type': 'application/json; charset=utf-8',
      'content-disposition': 'attachment; filename="trust-bundle.json"',
      'steelyard-fingerprint': fingerprint
    }).send(Buffer.from(bytes))
  })
  done()
}

function binary (cache: string): Record<string, string> {
  return { 'content-type': 'application/octet-stream', 'cache-control': cache }
}
