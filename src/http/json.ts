import type { FastifyInstance } from 'fastify'
import { endOfString } from '../core/jcs.js'
import { HttpError } from './problems.js'

const COLON = 0x3a
const QUOTE = 0x22

/**
 * JSON of a request. An object with the same member twice is refused: parsers keep the last one, and what a depositor believes to have
 * said would be gone without a word.
 * @throws SyntaxError when it is no JSON; HttpError JSON_MEMBER_TWICE
 */
export function parseJson (text: string): unknown {
  const value: unknown = JSON.parse(text)
  refuseRepeated(text, value)
  return value
}

/** Reads JSON bodies as Fastify does, and by the same rule. */
export function installJson (app: FastifyInstance): void {
  const parse = app.getDefaultJsonParser('error', 'error')
  app.addContentTypeParser<string>('application/json', { parseAs: 'string' }, (request, body, done) => {
    void parse(request, body, (error, value) => {
      try {
        if (error === null) refuseRepeated(body, value)
        done(error, value)
      } catch (cause) {
        done(cause as HttpError)
      }
    })
  })
}

/** Refuses JSON text that has more members than what was made of it. */
function refuseRepeated (text: string, value: unknown): void {
  if (writtenMembers(text) !== keptMembers(value)) {
    throw new HttpError('JSON_MEMBER_TWICE', 'an object of the JSON has a member of the same name twice')
  }
}

/** In valid JSON each member has one colon outside strings. */
function writtenMembers (text: string): number {
  let count = 0
  for (let i = 0; i < text.length; i++) {
    const char = text.charCodeAt(i)
    if (char === QUOTE) i = endOfString(text, i + 1)
    else if (char === COLON) count++
  }
  return count
}

/** Without recursion: how deep a body is nested is not known yet. */
function keptMembers (value: unknown): number {
  let count = 0
  const rest = [value]
  for (let next = rest.pop(); next !== undefined; next = rest.pop()) {
    if (typeof next !== 'object' || next === null) continue
    const inner: unknown[] = Object.values(next)
    if (!Array.isArray(next)) count += inner.length
    for (const each of inner) rest.push(each)
  }
  return count
}
