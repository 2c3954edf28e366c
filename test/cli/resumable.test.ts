/** `deposit --resumable` after its client was killed: the same command goes on. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, stat, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join, resolve } from 'node:path'
import t from 'tap'
import { dataFolder, startService, until, untilReady } from '../support/service.js'

const MAIN = resolve('dist/src/cli/main.js')
const SIZE = 3_000_000
/** What the service writes at once: so much of what has come is kept when the line breaks. */
const PIECE = 2 ** 20

t.setTimeout(120_000)
t.test('a client that was killed in the middle of a file', async (t) => {
  const data = dataFolder(t)
  const service = await startService(data, { STEELYARD_SEAL_AGE: '60000' })
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  const line = await openLine(service.url)
  t.teardown(() => { line.close() })
  const content = randomBytes(SIZE)
  await writeFile(join(data, 'long.bin'), content)
  const deposit = (): ChildProcess => spawn(process.execPath, [MAIN, 'deposit', 'long.bin', '--resumable', '--json'], {
    cwd: data, env: { PATH: process.env.PATH, HOME: data, STEELYARD_DATA: data, STEELYARD_URL: line.url }, stdio: ['ignore', 'pipe', 'inherit']
  })
  const notes = async (): Promise<string[]> => await readdir(join(data, '.config', 'steelyard', 'uploads'))

  const broken = line.breakAfter(SIZE / 2)
  const killed = deposit()
  await broken
  const uploads = join(data, 'content', 'uploads')
  await until(async () => {
    const [id] = await readdir(uploads)
    return id !== undefined && (await stat(join(uploads, id))).size >= PIECE
  })
  killed.kill('SIGKILL')
  await once(killed, 'close')
  t.equal((await notes()).length, 1, 'where the upload is outlives the client')

  const before = line.passed()
  const again = deposit()
  let out = ''
  again.stdout?.on('data', (chunk: Buffer) => { out += chunk.toString() })
  t.same(await once(again, 'close'), [0, null])
  const sent = line.passed() - before
  t.ok(sent < SIZE - PIECE / 2, `${sent} bytes were sent of the rest, headers included`)

  const digests = { sha256: createHash('sha256').update(content).digest('hex'), sm3: createHash('sm3').update(content).digest('hex') }
  const { number } = JSON.parse(out) as { number: string }
  t.match(await service.json(`/v1/evidence/${number}`), { status: 200, body: { digests, size: String(SIZE) } })
  t.equal((await service.json('/health/ready')).body.deposits.received, 1, 'one deposit')
  t.same(await readdir(uploads), [])
  t.same(await notes(), [], 'and nothing is left to go on with')
})

/** A line to the service that can break: from then on nothing more of a connection arrives, and its sender does not know. */
interface Line {
  readonly url: string
  /** Bytes that it has carried to the service. */
  passed (): number
  /** Resolves when so many bytes more have passed, and no others will of that connection. */
  breakAfter (bytes: number): Promise<void>
  close (): void
}

async function openLine (to: string): Promise<Line> {
  const { hostname, port } = new URL(to)
  const sockets = new Set<Socket>()
  let passed = 0
  let fault: { readonly at: number, readonly done: () => void } | undefined
  const server = createServer((client) => {
    const service = connect(Number(port), hostname)
    const end = (): void => { client.destroy(); service.destroy() }
    for (const socket of [client, service]) socket.on('error', end).on('close', end)
    sockets.add(client)
    service.pipe(client)
    let isBroken = false
    client.on('data', (chunk: Buffer) => {
      if (isBroken) return
      passed += chunk.length
      service.write(chunk)
      if (fault === undefined || passed < fault.at) return
      isBroken = true
      fault.done()
      fault = undefined
    })
  })
  await new Promise<void>((resolve) => { server.listen(0, '127.0.0.1', resolve) })
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    passed: () => passed,
    breakAfter: async (bytes) => { await new Promise<void>((resolve) => { fault = { at: passed + bytes, done: resolve } }) },
    close () {
      for (const socket of sockets) socket.destroy()
      server.close()
    }
  }
}
