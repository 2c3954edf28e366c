import { Readable } from 'node:stream'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { DigestsDeposit } from '../../../notary/intake.js'
import type { Notary } from '../../../notary/notary.js'
import { keyOf } from '../../plugins/auth.js'
import { parseJson } from '../../json.js'
import { HttpError, problemOf } from '../../problems.js'
import { answers } from '../../schemas.js'
import { depositedText } from './deposited.js'
import { DigestsBody, digestsDeposit } from './digests.js'

const MEDIA_TYPE = 'application/x-ndjson'
/** Most lines, and bytes, of one request: they are in memory until they are answered. */
const LIMITS = { lines: 10_000, bytes: 16 * 1024 * 1024, line: 128 * 1024 } as const
/** Lines that are deposited together. The event loop turns between two of these. */
const TOGETHER = 128
/** Of these, how many of one request are under way at once: enough that the disk never waits for this request. */
const AHEAD = 6

/**
 * Many deposits in one request: NDJSON in, a deposit of digests on each line; NDJSON out, the answer to each line in the same order, with
 * its receipt or with what is wrong with it. A line that fails spoils no other.
 */
export const bulkRoutes: FastifyPluginCallbackTypebox<{ notary: Notary }> = (app, { notary }, done) => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(MEDIA_TYPE, { parseAs: 'buffer' }, (_request, body, parsed) => { parsed(null, body) })
  app.addContentTypeParser('*', (_request, _payload, parsed) => { parsed(wrongType()) })
  app.post('/v1/evidence/bulk', {
    onRequest: app.requireScope('deposit'),
    bodyLimit: LIMITS.bytes,
    helmet: false,
    schema: {
      operationId: 'depositBulk',
      summary: `Deposit the digests of up to ${LIMITS.lines} files: a line each, as in depositDigests`,
      tags: ['depositor'],
      security: [{ key: [] }],
      consumes: [MEDIA_TYPE],
      produces: [MEDIA_TYPE],
      response: answers({ 200: Type.String({ description: '{line, ...} as in depositDigests, or {line, problem}, for each line in order' }) })
    }
  }, async (request, reply) => {
    notary.intake.assertOpen()
    const lines = linesOf(request.body)
    return await reply.headers({ 'content-type': MEDIA_TYPE, 'x-content-type-options': 'nosniff' })
      .send(Readable.from(inOrder(lines, async (some, first) => await depositLines(notary, request, some, first)), { objectMode: false }))
  })
  done()
}

function wrongType (): HttpError {
  return new HttpError('MEDIA_TYPE_UNSUPPORTED', `the body must be ${MEDIA_TYPE}: a JSON object on each line`)
}

function linesOf (body: unknown): string[] {
  if (!Buffer.isBuffer(body)) throw wrongType()
  const lines = body.toString().split('\n')
  if (lines.at(-1) === '') lines.pop()
  if (lines.length === 0) throw new HttpError('REQUEST_INVALID', 'the request has no lines')
  if (lines.length > LIMITS.lines) throw new HttpError('BODY_TOO_LARGE', `the request has ${lines.length} lines, ${LIMITS.lines} are allowed`)
  return lines
}

/** Answers in the order of the lines, some of them ahead of what is read; the reader sets the pace. */
async function * inOrder (lines: readonly string[], deposit: (some: readonly string[], first: number) => Promise<string>): AsyncGenerator<Buffer> {
  const ahead: Promise<string>[] = []
  for (let at = 0; at < lines.length; at += TOGETHER) {
    ahead.push(deposit(lines.slice(at, at + TOGETHER), at + 1))
    await new Promise(setImmediate)
    if (ahead.length >= AHEAD) yield Buffer.from(await ahead.shift() as string)
  }
  for (const answer of ahead) yield Buffer.from(await answer)
}

type Reading = { readonly deposit: DigestsDeposit } | { readonly error: unknown }

/** Never rejects: whatever goes wrong is the answer to a line. */
async function depositLines ({ intake }: Notary, request: FastifyRequest, lines: readonly string[], first: number): Promise<string> {
  const read = lines.map((line) => readLine(request, line))
  const good = read.flatMap((each) => 'deposit' in each ? [each.deposit] : [])
  const outcomes = (await intake.bulk(keyOf(request), good).catch((error: unknown) => good.map(() => new LineError(error)))).values()
  return read.map((each, i) => {
    const outcome = 'error' in each ? new LineError(each.error) : outcomes.next().value
    return `{"line":${first + i},${outcome === undefined || outcome instanceof Error
      ? `"problem":${problemText(outcome instanceof LineError ? outcome.cause : outcome, request)}}`
      : depositedText(outcome).slice(1)}\n`
  }).join('')
}

/** Whatever a line failed with. */
class LineError extends Error {
  constructor (cause: unknown) {
    super('a line failed', { cause })
    this.name = 'LineError'
  }
}

function problemText (error: unknown, request: FastifyRequest): string {
  const problem = problemOf(error, request)
  if (problem.status === 500) request.log.error({ err: error, url: problem.instance }, 'a line of a request failed')
  return JSON.stringify(problem)
}

function readLine (request: FastifyRequest, line: string): Reading {
  if (line.length > LIMITS.line) return { error: new HttpError('BODY_TOO_LARGE', `a line may have ${LIMITS.line} characters`) }
  let value: unknown
  try {
    value = parseJson(line)
  } catch (cause) {
    if (cause instanceof HttpError) return { error: cause }
    return { error: new HttpError('REQUEST_INVALID', 'the line is not JSON', { cause }) }
  }
  const validate = request.compileValidationSchema(DigestsBody, 'body')
  if (!validate(value)) {
    const [reason] = validate.errors ?? []
    return { error: new HttpError('REQUEST_INVALID', `body${reason?.instancePath ?? ''} ${reason?.message ?? 'is of the wrong form'}`) }
  }
  return { deposit: digestsDeposit(value as Type.Static<typeof DigestsBody>) }
}
