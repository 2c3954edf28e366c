import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { EvidenceError, type EvidenceErrorCode } from '../core/errors.js'
import { parseEvidenceNumber, printEvidenceNumber } from '../core/evidence-number.js'
import { LedgerError } from '../ledger/errors.js'
import { NotaryError, type NotaryErrorCode } from '../notary/errors.js'
import { StoreError, type StoreErrorCode } from '../store/errors.js'

/** What only the HTTP layer refuses. */
export type HttpErrorCode =
  | 'REQUEST_INVALID' // a parameter, query or body of the wrong form
  | 'JSON_MEMBER_TWICE'
  | 'RANGE_NOT_SATISFIABLE'
  | 'MEDIA_TYPE_UNSUPPORTED'
  | 'BODY_TOO_LARGE'
  | 'UNAUTHENTICATED'
  | 'SCOPE_MISSING'
  | 'ROUTE_UNKNOWN'
  | 'RATE_LIMITED'
  | 'MULTIPART_INVALID' // cut, without its closing boundary, or with parts that do not belong there
  | 'FILE_MISSING'
  | 'FILE_TOO_LARGE'
  | 'FIELD_INVALID'
  | 'TUS_VERSION' // the request does not speak tus 1.0.0
  | 'LEDGER_UNAVAILABLE'
  | 'INTERNAL'

export type ProblemCode = HttpErrorCode | NotaryErrorCode | StoreErrorCode | EvidenceErrorCode

/** The one table of codes and statuses: a new code without a line here does not compile. */
export const STATUS: Readonly<Record<ProblemCode, number>> = {
  REQUEST_INVALID: 400,
  JSON_MEMBER_TWICE: 400,
  RANGE_NOT_SATISFIABLE: 416,
  MEDIA_TYPE_UNSUPPORTED: 415,
  BODY_TOO_LARGE: 413,
  UNAUTHENTICATED: 401,
  SCOPE_MISSING: 403,
  ROUTE_UNKNOWN: 404,
  RATE_LIMITED: 429,
  MULTIPART_INVALID: 400,
  FILE_MISSING: 400,
  FILE_TOO_LARGE: 413,
  FIELD_INVALID: 400,
  TUS_VERSION: 412,
  LEDGER_UNAVAILABLE: 503,
  INTERNAL: 500,
  LEDGER_BACKLOG: 503,
  LEDGER_FORK: 503,
  LEDGER_AHEAD: 503,
  LEDGER_MISSING: 503,
  LOG_DAMAGED: 503,
  LOG_TRUNCATED: 503,
  LOG_UNCONFIRMED: 503,
  OVERLOADED: 503,
  CLOSING: 503,
  CLOCK_STEPPED: 503,
  STORE_FULL: 507,
  STORE_FAILED: 503,
  STORE_DAMAGED: 503,
  CONTENT_EMPTY: 400,
  DIGEST_MISMATCH: 422,
  METADATA_INVALID: 400,
  CLAIM_INVALID: 422,
  UPLOAD_UNKNOWN: 404,
  UPLOAD_LOCKED: 423,
  UPLOAD_OFFSET: 409,
  UPLOAD_LENGTH: 409,
  UPLOAD_TOO_LARGE: 413,
  UPLOAD_TRUNCATED: 400,
  UPLOAD_CHECKSUM: 460, // tus 1.0, checksum extension
  UPLOAD_DEPOSITED: 409,
  UPLOADS_TOO_MANY: 429,
  NUMBER_UNKNOWN: 404,
  PROOF_NOT_READY: 409,
  PROOF_FOREIGN: 404,
  FIELD_UNKNOWN: 404,
  CONTENT_NOT_STORED: 404,
  BATCH_UNKNOWN: 404,
  TILE_UNKNOWN: 404,
  HEAD_UNKNOWN: 404,
  BUNDLE_NOT_READY: 503,
  LOCKED: 500,
  SCHEMA: 500,
  DAMAGED: 500,
  UNREADABLE: 500,
  FOLDER_UNUSABLE: 500,
  WRITE_FAILED: 500,
  CONTENT_MISSING: 500,
  CONTENT_DAMAGED: 500,
  ARGUMENT: 400,
  TOO_LARGE: 413,
  NOT_UTF8: 400,
  NOT_JSON: 400,
  NOT_CANONICAL: 400,
  FORMAT: 400,
  UNSUPPORTED_TYPE: 400,
  NUMBER_MALFORMED: 400,
  NUMBER_TYPO: 400,
  PROTOBUF: 400,
  CERTIFICATE: 400
}

/** An error that the HTTP layer itself raises. */
export class HttpError extends Error {
  readonly code: HttpErrorCode

  constructor (code: HttpErrorCode, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'HttpError'
    this.code = code
  }
}

