/** A file of gigabytes by the command line, whose client and whose service are killed on the way. */
import { execFile, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { open, readdir, readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import t from 'tap'
import { freePorts } from '../../network/embedded/free-ports.js'
import { uploadMegabytes } from '../support/long-upload.js'
import { dataFolder, type RunningService, startService, until, untilReady } from '../support/service.js'

/** Megabytes of the upload; smaller for a quick look, but of several segments of 64. */
const MEGABYTES = uploadMegabytes(5120)
const MEGABYTE = 1024 * 1024
const MOST_GROWTH_MB = 64
const MAIN = resolve('dist/src/cli/main.js')
const execute = promisify(execFile)

t.setTimeout(1_250_000)
t.test(`an upload of ${MEGABYTES} MB that is interrupted twice`, { timeout: 1_200_000 }, async (t) => {
  const data = dataFolder(t)
  const file = join(data, 'long.bin')
  await makeFile(file)
  const settings = { STEELYARD_PORT: String((await freePorts(1))[0]) }
  let service = await startService(data, settings)
  t.teardown(async () => { await service.stop() })
  await untilReady(service)
  const first = await service.depositDigests('ab'.repeat(32))
  t.match(await service.json(`/v1/evidence/${first.body.number}?wait=final`), { body: { state: 'final' } })
  const before = await peakMb(service)

  const killed = runDeposit(data, file, service.url)
  const passed = async (part: number): Promise<number> => {
    let acknowledged = 0
    await until(async () => {
      acknowledged = await offsetIn(data, service)
      return acknowledged >= part * MEGABYTES * MEGABYTE
    })
    return acknowledged
  }
  const quarter = await passed(1 / 4)
  killed.kill()
  t.equal((await killed.ended).signal, 'SIGKILL', 'the client was still sending')

  const again = runDeposit(data, file, service.url)
  t.ok(await offsetIn(data, service) >= quarter, 'what was acknowledged to the one that was killed is kept')
  const half = await passed(1 / 2)
  const growth = await peakMb(service) - before
  t.ok(growth < MOST_GROWTH_MB, `peak memory grew by ${growth.toFixed(0)} MB`)
  await service.kill()
  service = await startService(data, settings)
  t.ok(await offsetIn(data, service) >= half, 'and what was acknowledged before the service was killed')
  const { code, out, err } = await again.ended
  t.equal(code, 0, err)
  t.match(err, /interrupted \(no connection\); going on/)
  const secondGrowth = await peakMb(service) - before
  t.ok(secondGrowth < MOST_GROWTH_MB, `the peak of the service that ends it is ${secondGrowth.toFixed(0)} MB above the other's before the upload`)

  const { number } = JSON.parse(out) as { number: string }
  const digests = {
    sha256: (await execute('sha256sum', [file])).stdout.slice(0, 64),
    sm3: /[0-9a-f]{64}/.exec((await execute('openssl', ['dgst', '-sm3', file])).stdout)?.[0]
  }
  t.match(await service.json(`/v1/evidence/${number}?wait=final&timeout=30`), { body: { state: 'final', size: String(MEGABYTES * MEGABYTE), digests } })
  await t.resolves(execute('cmp', [file, join(data, 'content', digests.sha256.slice(0, 2), digests.sha256.slice(2, 4), digests.sha256)]), 'byte for byte')
  t.equal((await service.json('/health/ready')).body.deposits.received, 2, 'one deposit beside the first')
  t.same(await readdir(join(data, 'content', 'uploads')), [])
  t.same(await notes(data), [], 'the client has forgotten the upload')
})

/** Holes, and random bytes at the end of each 64 MB: nothing of it can take the place of anything else unnoticed. */
async function makeFile (path: string): Promise<void> {
  const file = await open(path, 'wx')
  for (let end = MEGABYTES; end > 0; end -= 64) await file.write(randomBytes(MEGABYTE), 0, MEGABYTE, (end - 1) * MEGABYTE)
  await file.close()
}

interface Ended { readonly code: number | null, readonly signal: NodeJS.Signals | null, readonly out: string, readonly err: string }

function runDeposit (data: string, file: string, url: string): { readonly ended: Promise<Ended>, kill: () => void } {
  const env = { PATH: process.env.PATH, HOME: data, STEELYARD_DATA: data, STEELYARD_URL: url }
  const child = spawn(process.execPath, [MAIN, 'deposit', file, '--resumable', '--no-save', '--json'], { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let [out, err] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => { out += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { err += chunk.toString() })
  const ended = new Promise<Ended>((resolve) => { child.once('close', (code, signal) => { resolve({ code, signal, out, err }) }) })
  return { ended, kill: () => { child.kill('SIGKILL') } }
}

/** Where the client has noted its uploads. */
async function notes (data: string): Promise<string[]> {
  const folder = join(data, '.config', 'steelyard', 'uploads')
  const names = await readdir(folder).catch(() => [])
  return await Promise.all(names.map(async (name) => await readFile(join(folder, name), 'utf8')))
}

/** Bytes that the service has acknowledged of the client's upload. */
async function offsetIn (data: string, service: RunningService): Promise<number> {
  const [path] = await notes(data)
  return path === undefined ? 0 : Number((await service.json(path)).body.offset)
}

async function peakMb ({ pid }: RunningService): Promise<number> {
  return Number(/VmHWM:\s+(\d+)/.exec(await readFile(`/proc/${pid}/status`, 'utf8'))?.[1]) / 1024
}
