/** The database's files change or go under the running service: what is touched is refused by name, and what was acknowledged is there afterwards. */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { open, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t from 'tap'
import { localFsck } from '../support/damage.js'
import { createPromises } from '../support/promises.js'
import { type Answer, dataFolder, type RunningService, startService, until, untilReady } from '../support/service.js'

const FLIP_EVERY = 512
/** What is said of something that is damaged. */
const DAMAGE = ['DAMAGED', 'UNREADABLE', 'CONTENT_MISSING', 'CONTENT_DAMAGED']

const ready = async (service: RunningService): Promise<any> => (await service.json('/health/ready')).body
const metrics = async (service: RunningService): Promise<string> => await (await service.call('/metrics')).text()
const files = async (data: string, name: RegExp): Promise<string[]> =>
  (await readdir(join(data, 'db'))).filter((each) => name.test(each)).sort().map((each) => join(data, 'db', each))
const steelyard = (...args: string[]): { status: number | null, stdout: string, stderr: string } =>
  spawnSync(process.execPath, [resolve('dist/src/cli/main.js'), ...args], { encoding: 'utf8', env: { PATH: process.env.PATH } })

/** Flips bits all over a file, in place, so that whoever has it open sees them. */
async function flipBits (path: string): Promise<void> {
  const file = await open(path, 'r+')
  try {
    const { size } = await file.stat()
    const byte = Buffer.alloc(1)
    for (let at = FLIP_EVERY / 2; at < size; at += FLIP_EVERY) {
      await file.read(byte, 0, 1, at)
      byte[0] = (byte[0] as number) ^ 0x10
      await file.write(byte, 0, 1, at)
    }
  } finally {
    await file.close()
  }
}

t.test('bits of every table change under the service', { timeout: 120_000 }, async (t) => {
  const data = dataFolder(t)
  const first = await startService(data)
  await untilReady(first)
  const numbers: string[] = []
  for (let i = 0; i < 4; i++) {
    const answers = await Promise.all(Array.from({ length: 10 }, () => first.depositDigests(randomBytes(32).toString('hex'))))
    const form = new FormData()
    form.set('file', new Blob([randomBytes(3000)]), 'exhibit.bin')
    form.set('metadata', '{"case":"2026-1"}')
    answers.push(await first.json('/v1/evidence', { method: 'POST', body: form }))
    numbers.push(...answers.map(({ body }) => body.number as string))
  }
  await until(async () => (await ready(first)).deposits.final === numbers.length)
  const paths = numbers.flatMap((number) => ['', '/receipt', '/proof'].map((path) => `/v1/evidence/${number}${path}`))
  const before = new Map<string, string>()
  for (const path of paths) before.set(path, await (await first.call(path)).text())
  t.equal(await first.stop(), 0)

  const service = await startService(data) // what was in the log is in a table now, and nothing of it was read
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  const tables = await files(data, /\.ldb$/)
  t.ok(tables.length > 0)
  for (const path of tables) await flipBits(path)
  const said = { same: 0, refused: 0, unknown: 0 }
  const wrong: unknown[] = []
  for (const path of paths) {
    const response = await service.call(path)
    const text = await response.text()
    if (response.status === 200 && text === before.get(path)) said.same++
    else if (response.status === 500 && DAMAGE.includes((JSON.parse(text) as { code: string }).code)) said.refused++
    // The index of numbers has nothing but its key: one that changed cannot be told from one that never was. `fsck` names it.
    else if (response.status === 404) said.unknown++
    else wrong.push({ path, status: response.status, text: text.slice(0, 200) })
  }
  t.same(wrong, [], `every answer is what it was, or names the damage: ${JSON.stringify(said)}`)
  t.ok(said.refused > 0)
  t.match(await metrics(service), /^steelyard_damage_total{code="(DAMAGED|UNREADABLE)"} \d/m)
  t.equal((await service.call('/health/live')).status, 200, 'and it lives')
  await service.kill()
  t.not((await localFsck(data)).exitCode, 0, 'fsck does not call it clean')
})

t.test('the log that is written to is removed: what only it had is written anew, without hands', { timeout: 120_000 }, async (t) => {
  const data = dataFolder(t)
  let service = await startService(data)
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  const promises = createPromises(data)
  await promises.deposit(service)
  const logs = await files(data, /\.log$/)
  for (const log of logs) await rm(log)
  await promises.deposit(service)
  await until(async () => (await files(data, /\.log$/)).length > 0)
  await untilReady(service)
  await promises.deposit(service)
  await service.kill()
  service = await startService(data)
  await untilReady(service)
  await promises.check(t, service)
})

t.test('tables and MANIFEST are removed: no more is acknowledged, a backup saves what was, and a start names it', { timeout: 120_000 }, async (t) => {
  const data = dataFolder(t)
  const first = await startService(data)
  await untilReady(first)
  const promises = createPromises(data)
  await promises.deposit(first)
  await first.stop()
  let service = await startService(data)
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  await promises.deposit(service)
  await promises.check(t, service) // everything was read, so that it is open
  for (const file of [...await files(data, /\.ldb$/), ...await files(data, /^MANIFEST/)]) await rm(file)
  let refused: Answer | undefined
  await until(async () => {
    const answer = await service.depositDigests(randomBytes(32).toString('hex'))
    promises.remember(answer)
    if (answer.status !== 201) refused = answer
    return refused !== undefined
  })
  t.match(refused, { status: 503, body: { code: 'STORE_DAMAGED', detail: /\.ldb is missing|MANIFEST-\d+ is missing/ } })
  t.match(await ready(service), { status: 'not-ready', intake: 'closed', reasons: ['STORE_DAMAGED'] })
  t.match(await metrics(service), /^steelyard_not_ready{reason="STORE_DAMAGED"} 1$/m)
  t.match(steelyard('doctor', '--data', data, '--url', service.url).stdout, /not ready \(STORE_DAMAGED\)[^]*do not stop it; take `steelyard backup`/)

  await until(async () => (await ready(service)).deposits.final === promises.size)
  const [file, restored] = [join(data, 'saved.tar'), join(data, 'restored')]
  const backup = steelyard('backup', file, '--data', data, '--url', service.url)
  t.equal(backup.status, 0, backup.stderr)
  await service.kill()
  await t.rejects(startService(data), { signal: null, message: /does not open|is missing|rebuild-index --repair/ })

  t.equal(steelyard('import', file, '--data', restored).status, 0)
  const profile = join(data, 'network', 'profiles', 'operator.json')
  const confirmed = steelyard('reconcile', '--data', restored, '--ledger', profile, '--go-on')
  t.equal(confirmed.status, 0, confirmed.stdout + confirmed.stderr)
  await writeFile(join(restored, 'credentials.json'), await readFile(join(data, 'credentials.json')), { mode: 0o600 })
  service = await startService(restored, { STEELYARD_LEDGER: profile, STEELYARD_RECEIPT_KEY_FILE: join(data, 'keys', 'receipt.pem') })
  await untilReady(service)
  await promises.deposit(service)
  await promises.check(t, service)
})