/** RFC 9457. */
export interface Problem {
  readonly type: string
  readonly title: string
  readonly status: number
  readonly code: ProblemCode
  readonly detail?: string
  readonly instance: string
  /** Of a mistyped evidence number: which character, from 1, and what it may have been meant to be. */
  readonly position?: number
  readonly proposal?: string
}

// What Fastify and its plugins raise, in our codes.
const FOREIGN: Readonly<Record<string, HttpErrorCode>> = {
  FST_ERR_VALIDATION: 'REQUEST_INVALID',
  FST_ERR_CTP_INVALID_JSON_BODY: 'REQUEST_INVALID',
  FST_ERR_CTP_EMPTY_JSON_BODY: 'REQUEST_INVALID',
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 'REQUEST_INVALID',
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
  FST_ERR_CTP_BODY_TOO_LARGE: 'BODY_TOO_LARGE',
  FST_REQ_FILE_TOO_LARGE: 'FILE_TOO_LARGE',
  FST_FILES_LIMIT: 'MULTIPART_INVALID',
  FST_FIELDS_LIMIT: 'MULTIPART_INVALID',
  FST_PARTS_LIMIT: 'MULTIPART_INVALID',
  FST_PROTO_VIOLATION: 'MULTIPART_INVALID',
  FST_INVALID_MULTIPART_CONTENT_TYPE: 'MEDIA_TYPE_UNSUPPORTED',
  FST_INVALID_JSON_FIELD_ERROR: 'FIELD_INVALID'
}

function codeOf (error: unknown): ProblemCode {
  if (error instanceof HttpError || error instanceof NotaryError || error instanceof StoreError || error instanceof EvidenceError) return error.code
  if (error instanceof LedgerError) return 'LEDGER_UNAVAILABLE'
  return foreignCodeOf(error)
}

function foreignCodeOf (error: unknown): HttpErrorCode {
  const { code, statusCode } = error as { code?: unknown, statusCode?: unknown }
  const foreign = typeof code === 'string' ? FOREIGN[code] : undefined
  if (foreign !== undefined) return foreign
  if (statusCode === 429) return 'RATE_LIMITED'
  return typeof statusCode === 'number' && statusCode >= 400 && statusCode < 500 ? 'REQUEST_INVALID' : 'INTERNAL'
}

/** The problem document of an error. Of what is our own fault it says nothing but the code. */
export function problemOf (error: unknown, request: FastifyRequest): Problem {
  const code = codeOf(error)
  const status = STATUS[code]
  const detail = error instanceof Error && status !== 500 ? { detail: detailOf(error, code, request) } : {}
  return {
    type: `urn:steelyard:problem:${code.toLowerCase().replaceAll('_', '-')}`,
    title: code.toLowerCase().replaceAll('_', ' '),
    status,
    code,
    ...detail,
    instance: request.url.split('?')[0] ?? request.url,
    ...typoOf(code, request)
  }
}

/** Fastify does not say how much it would have taken. */
function detailOf (error: Error, code: ProblemCode, { routeOptions }: FastifyRequest): string {
  return code === 'BODY_TOO_LARGE' && !(error instanceof HttpError) ? `the body is larger than ${routeOptions.bodyLimit} bytes` : error.message
}

function typoOf (code: ProblemCode, { params }: FastifyRequest): Pick<Problem, 'position' | 'proposal'> {
  const typed = code === 'NUMBER_TYPO' ? (params as { number?: string }).number : undefined
  const reading = typed === undefined ? undefined : parseEvidenceNumber(typed)
  return reading?.kind === 'typo' ? { position: reading.position, proposal: printEvidenceNumber(reading.proposal) } : {}
}

function retryAfterOf (error: unknown, status: number): string | undefined {
  if (error instanceof NotaryError && error.retryAfter !== undefined) return String(error.retryAfter)
  return status === 503 || status === 507 ? '5' : undefined
}

/** Turns every error into a problem document. */
export function installProblems (app: FastifyInstance): void {
  const send = (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const problem = problemOf(error, request)
    if (problem.status === 500) request.log.error({ err: error, url: problem.instance }, 'a request failed')
    const retryAfter = retryAfterOf(error, problem.status)
    if (retryAfter !== undefined) void reply.header('retry-after', retryAfter)
    if (problem.status === 401) void reply.header('www-authenticate', 'Bearer')
    void reply.code(problem.status).headers({ 'content-type': 'application/problem+json', 'x-content-type-options': 'nosniff' }).send(JSON.stringify(problem))
  }
  app.setErrorHandler(send)
  app.setNotFoundHandler((request, reply) => { send(new HttpError('ROUTE_UNKNOWN', 'there is no such resource'), request, reply) })
}
