import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, rm, truncate, writeFile } from 'node:fs/promises'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { Upload } from 'tus-js-client'
import { jcsBytes } from '../../src/core/jcs.js'
import { parseReceipt } from '../../src/core/receipt.js'
import { localFsck } from '../support/damage.js'
import { dataFolder, type RunningService, startService, until } from '../support/service.js'
import { sha256, tusCalls, uploadMetadata } from '../support/tus.js'

t.setTimeout(240_000)
const LIMIT = 3_000_000
const data = dataFolder(t)
const settings = { STEELYARD_MAX_FILE_SIZE: String(LIMIT), STEELYARD_UPLOAD_LIMIT: '5' }
let service: RunningService
t.before(async () => { service = await startService(data, settings) })
t.teardown(async () => { await service.stop() })
const { post, patch, head, remove, get } = tusCalls(() => service)

async function uploadFiles (): Promise<string[]> {
  return await readdir(join(data, 'content', 'uploads'))
}
async function begin (length: number, metadata: Record<string, string> = {}): Promise<string> {
  const { status, headers } = await post('/v1/uploads', { 'upload-length': String(length), 'upload-metadata': uploadMetadata(metadata) })
  t.equal(status, 201)
  return headers.get('location') as string
}
async function received (): Promise<number> {
  return (await service.json('/health/ready')).body.deposits.received as number
}

/** Sends the beginning of a body and stays there. Resolves when the upload is taken; what asks for that takes it for no time. */
async function halfSent (path: string, offset: number, announced: number, bytes: Uint8Array): Promise<ReturnType<typeof connect>> {
  const { hostname, port } = new URL(service.url)
  const socket = connect(Number(port), hostname)
  socket.on('error', () => undefined)
  await once(socket, 'connect')
  socket.write(`PATCH ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${service.demo}\r\ntus-resumable: 1.0.0\r\n` +
    `content-type: application/offset+octet-stream\r\nupload-offset: ${offset}\r\ncontent-length: ${announced}\r\n\r\n`)
  socket.write(bytes)
  await until(async () => (await patch(path, { 'upload-offset': String(offset + 1) }, Buffer.alloc(1))).status === 423)
  return socket
}

t.test('what the server can do', async (t) => {
  const { status, headers } = await service.json('/v1/uploads', { method: 'OPTIONS', key: false })
  t.equal(status, 204)
  t.same(['tus-resumable', 'tus-version', 'tus-max-size', 'tus-checksum-algorithm'].map((name) => headers.get(name)), ['1.0.0', '1.0.0', String(LIMIT), 'sha256,sm3,sha1,md5'])
  t.same(headers.get('tus-extension')?.split(','), ['creation', 'creation-with-upload', 'creation-defer-length', 'termination', 'expiration', 'checksum'])
})

t.test('a file in three parts is a deposit with its last byte', async (t) => {
  const file = randomBytes(2_500_000)
  const digests = { sha256: sha256(file), sm3: createHash('sm3').update(file).digest('hex') }
  const path = await begin(file.length, { filename: '合同.pdf', metadata: '{"case":"7"}', ...digests })
  t.match(await get(path), { status: 200, body: { state: 'receiving', offset: '0', length: '2500000' } })
  const first = await patch(path, { 'upload-offset': '0' }, file.subarray(0, 1_000_000))
  t.match([first.status, first.headers.get('upload-offset'), first.headers.get('steelyard-number')], [204, '1000000', null])
  t.ok(Date.parse(first.headers.get('upload-expires') as string) > Date.now() + 86_000_000)
  await patch(path, { 'upload-offset': '1000000' }, file.subarray(1_000_000, 2_000_000))
  const asked = await head(path)
  t.same(['upload-offset', 'upload-length', 'upload-metadata', 'cache-control'].map((name) => asked.headers.get(name)),
    ['2000000', '2500000', uploadMetadata({ filename: '合同.pdf', metadata: '{"case":"7"}', ...digests }), 'no-store'])
  const last = await patch(path, { 'upload-offset': '2000000' }, file.subarray(2_000_000))
  const { status, body } = await get(path)
  t.equal(status, 200)
  t.match(body, { state: 'received', digests, number: last.headers.get('steelyard-number'), secret: /^[\w-]{43}$/ })
  t.equal(parseReceipt(jcsBytes(body.receipt)).record.number, body.number)
  t.same((await get(path)).body, body, 'the same answer again')
  t.equal((await head(path)).headers.get('upload-offset'), '2500000')
  t.equal((await patch(path, { 'upload-offset': '2500000' }, Buffer.alloc(0))).status, 204, 'the last request again')
  t.match(await service.json(`/v1/evidence/${body.number as string}?wait=final&timeout=60`), { body: { state: 'final', size: '2500000' } })
  const proof = await service.json(`/v1/evidence/${body.number as string}/proof?disclose=fileName&disclose=case`)
  t.same(proof.body.disclosures.map(({ value }: { value: unknown }) => value).sort(), ['7', '合同.pdf'])
  const content = await service.call(`/v1/evidence/${body.number as string}/content`)
  t.ok(Buffer.from(await content.arrayBuffer()).equals(file))
  t.same(await uploadFiles(), [], 'the file was moved')
  t.match(await remove(path), { status: 409, body: { code: 'UPLOAD_DEPOSITED' } })
})

