import { type TSchema, Type } from 'typebox'
import { type ProblemCode, STATUS } from './problems.js'
import { DigestsBody } from './routes/depositor/digests.js'
import { Claim, GivenSha256, GivenSm3, Metadata, Problem } from './schemas.js'

/**
 * What the description of the API says beyond the routes' own schemas: bodies that Fastify must not validate, because they are streamed, and
 * the problems of each operation. It is put into the finished document; requests never meet it.
 */
interface Operation {
  operationId?: string
  requestBody?: unknown
  responses?: Record<string, unknown>
}

interface Document {
  paths?: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, unknown>, responses?: Record<string, unknown> }
}

const File = Type.Unsafe<string>({ type: 'string', contentMediaType: 'application/octet-stream', description: 'the bytes of the file' })

const DepositForm = Type.Object({
  file: File,
  metadata: Type.Optional(Metadata),
  sha256: Type.Optional(GivenSha256),
  sm3: Type.Optional(GivenSm3),
  claim: Type.Optional(Claim)
}, { additionalProperties: false, description: 'parts in any order, each once; expected digests are compared with those of the file' })

const VerifyForm = Type.Object({
  file: Type.Optional(File),
  sha256: Type.Optional(GivenSha256),
  sm3: Type.Optional(GivenSm3),
  number: Type.Optional(Type.String({ minLength: 1, description: 'evidence number' })),
  proof: Type.Optional(Type.Unsafe<string>({ type: 'string', contentMediaType: 'application/json', description: 'the bytes of a proof file' }))
}, { additionalProperties: false, description: 'a file or its digests, and either a number or a proof' })

const Bytes = Type.Unsafe<string>({ type: 'string', contentMediaType: 'application/octet-stream', description: 'bytes from Upload-Offset on' })

const JSON_PART = { contentType: 'application/json' }
const BODIES: Readonly<Record<string, Readonly<Record<string, { schema: TSchema, encoding?: object }>>>> = {
  depositFile: { 'multipart/form-data': { schema: DepositForm, encoding: { metadata: JSON_PART, claim: JSON_PART } } },
  depositBulk: {
    'application/x-ndjson': { schema: Type.Unsafe<string>({ type: 'string', description: 'one JSON object a line, each of the schema DigestsBody' }) }
  },
  createUpload: { 'application/offset+octet-stream': { schema: Bytes } },
  continueUpload: { 'application/offset+octet-stream': { schema: Bytes } },
  verify: { 'multipart/form-data': { schema: VerifyForm } }
}

const KEYED = [400, 401, 403] as const
const BODY = [413, 415] as const
/** The problems that occur, besides 500. Of an operation that is not here: none. */
const STATUSES: Readonly<Record<string, readonly number[]>> = {
  depositFile: [...KEYED, ...BODY, 422, 503, 507],
  depositDigests: [...KEYED, ...BODY, 422, 503, 507],
  depositBulk: [...KEYED, ...BODY, 503, 507],
  createUpload: [...KEYED, 412, ...BODY, 422, 429, 460, 503, 507],
  getUploadOffset: [...KEYED, 404, 412, 422, 503, 507],
  continueUpload: [...KEYED, 404, 409, 412, ...BODY, 422, 423, 460, 503, 507],
  deleteUpload: [...KEYED, 404, 409, 412],
  getUpload: [...KEYED, 404, 422, 503, 507],
  getEvidence: [...KEYED, 404],
  getProof: [...KEYED, 404, 409],
  getReceipt: [...KEYED, 404],
  getContent: [...KEYED, 404, 416],
  verify: [400, 409, ...BODY, 429],
  upgradeProof: [400, 404, 409, ...BODY, 429],
  getBatch: [400, 404],
  getBatchTile: [400, 404],
  getLogTile: [400, 404],
  getConsistency: [400, 404],
  getTrustBundle: [503],
  backup: KEYED
}
const RETRIED: readonly number[] = [409, 423, 429, 503, 507]

/** Completes the document that the routes' schemas make. */
export function describe (document: object): object {
  const { paths = {}, components = {}, ...rest } = document as Document
  return {
    ...rest,
    paths: Object.fromEntries(Object.entries(paths).map(([path, methods]) => [
      path, Object.fromEntries(Object.entries(methods).map(([method, operation]) => [method, described(operation)]))
    ])),
    components: {
      ...components,
      schemas: { ...components.schemas, Problem: problem(), DigestsBody: plain(DigestsBody) },
      responses: Object.fromEntries([...new Set(Object.values(STATUS))].map((status) => [`Problem${status}`, problemResponse(status)]))
    }
  }
}

function described (operation: Operation): Operation {
  const { operationId = '', responses = {} } = operation
  const good = Object.entries(responses).filter(([status]) => !/^[45]XX$/.test(status))
  const isPlain = good.length === Object.keys(responses).length // it answers no problems
  const problems = isPlain ? [] : [...STATUSES[operationId] ?? [], 500].map((status) => [status, { $ref: `#/components/responses/Problem${status}` }] as const)
  return { ...operation, ...bodyOf(operation), responses: Object.fromEntries([...good, ...problems]) }
}

function bodyOf ({ operationId = '', requestBody }: Operation): Pick<Operation, 'requestBody'> {
  const body = BODIES[operationId]
  if (body === undefined) return requestBody === undefined ? {} : { requestBody }
  const { content } = (requestBody ?? {}) as { content?: object }
  return { requestBody: { required: true, content: { ...content, ...plain(body) } } }
}

function problemResponse (status: number): object {
  const codes = (Object.keys(STATUS) as ProblemCode[]).filter((code) => STATUS[code] === status)
  return {
    description: codes.map((code) => code.toLowerCase().replaceAll('_', ' ')).join(', '),
    ...(RETRIED.includes(status)
      ? { headers: { 'Retry-After': { description: 'seconds after which a retry makes sense', schema: { type: 'integer', minimum: 0 } } } }
      : {}),
    content: {
      'application/problem+json': {
        schema: {
          allOf: [{ $ref: '#/components/schemas/Problem' }],
          properties: { status: { const: status }, code: { type: 'string', enum: codes } }
        }
      }
    }
  }
}

/** Its codes are an enumeration, which the validation of our own answers has no use for. */
function problem (): object {
  const { properties, ...rest } = plain(Problem) as { properties: { code: object } }
  return { ...rest, properties: { ...properties, code: { ...properties.code, enum: Object.keys(STATUS) } } }
}

/** As it will be sent: without what TypeBox keeps for itself. */
function plain (value: object): object {
  return JSON.parse(JSON.stringify(value)) as object
}
