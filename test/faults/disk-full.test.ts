/** Disks that are really full, under the service and under its network: what is said, what waits, and that nothing is lost. */
import { randomBytes } from 'node:crypto'
import { statfs } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { createPromises } from '../support/promises.js'
import { type Answer, dataFolder, type RunningService, startService, until, untilReady } from '../support/service.js'
import { noSmallDisk, smallDisk } from '../support/small-disk.js'
import { BYTES, TUS } from '../support/tus.js'

const MEGABYTES = 48
const RESERVE = 16 * 1024 * 1024
const CHUNK = 64 * 1024
/** What deposits and database take meanwhile, of the room that content leaves them. */
const SLACK = 4 * 1024 * 1024

const digests = async (service: RunningService): Promise<Answer> => await service.depositDigests(randomBytes(32).toString('hex'))
const ready = async (service: RunningService): Promise<any> => (await service.json('/health/ready')).body
const upload = async (service: RunningService, size: number): Promise<Answer> => {
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(randomBytes(size))]), 'exhibit.bin')
  return await service.json('/v1/evidence', { method: 'POST', body: form })
}

t.test('little room: deposits are refused, what was acknowledged goes on to its proof', { skip: noSmallDisk, timeout: 120_000 }, async (t) => {
  const root = dataFolder(t)
  const data = join(root, 'small')
  const disk = smallDisk(t, data, MEGABYTES)
  const service = await startService(data, { STEELYARD_NETWORK_DIR: join(root, 'network'), STEELYARD_RESERVE: String(RESERVE), STEELYARD_SEAL_AGE: '1000' })
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  const promises = createPromises(root)
  await promises.deposit(service)
  await disk.fill(RESERVE / 2)
  await until(async () => (await digests(service)).status !== 201)
  for (const { status, headers, body } of [await digests(service), await upload(service, 1000)]) {
    t.match({ status, code: body.code, retry: headers.get('retry-after') }, { status: 507, code: 'STORE_FULL', retry: /^\d+$/ })
  }
  t.match(await ready(service), { status: 'not-ready', intake: 'closed', reasons: ['STORE_FULL'] })
  const free = Number(/^steelyard_store_free_bytes (\d+)$/m.exec(await (await service.call('/metrics')).text())?.[1])
  t.ok(free > 0 && free < RESERVE, `${free} bytes are left`)
  await promises.check(t, service)

  await disk.free()
  await untilReady(service)
  t.match(await upload(service, 36 * 1024 * 1024), { status: 507, body: { code: 'STORE_FULL' } }, 'what would take the reserve is refused at its start')
  await promises.deposit(service)
  await promises.check(t, service)
})

/** A body that does not say how long it is, and what is looked at while it is sent. */
function endless (most: number, look: () => Promise<unknown>): RequestInit {
  let sent = 0
  const body = new ReadableStream<Uint8Array>({
    async pull (controller) {
      await look()
      controller.enqueue(randomBytes(CHUNK))
      if ((sent += CHUNK) >= most) controller.close()
    }
  }, { highWaterMark: 0 })
  return { body, duplex: 'half' } as RequestInit
}

