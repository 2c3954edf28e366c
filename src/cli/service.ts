import { readFile } from 'node:fs/promises'
import { request as httpRequest, type IncomingMessage, type RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { join } from 'node:path'
import { CliError } from './errors.js'

/** Where the service is and who asks. */
export interface ServiceOptions {
  readonly url?: string
  readonly key?: string
  /** The service's data folder, for its credentials.json. */
  readonly data?: string
}

export interface Answer {
  readonly status: number
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

/** What is sent: a body of known length, written by `write`. */
export interface Body {
  readonly type: string
  readonly length: number
  write (target: NodeJS.WritableStream): Promise<void>
}

export interface Service {
  readonly url: string
  call (method: 'GET' | 'POST' | 'HEAD' | 'PATCH', path: string, body?: Body, headers?: Readonly<Record<string, string>>): Promise<Answer>
}

const DEFAULT_PORT = '8080'
/** A long poll waits 30 s at most, and so does a deposit's answer after its last byte. */
const TIMEOUT = 90_000
const MOST_BYTES = 64 * 1024 * 1024

export function serviceUrl (given: string | undefined): string {
  const { STEELYARD_URL: url, STEELYARD_PORT: port = DEFAULT_PORT } = process.env
  return (given ?? url ?? `http://127.0.0.1:${port}`).replace(/\/+$/, '')
}

export function dataFolder (given: string | undefined): string {
  return given ?? process.env.STEELYARD_DATA ?? 'data'
}

/** The API key from --key, STEELYARD_KEY or the demonstration key of the data folder. */
export async function apiKey (options: ServiceOptions): Promise<string> {
  const given = options.key ?? process.env.STEELYARD_KEY
  if (given !== undefined && given !== '') return given
  const file = join(dataFolder(options.data), 'credentials.json')
  try {
    const { demo } = JSON.parse(await readFile(file, 'utf8')) as { demo?: string }
    if (demo !== undefined) return demo
  } catch {
    // Not on the service's machine, or not its owner: a key has to be given.
  }
  throw new CliError({ code: 'KEY_MISSING', message: `no API key: give --key or STEELYARD_KEY (there is none in ${file})` })
}

export function connect (url: string, key?: string): Service {
  return { url, call: async (method, path, body, headers) => await send(new URL(`${url}${path}`), { method, key, body, headers }) }
}

interface Call {
  readonly method: string
  readonly key: string | undefined
  readonly body: Body | undefined
  readonly headers: Readonly<Record<string, string>> | undefined
}

async function send (url: URL, { method, key, body, headers }: Call): Promise<Answer> {
  const options: RequestOptions = {
    method,
    timeout: TIMEOUT,
    headers: {
      accept: 'application/json',
      ...headers,
      ...(key !== undefined && { authorization: `Bearer ${key}` }),
      ...(body !== undefined && { 'content-type': body.type, 'content-length': body.length })
    }
  }
  const answer = await new Promise<Answer>((resolve, reject) => {
    const request = (url.protocol === 'https:' ? httpsRequest : httpRequest)(url, options)
    let answered = false
    request.on('response', (response) => {
      answered = true
      collect(response).then(resolve, reject)
    })
    request.on('timeout', () => request.destroy(new Error('no answer in time')))
    request.on('error', (cause) => {
      // A service that refuses an upload may answer and close before it was read to its end: the answer is what counts.
      if (!answered) reject(new CliError({ code: 'UNREACHABLE', message: `no answer from ${url.origin} (${describe(cause)}); is the service running?`, cause }))
    })
    if (body === undefined) request.end()
    else body.write(request).then(() => { request.end() }, (cause: unknown) => { if (!answered) reject(asError(cause)) })
  })
  if (answer.status >= 400) throw problem(answer)
  return answer
}

function asError (cause: unknown): Error {
  return cause instanceof Error ? cause : new Error(String(cause))
}

function describe (error: Error): string {
  return 'code' in error ? String(error.code) : error.message
}

async function collect (response: IncomingMessage): Promise<Answer> {
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of response as AsyncIterable<Buffer>) {
    size += chunk.length
    if (size > MOST_BYTES) throw new CliError({ code: 'PROTOCOL', message: 'the answer is larger than any that this program asks for' })
    chunks.push(chunk)
  }
  return { status: response.statusCode ?? 0, headers: response.headers, body: Buffer.concat(chunks) }
}

/** RFC 9457, one line of it; readiness says its reasons in another form. */
function problem (answer: Answer): CliError {
  const { title, detail, code, reasons } = parse(answer.body)
  const text = [title, detail, Array.isArray(reasons) ? reasons.join(', ') : undefined].filter((part): part is string => typeof part === 'string' && part !== '').join(': ')
  const reason = typeof code === 'string' ? code : `HTTP_${answer.status}`
  const retry = answer.headers['retry-after']
  const hint = retry === undefined ? '' : `; try again in ${retry} s`
  return new CliError({ code: 'SERVICE', reason, message: `${text === '' ? `status ${answer.status}` : text} (${reason})${hint}` })
}

function parse (body: Buffer): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(body.toString('utf8'))
    return typeof value === 'object' && value !== null ? value as Record<string, unknown> : {}
  } catch {
    return {}
  }
}

/** The JSON object of a successful answer. */
export function jsonOf (answer: Answer): Record<string, unknown> {
  const value = parse(answer.body)
  if (Object.keys(value).length === 0) throw new CliError({ code: 'PROTOCOL', message: 'the answer is not the JSON that was expected' })
  return value
}
