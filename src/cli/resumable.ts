import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import { setTimeout as sleep } from 'node:timers/promises'
import { CliError } from './errors.js'
import { writeWhole } from './files.js'
import { configFolder } from './pins.js'
import type { Answer, Body, Service } from './service.js'
import type { Progress, Terminal } from './terminal.js'

/** From this size on files are sent so that an interruption costs little. */
export const RESUMABLE_FROM = 64 * 1024 * 1024
const CHUNK = 1 << 20
/** Most seconds between two attempts, and attempts without any progress before this gives up. */
const MOST_PAUSE = 15
const MOST_ATTEMPTS = 10
const TUS = { 'tus-resumable': '1.0.0' }

/** What is sent: a file, and what is said of it. */
export interface Upload {
  readonly path: string
  readonly size: number
  readonly fields: Readonly<Record<string, string>>
}

/** An upload at the service; `done` forgets it, once what came of it is kept. */
export interface Sent { readonly answer: Answer, done (): Promise<void> }

/**
 * Sends a file by tus 1.0.0 and goes on after interruptions, those of this program included: the upload's address is noted in the user's
 * configuration folder, under a name that follows from the service, the digests and what is said of the file.
 */
export async function sendResumable (service: Service, upload: Upload, progress: Progress, terminal: Terminal): Promise<Sent> {
  const note = join(configFolder(), 'uploads', createHash('sha256').update(JSON.stringify([service.url, upload.fields, upload.size])).digest('hex'))
  let address = await readFile(note, 'utf8').catch(() => undefined)
  let reached = -1
  for (let attempts = 0; ;) {
    try {
      address ??= await begin(service, upload, note)
      const offset = await offsetOf(service, address)
      if (offset > reached) attempts = 0
      reached = Math.max(reached, offset)
      if (offset < upload.size) await send(service, address, upload, { offset, progress })
      const answer = await service.call('GET', address)
      return { answer, done: async () => { await rm(note, { force: true }) } }
    } catch (error) {
      const next = consequence(error, ++attempts)
      if (next === 'anew') {
        await rm(note, { force: true })
        address = undefined
      } else {
        const pause = Math.min(MOST_PAUSE, 2 ** (attempts - 1))
        terminal.note(`interrupted (${next}); going on in ${pause} s`)
        await sleep(pause * 1000)
      }
    }
  }
}

/** Why to go on after a pause, or whether to begin anew; what neither helps is thrown. */
function consequence (error: unknown, attempts: number): string {
  if (!(error instanceof CliError)) throw error
  const { code, reason = '', message } = error
  const isGone = GONE.includes(reason)
  if (!isGone && code !== 'UNREACHABLE' && !PASSING.includes(reason)) throw error
  if (attempts < MOST_ATTEMPTS) return isGone ? 'anew' : reason === '' ? 'no connection' : reason
  throw new CliError({ code, message: `${message}; the same command goes on from here`, cause: error, reason })
}

const GONE = ['HTTP_404', 'UPLOAD_UNKNOWN']
const PASSING = ['UPLOAD_LOCKED', 'UPLOAD_OFFSET', 'UPLOAD_TRUNCATED', 'LEDGER_BACKLOG', 'OVERLOADED', 'CLOSING', 'STORE_FAILED', 'STORE_FULL',
  'HTTP_423', 'HTTP_502', 'HTTP_503', 'HTTP_504', 'HTTP_507']

async function begin (service: Service, { size, fields }: Upload, note: string): Promise<string> {
  const pairs = Object.entries(fields).map(([name, value]) => `${name} ${Buffer.from(value).toString('base64')}`)
  const { headers: { location } } = await service.call('POST', '/v1/uploads', undefined, {
    ...TUS, 'upload-length': String(size), 'upload-metadata': pairs.join(',')
  })
  if (location === undefined) throw new CliError({ code: 'PROTOCOL', message: 'the answer does not say where the upload is' })
  const { pathname } = new URL(location, `${service.url}/`)
  await writeWhole(note, pathname, 0o600)
  return pathname
}

async function offsetOf (service: Service, address: string): Promise<number> {
  const { headers } = await service.call('HEAD', address, undefined, TUS)
  const offset = Number(headers['upload-offset'] ?? 'x')
  if (!Number.isSafeInteger(offset)) throw new CliError({ code: 'PROTOCOL', message: 'the answer does not say where the upload goes on' })
  return offset
}

interface Rest { readonly offset: number, readonly progress: Progress }

async function send (service: Service, address: string, { path, size }: Upload, { offset, progress }: Rest): Promise<void> {
  const body: Body = {
    type: 'application/offset+octet-stream',
    length: size - offset,
    async write (target) {
      let sent = offset
      const rest = createReadStream(path, { start: offset, end: size - 1, highWaterMark: CHUNK })
      await pipeline(rest, async function * (source: AsyncIterable<Buffer>) {
        for await (const chunk of source) {
          sent += chunk.length
          progress.update(sent)
          yield chunk
        }
        if (sent < size) throw new CliError({ code: 'FILE', message: `${path} shrank while it was read` })
      }, target, { end: false })
    }
  }
  await service.call('PATCH', address, body, { ...TUS, 'upload-offset': String(offset) })
}
