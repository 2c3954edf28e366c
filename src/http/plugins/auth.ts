import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import fp from 'fastify-plugin'
import type { ApiKey, ApiKeys, Scope } from '../../store/api-keys.js'
import { HttpError } from '../problems.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** The key of the request, on routes that require a scope. */
    apiKey: ApiKey | null
  }
  interface FastifyInstance {
    /** A hook that lets a request pass with an API key of this scope. */
    requireScope (scope: Scope): onRequestHookHandler
  }
}

const BEARER = 'bearer '

/**
 * `Authorization: Bearer sk_...`. The hook is synchronous: it looks into memory, and hashes once for a connection. What a connection has shown
 * that it knows is remembered for that connection alone, so nothing can be learnt of anybody else's key from how long it takes.
 */
export const auth = fp((app: FastifyInstance, { keys }: { keys: ApiKeys }, done) => {
  const shown = new WeakMap<object, { readonly header: string, readonly key: ApiKey }>()
  const authenticate = (connection: object, header: string): ApiKey | undefined => {
    const last = shown.get(connection)
    if (last?.header === header) return last.key
    const key = header.slice(0, BEARER.length).toLowerCase() === BEARER ? keys.authenticate(header.slice(BEARER.length)) : undefined
    if (key !== undefined) shown.set(connection, { header, key })
    return key
  }
  app.decorateRequest('apiKey', null)
  app.decorate('requireScope', (scope: Scope): onRequestHookHandler => (request, _reply, next) => {
    const key = authenticate(request.socket, request.headers.authorization ?? '')
    if (key === undefined) {
      next(new HttpError('UNAUTHENTICATED', 'an API key is needed: Authorization: Bearer sk_...'))
    } else if (!key.scopes.includes(scope)) {
      next(new HttpError('SCOPE_MISSING', `this API key lacks the scope ${scope}`))
    } else {
      request.apiKey = key
      next()
    }
  })
  done()
}, { name: 'auth' })

/** The key that `requireScope` found. */
export function keyOf (request: FastifyRequest): ApiKey {
  if (request.apiKey === null) throw new HttpError('UNAUTHENTICATED', 'an API key is needed')
  return request.apiKey
}