t.test('an unmodified public client resumes what it began before', async (t) => {
  const file = randomBytes(900_000)
  const options = {
    endpoint: `${service.url}/v1/uploads`,
    headers: { authorization: `Bearer ${service.demo}` },
    metadata: { filename: 'a.bin', filetype: 'application/octet-stream', sha256: sha256(file) },
    chunkSize: 200_000,
    retryDelays: [10, 20, 40]
  }
  const url = await new Promise<string>((resolve, reject) => {
    const upload = new Upload(file, {
      ...options,
      onError: reject,
      onChunkComplete: (_size, accepted) => {
        if (accepted === 400_000) upload.abort().then(() => { resolve(upload.url as string) }, reject)
      }
    })
    upload.start()
  })
  await service.kill()
  service = await startService(data, settings)
  const asked: string[] = []
  await new Promise<void>((resolve, reject) => {
    new Upload(file, {
      ...options,
      uploadUrl: new URL(new URL(url).pathname, service.url).href,
      onError: reject,
      onSuccess: () => { resolve() },
      onAfterResponse: (request, response) => { asked.push(`${request.getMethod()} ${response.getStatus()} ${response.getHeader('upload-offset') ?? ''}`) }
    }).start()
  })
  t.equal(asked[0], 'HEAD 200 400000', 'what was acknowledged survived the kill')
  t.match(await get(new URL(url).pathname), { body: { state: 'received', digests: { sha256: sha256(file) } } }, 'hashed anew from the disk')
})

t.test('creation with all bytes, a length that is said later, a method in a header', async (t) => {
  const file = randomBytes(1000)
  const whole = await post('/v1/uploads', { 'upload-length': '1000' }, file)
  t.match(whole, { status: 201, body: { state: 'received', digests: { sha256: sha256(file) } } })
  t.same((await get(whole.headers.get('location') as string)).body, whole.body)

  const later = await post('/v1/uploads', { 'upload-defer-length': '1' }, file.subarray(0, 10))
  t.match([later.status, later.headers.get('upload-offset'), later.body], [201, '10', ''])
  const path = later.headers.get('location') as string
  t.equal((await head(path)).headers.get('upload-defer-length'), '1')
  t.match(await patch(path, { 'upload-offset': '10', 'upload-length': '5' }, file.subarray(10, 20)), { status: 413, body: { code: 'UPLOAD_TOO_LARGE' } })
  t.equal((await post(path, { 'upload-offset': '10', 'upload-length': '1000', 'x-http-method-override': 'PATCH' }, file.subarray(10))).status, 204)
  t.match((await get(path)).body, { digests: { sha256: sha256(file) } })
  t.match(await post('/v1/uploads', { 'upload-length': '10' }, file), { status: 413, body: { code: 'UPLOAD_TOO_LARGE' } })
})

t.test('checksums: what differs is not kept, and what follows is hashed right', async (t) => {
  const file = randomBytes(1000)
  const path = await begin(1000)
  const checksum = (bytes: Uint8Array, algorithm = 'sha256'): Record<string, string> =>
    ({ 'upload-checksum': `${algorithm} ${createHash(algorithm).update(bytes).digest('base64')}` })
  t.equal((await patch(path, { 'upload-offset': '0', ...checksum(file.subarray(0, 400)) }, file.subarray(0, 400))).status, 204)
  const wrong = await patch(path, { 'upload-offset': '400', ...checksum(file) }, file.subarray(400))
  t.match(wrong, { status: 460, body: { code: 'UPLOAD_CHECKSUM', status: 460 } })
  t.equal((await head(path)).headers.get('upload-offset'), '400')
  t.match(await patch(path, { 'upload-offset': '400', 'upload-checksum': 'crc32 AAAA' }, file.subarray(400)), { status: 400, body: { code: 'FIELD_INVALID' } })
  t.equal((await patch(path, { 'upload-offset': '400', ...checksum(file.subarray(400), 'sm3') }, file.subarray(400))).status, 204)
  t.match((await get(path)).body, { digests: { sha256: sha256(file) } })
})

