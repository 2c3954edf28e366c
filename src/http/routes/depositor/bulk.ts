import { Readable } from 'node:stream'
import type { FastifyPluginCallbackTypebox } from '@fastify/type-provider-typebox'
import type { FastifyRequest } from 'fastify'
import { Type } from 'typebox'
import type { DigestsDeposit } from '../../../notary/intake.js'
import type { Notary } from '../../../notary/notary.js'
import { ownTurn } from '../../../notary/turns.js'
import { keyOf } from '../../plugins/auth.js'
import { parseJson } from '../../json.js'
import { HttpError, problemOf } from '../../problems.js'
import { answers } from '../../schemas.js'
import { depositedMembers } from './deposited.js'
import { DigestsBody, digestsDeposit } from './digests.js'

const MEDIA_TYPE = 'application/x-ndjson'
const LINE_FEED = 0x0a
/** Most lines, and bytes, of one request: they are in memory until they are answered. */
const LIMITS = { lines: 10_000, bytes: 16 * 1024 * 1024, line: 128 * 1024 } as const
/** Lines that are deposited together. The event loop turns between two of these. */
const TOGETHER = 128
/** Of these, how many are under way at once, of all requests: enough that the disk never waits, and no more is kept in memory. */
const UNDER_WAY = 6
/** Of these, how many answers of one request may wait to be read. */
const AHEAD = 6

/**
 * Many deposits in one request: NDJSON in, a deposit of digests on each line; NDJSON out, the answer to each line in the same order, with
 * its receipt or with what is wrong with it. A line that fails spoils no other.
 */
export const bulkRoutes: FastifyPluginCallbackTypebox<{ notary: Notary }> = (app, { notary }, done) => {
  const turns = createTurns(UNDER_WAY)
  app.removeAllContentTypeParsers()
  app.addContentTypeParser(MEDIA_TYPE, { parseAs: 'buffer' }, (_request, body, parsed) => { parsed(null, body) })
  app.addContentTypeParser('*', (_request, _payload, parsed) => { parsed(wrongType()) })
  app.post('/v1/evidence/bulk', {
    onRequest: app.requireScope('deposit'),
    bodyLimit: LIMITS.bytes,
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
    const parcels = parcelsOf(request.body)
    return await reply.headers({ 'content-type': MEDIA_TYPE, 'x-content-type-options': 'nosniff' })
      .send(Readable.from(inOrder(parcels, async (parcel) => {
        return await turns.take(async () => await depositLines(notary, request, parcel))
      }), { objectMode: false }))
  })
  done()
}

function wrongType (): HttpError {
  return new HttpError('MEDIA_TYPE_UNSUPPORTED', `the body must be ${MEDIA_TYPE}: a JSON object on each line`)
}

/** Some lines of a request; text is made of them when it is their turn. */
interface Parcel { readonly bytes: Buffer, readonly first: number }

function parcelsOf (body: unknown): Parcel[] {
  if (!Buffer.isBuffer(body)) throw wrongType()
  const parcels: Parcel[] = []
  let lines = 0
  for (let start = 0; start < body.length;) {
    const first = lines + 1
    let end = start
    for (; lines < first - 1 + TOGETHER && end < body.length; lines++) {
      const found = body.indexOf(LINE_FEED, end)
      end = found < 0 ? body.length : found + 1
    }
    parcels.push({ bytes: body.subarray(start, end), first })
    start = end
  }
  if (lines === 0) throw new HttpError('REQUEST_INVALID', 'the request has no lines')
  if (lines > LIMITS.lines) throw new HttpError('BODY_TOO_LARGE', `the request has ${lines} lines, ${LIMITS.lines} are allowed`)
  return parcels
}

/** Answers in the order of the lines, some of them ahead of what is read; the reader sets the pace. */
async function * inOrder (parcels: readonly Parcel[], deposit: (parcel: Parcel) => Promise<Buffer>): AsyncGenerator<Buffer> {
  const ahead: Promise<Buffer>[] = []
  for (const parcel of parcels) {
    ahead.push(deposit(parcel))
    if (ahead.length >= AHEAD) yield await ahead.shift() as Buffer
  }
  for (const answer of ahead) yield await answer
}

/** So many at once, the others after them in the order in which they came, each in a turn of the event loop of its own. */
function createTurns (most: number): { take<T> (run: () => Promise<T>): Promise<T> } {
  const waiting: (() => void)[] = []
  let taken = 0
  return {
    async take (run) {
      if (taken < most) taken++
      else await new Promise<void>((resolve) => { waiting.push(resolve) })
      try {
        await ownTurn()
        return await run()
      } finally {
        const next = waiting.shift()
        if (next === undefined) taken--
        else next()
      }
    }
  }
}

type Reading = { readonly deposit: DigestsDeposit } | { readonly error: unknown }

/** Never rejects: whatever goes wrong is the answer to a line. */
async function depositLines ({ intake }: Notary, request: FastifyRequest, { bytes, first }: Parcel): Promise<Buffer> {
  const lines = bytes.toString().split('\n')
  if (lines.at(-1) === '') lines.pop()
  const validate = request.compileValidationSchema(DigestsBody, 'body')
  const read = lines.map((line) => readLine(validate, line))
  const good = read.flatMap((each) => 'deposit' in each ? [each.deposit] : [])
  const outcomes = (await intake.bulk(keyOf(request), good).catch((error: unknown) => good.map(() => new LineError(error)))).values()
  await ownTurn()
  return joined(read.flatMap((each, i): (string | Buffer)[] => {
    const outcome = 'error' in each ? new LineError(each.error) : outcomes.next().value
    return outcome === undefined || outcome instanceof Error
      ? [Buffer.from(`{"line":${first + i},"problem":${problemText(outcome instanceof LineError ? outcome.cause : outcome, request)}}\n`)]
      : [`{"line":${first + i},`, ...depositedMembers(outcome), '}\n']
  }))
}

/** One buffer of pieces, whose text is ASCII: to make one long text of them first would cost twice as much, and more of the collector's time. */
function joined (pieces: readonly (string | Buffer)[]): Buffer {
  const out = Buffer.allocUnsafeSlow(pieces.reduce((sum, { length }) => sum + length, 0))
  let at = 0
  for (const piece of pieces) at += typeof piece === 'string' ? out.write(piece, at, 'latin1') : piece.copy(out, at)
  return out
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

function readLine (validate: ReturnType<FastifyRequest['compileValidationSchema']>, line: string): Reading {
  if (line.length > LIMITS.line) return { error: new HttpError('BODY_TOO_LARGE', `a line may have ${LIMITS.line} characters`) }
  let value: unknown
  try {
    value = parseJson(line)
  } catch (cause) {
    if (cause instanceof HttpError) return { error: cause }
    return { error: new HttpError('REQUEST_INVALID', 'the line is not JSON', { cause }) }
  }
  if (!validate(value)) {
    const [reason] = validate.errors ?? []
    return { error: new HttpError('REQUEST_INVALID', `body${reason?.instancePath ?? ''} ${reason?.message ?? 'is of the wrong form'}`) }
  }
  return { deposit: digestsDeposit(value as Type.Static<typeof DigestsBody>) }
}