t.test('content that does not say how much comes ends before it takes the room that deposits need', { skip: noSmallDisk, timeout: 120_000 }, async (t) => {
  const root = dataFolder(t)
  const data = join(root, 'small')
  smallDisk(t, data, MEGABYTES)
  const service = await startService(data, { STEELYARD_NETWORK_DIR: join(root, 'network'), STEELYARD_RESERVE: String(RESERVE) })
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  const promises = createPromises(root)
  let least = Infinity
  const look = async (): Promise<void> => {
    const { bavail, bsize } = await statfs(data)
    least = Math.min(least, bavail * bsize)
  }
  const boundary = 'steelyard'
  const multipart = (init: RequestInit): RequestInit => {
    const part = Buffer.from(`--${boundary}\r\ncontent-disposition: form-data; name="file"; filename="a.bin"\r\n\r\n`)
    const body = (init.body as ReadableStream<Uint8Array>).pipeThrough(new TransformStream({ start (controller) { controller.enqueue(part) } }))
    return { ...init, body, method: 'POST', headers: { 'content-type': `multipart/form-data; boundary=${boundary}` } }
  }
  const deferred = await service.call('/v1/uploads', { method: 'POST', headers: { ...TUS, 'upload-defer-length': '1' } })
  const path = deferred.headers.get('location') as string
  const bodies: [string, string, (init: RequestInit) => RequestInit][] = [
    ['an upload in parts', path, (init) => ({ ...init, method: 'PATCH', headers: { ...TUS, ...BYTES, 'upload-offset': '0' } })],
    ['a form', '/v1/evidence', multipart]
  ]
  for (const [what, to, request] of bodies) {
    least = Infinity
    let isAnswered = false
    const sending = service.json(to, request(endless(40 * 1024 * 1024, look))).finally(() => { isAnswered = true })
    await until(async () => {
      await promises.deposit(service)
      return isAnswered
    })
    t.match(await sending, { status: 507, body: { code: 'STORE_FULL' } }, what)
    t.ok(least > RESERVE - SLACK, `${what}: ${least} bytes were left at least`)
    await until(async () => (await digests(service)).status === 201)
  }
  const { headers } = await service.call(path, { method: 'HEAD', headers: TUS })
  t.equal(headers.get('upload-offset'), '0', 'what was not acknowledged is not kept')
  t.equal((await service.call(path, { method: 'DELETE', headers: TUS })).status, 204)
  await promises.check(t, service)
})

t.test('no room at all in the middle of writes: nothing acknowledged is lost, before or after there is room again', { skip: noSmallDisk, timeout: 120_000 }, async (t) => {
  const root = dataFolder(t)
  const data = join(root, 'small')
  const disk = smallDisk(t, data, MEGABYTES)
  const env = { STEELYARD_NETWORK_DIR: join(root, 'network'), STEELYARD_RESERVE: '0' }
  let service = await startService(data, env)
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  const promises = createPromises(root)
  await promises.deposit(service)
  await until(async () => (await service.call('/v1/batches/0')).status === 200)
  for (const left of [100_000, 5000, 0]) {
    await disk.fill(left)
    let answer = await digests(service)
    await until(async () => {
      await promises.deposit(service)
      answer = await digests(service)
      return answer.status !== 201
    })
    t.match(answer, { status: 507, body: { code: 'STORE_FULL' } })
    t.match(await ready(service), { status: 'not-ready', intake: 'closed' })
    t.ok((await ready(service)).reasons.includes('STORE_FULL'))
    t.match(await (await service.call('/metrics')).text(), /^steelyard_store_writing 0$/m)
    t.equal((await service.call('/v1/batches/0')).status, 200, 'what is stored can be read')
    await disk.free()
    await untilReady(service)
    t.match(await (await service.call('/metrics')).text(), /^steelyard_store_writing 1$/m)
    await promises.deposit(service)
    await promises.deposit(service)
  }
  await service.kill()
  service = await startService(data, env)
  await promises.check(t, service)
})

t.test('no room for the ledger: deposits go on and wait for it', { skip: noSmallDisk, timeout: 120_000 }, async (t) => {
  const root = dataFolder(t)
  const disk = smallDisk(t, join(root, 'network'), MEGABYTES)
  const service = await startService(root)
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  const promises = createPromises(root)
  await promises.deposit(service)
  await disk.fill()
  await until(async () => {
    await promises.deposit(service)
    return (await ready(service)).ledger === 'down'
  })
  t.equal((await digests(service)).status, 201, 'deposits are accepted')
  await until(async () => /no space|full|ENOSPC/i.test((await ready(service)).detail ?? ''))
  t.match(await ready(service), { status: 'not-ready', intake: 'open', reasons: ['LEDGER_UNAVAILABLE'] })
  await disk.free()
  await untilReady(service)
  await promises.deposit(service)
  await promises.check(t, service)
})