t.test('a cut request keeps what came; one that hangs makes room for its sender', async (t) => {
  const file = randomBytes(2_000_000)
  const path = await begin(file.length)
  const cut = await halfSent(path, 0, file.length, file.subarray(0, 1_200_000))
  t.match(await patch(path, { 'upload-offset': '0' }, file), { status: 423, body: { code: 'UPLOAD_LOCKED' } })
  t.match(await get(path), { status: 200, body: { state: 'receiving' } }, 'asking how far it is disturbs nobody')
  const closed = new Promise((resolve) => { cut.once('close', resolve) })
  const at = Number((await head(path)).headers.get('upload-offset'))
  t.ok(at >= 0 && at <= 1_200_000, `${at} bytes are kept: what the service had read`)
  await closed
  const again = await halfSent(path, at, file.length - at, file.subarray(at, at + 100_000))
  again.end()
  await until(async () => (await patch(path, { 'upload-offset': String(at + 500_000) }, Buffer.alloc(1))).status !== 423)
  const rest = Number((await get(path)).body.offset)
  t.ok(rest >= at && rest <= at + 100_000, `${rest} bytes after another cut`)
  t.equal((await patch(path, { 'upload-offset': String(rest) }, file.subarray(rest))).status, 204)
  t.match((await get(path)).body, { digests: { sha256: sha256(file) } })
})

t.test('what is refused, and why', async (t) => {
  const before = await received()
  const create = async (headers: Record<string, string>, status: number, code: string): Promise<void> => {
    t.match(await post('/v1/uploads', headers), { status, body: { code, status, type: /^urn:/ } }, JSON.stringify(headers))
  }
  await create({ 'upload-length': '0' }, 400, 'CONTENT_EMPTY')
  await create({ 'upload-length': String(LIMIT + 1) }, 413, 'UPLOAD_TOO_LARGE')
  await create({}, 400, 'FIELD_INVALID')
  await create({ 'upload-length': '1', 'upload-defer-length': '1' }, 400, 'FIELD_INVALID')
  await create({ 'upload-length': '-1' }, 400, 'FIELD_INVALID')
  await create({ 'upload-length': '1', 'tus-resumable': '0.2.2' }, 412, 'TUS_VERSION')
  await create({ 'upload-length': '1', 'upload-metadata': 'sha_256 AAAA' }, 400, 'FIELD_INVALID')
  await create({ 'upload-length': '1', 'upload-metadata': 'filename *' }, 400, 'FIELD_INVALID')
  await create({ 'upload-length': '1', 'upload-metadata': uploadMetadata({ sha256: 'no' }) }, 400, 'FIELD_INVALID')
  await create({ 'upload-length': '1', 'upload-metadata': uploadMetadata({ metadata: '{"a":null}' }) }, 400, 'METADATA_INVALID')
  await create({ 'upload-length': '1', 'upload-metadata': uploadMetadata({ metadata: '{"a":1,"a":2}' }) }, 400, 'JSON_MEMBER_TWICE')

  const path = await begin(10)
  t.match(await patch(path, { 'upload-offset': '3' }, randomBytes(7)), { status: 409, body: { code: 'UPLOAD_OFFSET' } })
  t.match(await patch(path, {}, randomBytes(7)), { status: 400, body: { code: 'FIELD_INVALID' } })
  t.match(await patch(path, { 'upload-offset': '0' }, randomBytes(11)), { status: 413, body: { code: 'UPLOAD_TOO_LARGE' } })
  t.match(await patch(path, { 'upload-offset': '0', 'upload-length': '9' }, randomBytes(9)), { status: 409, body: { code: 'UPLOAD_LENGTH' } })
  t.match(await patch(path, { 'upload-offset': '0', 'content-type': 'application/json' }, Buffer.from('{}')), { status: 415, body: { code: 'MEDIA_TYPE_UNSUPPORTED' } })
  t.match(await patch(path, { 'upload-offset': '0', 'content-type': 'text/plain' }, Buffer.from('{}')), { status: 415 })
  for (const key of [service.admin, 'no key']) {
    for (const call of [patch, head, remove, get]) {
      const { status } = await call(path, { 'upload-offset': '0' }, call === patch ? randomBytes(1) : undefined, key)
      t.equal(status, key === service.admin ? 404 : 401, 'an upload is its own key\'s')
    }
  }
  t.equal((await remove(path)).status, 204)
  t.match(await get(path), { status: 404, body: { code: 'UPLOAD_UNKNOWN' } })
  t.equal((await head(path)).status, 404)

  const other = await begin(10, { sha256: 'ab'.repeat(32) })
  t.match(await patch(other, { 'upload-offset': '0' }, randomBytes(10)), { status: 422, body: { code: 'DIGEST_MISMATCH' } })
  t.match(await get(other), { status: 422, body: { code: 'DIGEST_MISMATCH' } }, 'the reason can be asked for again')
  t.equal((await head(other)).status, 422)
  t.same(await uploadFiles(), [], 'and nothing of it is kept')
  t.equal(await received(), before)
})

