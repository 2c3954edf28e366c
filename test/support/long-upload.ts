/**
 * A long upload to a running service: in constant memory, with the digests that coreutils and OpenSSL find.
 * @module
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { createCipheriv, createHash } from 'node:crypto'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import type { Writable } from 'node:stream'
import type { Test } from 'tap'
import { type RunningService, untilReady } from './service.js'

/** Megabytes that the upload has unless STEELYARD_TEST_UPLOAD_MB says otherwise. */
export function uploadMegabytes (usual: number): number {
  return Number(process.env.STEELYARD_TEST_UPLOAD_MB ?? usual)
}

const MOST_GROWTH_MB = 64

/** Uploads, compares digests and content, and looks at the service's memory meanwhile. */
export async function uploadsInConstantMemory (t: Test, service: RunningService, megabytes: number): Promise<void> {
  const residentMb = async (): Promise<number> => {
    const status = await readFile(`/proc/${service.pid}/status`, 'utf8')
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024
  }
  // What a first deposit loads on its way to the ledger is no growth by the upload, though it may still go on while that is under way.
  await untilReady(service)
  const first = await service.depositDigests('ab'.repeat(32))
  t.match(await service.json(`/v1/evidence/${first.body.number}?wait=final`), { body: { state: 'final' } })
  const before = await residentMb()
  const { status, body, sha256, sm3 } = await upload(service, megabytes)
  t.equal(status, 201)
  t.same(body.digests, { sha256, sm3 }, 'as sha256sum and openssl dgst -sm3 have them')
  const growth = await residentMb() - before
  t.ok(growth < MOST_GROWTH_MB, `peak memory grew by ${growth.toFixed(0)} MB during ${megabytes} MB`)
  const content = await service.call(`/v1/evidence/${body.number}/content`)
  const hash = createHash('sha256')
  for await (const chunk of content.body as AsyncIterable<Uint8Array>) hash.update(chunk)
  t.equal(hash.digest('hex'), sha256)
  t.ok(await residentMb() - before < MOST_GROWTH_MB, 'nor does reading it back')
  t.match(await service.json(`/v1/evidence/${body.number}?wait=final`), { body: { state: 'final' } })
}

interface Uploaded { readonly status: number, readonly body: { readonly number: string, readonly digests: object }, readonly sha256: string, readonly sm3: string }

/** Sends bytes that are made on the way, and waits where the service does. */
async function upload ({ url, demo }: RunningService, megabytes: number): Promise<Uploaded> {
  const boundary = 'xxLONGxx'
  const programs = [spawn('sha256sum'), spawn('openssl', ['dgst', '-sm3'])] as const
  const digests = Promise.all([digestOf(programs[0]), digestOf(programs[1])])
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16))
  const megabyte = Buffer.alloc(1024 * 1024)
  const sending = request(`${url}/v1/evidence`, {
    method: 'POST', headers: { authorization: `Bearer ${demo}`, 'content-type': `multipart/form-data; boundary=${boundary}` }
  })
  const answer = answerOf(sending)
  const send = async (): Promise<void> => {
    sending.write(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="long"\r\n\r\n`)
    for (let i = 0; i < megabytes; i++) {
      const chunk = cipher.update(megabyte)
      await Promise.all([sending, ...programs.map(({ stdin }) => stdin)].map(async (to: Writable) => {
        if (!to.write(chunk)) await once(to, 'drain')
      }))
    }
    sending.end(`\r\n--${boundary}--\r\n`)
    for (const { stdin } of programs) stdin.end()
  }
  const [{ status, body }, [sha256, sm3]] = await Promise.all([answer, digests, send()])
  return { status, body, sha256, sm3 }
}

async function digestOf (program: ChildProcess): Promise<string> {
  let text = ''
  program.stdout?.on('data', (chunk: Buffer) => { text += chunk.toString() })
  await once(program, 'close')
  const [digest] = /[0-9a-f]{64}/.exec(text) ?? []
  if (digest === undefined) throw new Error(`${program.spawnargs.join(' ')} printed no digest`)
  return digest
}

async function answerOf (sending: ReturnType<typeof request>): Promise<Pick<Uploaded, 'status' | 'body'>> {
  const [response] = await once(sending, 'response') as [NodeJS.ReadableStream & { readonly statusCode?: number }]
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  return { status: response.statusCode ?? 0, body: JSON.parse(Buffer.concat(chunks).toString()) as Uploaded['body'] }
}
