import type { CertificateAuthority } from '../channel.js'
import { CaError, caCode } from './errors.js'
import type { CaIdentity } from './identity.js'
import type { CaStore } from './store.js'

/** A CA at work. */
export interface CaContext {
  readonly authority: CertificateAuthority
  readonly store: CaStore
}

/** One HTTP request; `raw` is the body exactly as signed. */
export interface CaRequest {
  readonly method: string
  /** Path and query as sent. */
  readonly uri: string
  readonly query: URLSearchParams
  readonly authorization: string
  readonly raw: Buffer
  readonly body: Readonly<Record<string, unknown>>
}

/** A request of someone who proved who they are. */
export interface AuthenticatedRequest extends CaRequest {
  readonly caller: CaIdentity
}

/** HTTP status of success, and the `result` of the answer. */
export interface CaAnswer {
  readonly status: 200 | 201
  readonly result: unknown
}

/** A member that must be text if present; '' when absent. */
export function textOf (body: CaRequest['body'], name: string): string {
  const value = body[name] ?? ''
  if (typeof value !== 'string') throw badBody(`'${name}' must be a string`)
  return value
}

/** A member that must be an integer if present. */
export function integerOf (body: CaRequest['body'], name: string): number {
  const value = body[name] ?? 0
  if (typeof value !== 'number' || !Number.isSafeInteger(value)) throw badBody(`'${name}' must be an integer`)
  return value
}

/** A member that must be a list of objects if present. */
export function objectsOf (body: CaRequest['body'], name: string): Array<Readonly<Record<string, unknown>>> | undefined {
  const value = body[name] ?? undefined
  if (value === undefined) return undefined
  if (!Array.isArray(value) || !value.every(isObject)) throw badBody(`'${name}' must be a list of objects`)
  return value
}

export function isObject (value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

export function badBody (reason: string): CaError {
  return new CaError(400, caCode.BAD_BODY, `Invalid request body: ${reason}`)
}