t.test('a key may have so many open', async (t) => {
  const paths = await Promise.all(Array.from({ length: 5 }, () => begin(10)))
  t.match(await post('/v1/uploads', { 'upload-length': '10' }), { status: 429, body: { code: 'UPLOADS_TOO_MANY' } })
  t.match(await (await service.call('/metrics')).text(), /^steelyard_uploads_open 5$/m)
  t.equal((await remove(paths.pop() as string)).status, 204)
  paths.push(await begin(10))
  for (const path of paths) await remove(path)
})

t.test('abandoned parts are cleaned: after their time, and of both kinds at the next start', async (t) => {
  const path = await begin(100)
  await patch(path, { 'upload-offset': '0' }, randomBytes(50))
  const [id] = await uploadFiles()
  await service.kill()
  for (const [folder, name] of [['uploads', '00'.repeat(16)], ['tmp', 'left']] as const) await writeFile(join(data, 'content', folder, name), 'left by a kill')
  service = await startService(data, settings)
  t.same(await uploadFiles(), [id], 'an open upload survives, a file that belongs to none does not')
  t.same(await readdir(join(data, 'content', 'tmp')), [], 'nor what multipart left')
  await service.stop()
  service = await startService(data, { ...settings, STEELYARD_UPLOAD_EXPIRY: '1000' })
  await until(async () => (await uploadFiles()).length === 0)
  t.match(await get(path), { status: 404, body: { code: 'UPLOAD_UNKNOWN' } })
})

t.test('a file that holds less than was acknowledged is named, never deposited', async (t) => {
  await service.stop()
  service = await startService(data, settings)
  const path = await begin(100)
  await patch(path, { 'upload-offset': '0' }, randomBytes(50))
  const [id] = await uploadFiles()
  const file = join(data, 'content', 'uploads', id as string)
  await truncate(file, 49)
  t.match(await patch(path, { 'upload-offset': '50' }, randomBytes(50)), { status: 500, body: { code: 'CONTENT_DAMAGED' } })
  await service.stop()
  const differs = (bytes: number): object => ({
    outcome: 'differs', differences: 1, first: { layer: 'service', object: `upload ${id as string}`, code: 'UPLOAD_DIFFERS', says: `its file has ${bytes} bytes, acknowledged were 50` }
  })
  t.match(await localFsck(data), differs(49), 'by the tool too')
  await rm(file)
  t.match(await localFsck(data), differs(0))
  await writeFile(file, randomBytes(51))
  t.match(await localFsck(data), { outcome: 'clean', differences: 0 }, 'what a file holds beyond that was never acknowledged')
})

t.test('a disk that has become short takes no more of an upload, and what was acknowledged of it waits', async (t) => {
  service = await startService(data, settings)
  const file = randomBytes(100)
  const path = await begin(100)
  await patch(path, { 'upload-offset': '0' }, file.subarray(0, 50))
  await service.stop()
  service = await startService(data, { ...settings, STEELYARD_RESERVE: String(2 ** 52) })
  const full = { status: 507, body: { code: 'STORE_FULL', status: 507 } }
  const refused = await patch(path, { 'upload-offset': '50' }, file.subarray(50))
  t.match(refused, full)
  t.match(refused.headers.get('retry-after'), /^\d+$/)
  t.match(await post('/v1/uploads', { 'upload-length': '100' }), full)
  t.match(await get(path), { status: 200, body: { state: 'receiving', offset: '50' } })
  await service.stop()
  service = await startService(data, settings)
  t.equal((await patch(path, { 'upload-offset': '50' }, file.subarray(50))).status, 204)
  t.match((await get(path)).body, { state: 'received', digests: { sha256: sha256(file) } })
})
