import { createHash, createCipheriv } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { request } from 'node:http'
import t from 'tap'
import { dataFolder, startService, untilReady } from '../support/service.js'

/** Megabytes of the upload; smaller for a quick look. */
const MEGABYTES = Number(process.env.STEELYARD_TEST_UPLOAD_MB ?? 2048)
const MOST_GROWTH_MB = 64

t.test(`an upload of ${MEGABYTES} MB in constant memory`, { timeout: 240_000 }, async (t) => {
  const data = dataFolder(t)
  const service = await startService(data)
  t.teardown(async () => { await service.stop() })
  const residentMb = async (): Promise<number> => {
    const status = await readFile(`/proc/${service.pid}/status`, 'utf8')
    return Number(/VmHWM:\s+(\d+)/.exec(status)?.[1]) / 1024
  }
  // What a first deposit loads on its way to the ledger is no growth by the upload, though it may still go on while that is under way.
  await untilReady(service)
  const first = await service.depositDigests('ab'.repeat(32))
  t.match(await service.json(`/v1/evidence/${first.body.number}?wait=final`), { body: { state: 'final' } })
  const before = await residentMb()
  const { status, body, sha256, sm3 } = await upload(service.url, service.demo)
  t.equal(status, 201)
  t.match(body, { digests: { sha256, sm3 } })
  const growth = await residentMb() - before
  t.ok(growth < MOST_GROWTH_MB, `peak memory grew by ${growth.toFixed(0)} MB`)
  const content = await service.call(`/v1/evidence/${body.number}/content`)
  const hash = createHash('sha256')
  for await (const chunk of content.body as AsyncIterable<Uint8Array>) hash.update(chunk)
  t.equal(hash.digest('hex'), sha256)
  t.ok(await residentMb() - before < MOST_GROWTH_MB, 'nor does reading it back')
})

interface Uploaded { readonly status: number, readonly body: { number: string }, readonly sha256: string, readonly sm3: string }

/** Sends bytes that are made on the way, and waits where the service does. */
async function upload (url: string, key: string): Promise<Uploaded> {
  const boundary = 'xxLONGxx'
  const sha256 = createHash('sha256')
  const sm3 = createHash('sm3')
  const cipher = createCipheriv('aes-128-ctr', Buffer.alloc(16), Buffer.alloc(16))
  const megabyte = Buffer.alloc(1024 * 1024)
  return await new Promise((resolve, reject) => {
    const sending = request(`${url}/v1/evidence`, {
      method: 'POST', headers: { authorization: `Bearer ${key}`, 'content-type': `multipart/form-data; boundary=${boundary}` }
    }, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).on('end', () => {
        const body = JSON.parse(Buffer.concat(chunks).toString()) as { number: string }
        resolve({ status: response.statusCode ?? 0, body, sha256: sha256.digest('hex'), sm3: sm3.digest('hex') })
      }).on('error', reject)
    })
    sending.on('error', reject)
    const send = async (): Promise<void> => {
      sending.write(`--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="long"\r\n\r\n`)
      for (let i = 0; i < MEGABYTES; i++) {
        const chunk = cipher.update(megabyte)
        sha256.update(chunk)
        sm3.update(chunk)
        if (!sending.write(chunk)) await new Promise((resolve) => { sending.once('drain', resolve) })
      }
      sending.end(`\r\n--${boundary}--\r\n`)
    }
    send().catch(reject)
  })
}
