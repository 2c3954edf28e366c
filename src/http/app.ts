import helmet from '@fastify/helmet'
import multipart from '@fastify/multipart'
import rateLimiting from '@fastify/rate-limit'
import swagger from '@fastify/swagger'
import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import Fastify, { type FastifyBaseLogger, type FastifyInstance, LogController } from 'fastify'
import { PROOF_LIMITS } from '../core/proof.js'
import type { Notary } from '../notary/notary.js'
import { installJson } from './json.js'
import { describe } from './openapi.js'
import { auth } from './plugins/auth.js'
import { metrics } from './plugins/metrics.js'
import { HttpError, installProblems } from './problems.js'
import { bulkRoutes } from './routes/depositor/bulk.js'
import { digestRoutes } from './routes/depositor/digests.js'
import { evidenceRoutes } from './routes/depositor/evidence.js'
import { resumableRoutes } from './routes/depositor/resumable.js'
import { uploadRoutes } from './routes/depositor/upload.js'
import { adminRoutes } from './routes/operator/admin.js'
import { healthRoutes } from './routes/operator/health.js'
import { logRoutes } from './routes/public/log.js'
import { verifyRoutes } from './routes/public/verify.js'

export interface AppOptions {
  readonly notary: Notary
  readonly logger: FastifyBaseLogger
  readonly maxFileSize: number
  readonly rateLimit: number
  readonly version: string
}

/** Most bytes of a JSON body: a deposit with its metadata. */
const BODY_LIMIT = 128 * 1024

/** The HTTP API: wiring only. Every route is a schema and one call of the notary. */
export async function createApp (options: AppOptions): Promise<FastifyInstance> {
  const { notary, logger, version } = options
  const app = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    bodyLimit: BODY_LIMIT,
    requestTimeout: 0, // an upload takes its time; a connection that says nothing is closed below
    connectionTimeout: 120_000,
    keepAliveTimeout: 72_000,
    forceCloseConnections: 'idle',
    // Strict: a body of another form is refused, not repaired.
    ajv: { customOptions: { removeAdditional: false, useDefaults: false, coerceTypes: 'array' as const, allErrors: false } }
  }).withTypeProvider<TypeBoxTypeProvider>()

  installProblems(app)
  installJson(app)
  await app.register(swagger, {
    transformObject: (made) => 'openapiObject' in made ? describe(made.openapiObject) : made.swaggerObject,
    openapi: {
      openapi: '3.1.0',
      info: { title: 'Steelyard', version, description: 'Evidence notarization: deposit, prove, verify.' },
      components: { securitySchemes: { key: { type: 'http', scheme: 'bearer' } } },
      tags: [{ name: 'depositor' }, { name: 'public' }, { name: 'operator' }]
    }
  })
  await app.register(auth, { keys: notary.keys })
  await app.register(metrics, { notary })
  await app.register(digestRoutes, { notary })
  await app.register(bulkRoutes, { notary })
  await app.register(async (scope) => { await otherRoutes(scope, options) })
  return app
}

/**
 * What a browser may show, and forms. In scopes of their own: these plugins put hooks around every request there, also of routes that were registered
 * before them, and helmet's alone take as long as Fastify needs for a deposit of digests.
 */
async function otherRoutes (scope: FastifyInstance, { notary, maxFileSize, rateLimit }: AppOptions): Promise<void> {
  await scope.register(helmet, { global: true, contentSecurityPolicy: { directives: { defaultSrc: ['\'none\''] } } })
  await scope.register(rateLimiting, { global: false, errorResponseBuilder: () => new HttpError('RATE_LIMITED', 'too many requests') })
  await scope.register(resumableRoutes, { notary, maxFileSize })
  await scope.register(evidenceRoutes, { notary })
  await scope.register(logRoutes, { notary })
  await scope.register(healthRoutes, { notary })
  await scope.register(adminRoutes, { notary })
  scope.get('/openapi.json', { schema: { hide: true } }, () => scope.swagger())
  await scope.register(async (forms) => {
    await forms.register(multipart, {
      throwFileSizeLimit: false, // readForm looks at `truncated` itself
      limits: {
        fieldNameSize: 64, fieldSize: PROOF_LIMITS.bytes, fields: 8, fileSize: maxFileSize, files: 2, parts: 10, headerPairs: 32
      }
    })
    await forms.register(uploadRoutes, { notary, maxFileSize })
    await forms.register(verifyRoutes, { notary, rateLimit, maxFileSize })
  })
}
