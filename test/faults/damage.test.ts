/** Files of the database that are damaged: the service says what is wrong and what repairs it, and shows nothing that is not what it was. */
import { generateKeyPairSync } from 'node:crypto'
import { readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { run as fsck } from '../../src/cli/commands/fsck.js'
import { run as rebuildIndex } from '../../src/cli/commands/rebuild-index.js'
import { run as reconcile } from '../../src/cli/commands/reconcile.js'
import { endOf } from '../../src/ops/stored.js'
import { confirm } from '../../src/store/doubt.js'
import { numberKey } from '../../src/store/keys.js'
import { runSteelyard } from '../support/commands.js'
import { changeIn, replaceText, withDatabase } from '../support/damage.js'
import { FILE_DAMAGES, fileOf, flipped, gone, isRefusedAndSaved, wholeFolder } from '../support/damaged-folders.js'
import { type RunningService, startService, until, untilReady } from '../support/service.js'

const LOG = /\.log$/
const whole = await wholeFolder(t)
const { copy, numbers, tool, isSaved } = whole
const env = { STEELYARD_LEDGER: whole.profile }

for (const damage of FILE_DAMAGES) {
  t.test(`${damage.what}: nothing starts, and the tool that is named saves what is left and names the rest`, async (t) => { await isRefusedAndSaved(t, whole, damage) })
}

t.test('a bit of a table that LevelDB takes as it is: the tools name what is not what it was', async (t) => {
  const folder = await copy()
  const record = await withDatabase(await copy(), async (db) => (await db.get(numberKey('r', 1)))?.toString() ?? '')
  await changeIn([await fileOf(folder, /\.ldb$/)], /"sha256":"([0-9a-f]{64})"/.exec(record)?.[1] ?? '')
  await isSaved(t, folder, true)
})

t.test('no tool opens a database whose log LevelDB would cut, and so removes what there was to find', async (t) => {
  const folder = await copy()
  await flipped(LOG, 0.3)(folder)
  const before = await readFile(await fileOf(folder, LOG))
  for (const [name, run] of Object.entries({ fsck, reconcile, rebuildIndex })) {
    await t.rejects(tool(run, { data: folder }), { code: 'DATA', exitCode: 2, reason: 'DAMAGED', message: /is damaged at byte \d+.*rebuild-index --repair/ }, name)
  }
  t.same(await readFile(await fileOf(folder, LOG)), before)
  await t.rejects(tool(rebuildIndex, { data: folder, repair: true, dryRun: true }), { code: 'USAGE', message: /no --dry-run/ })
})

t.test('a log is not begun anew where one was, and not gone on with by another key', async (t) => {
  const emptied = await copy()
  await rm(join(emptied, 'db'), { recursive: true })
  await t.rejects(startService(emptied), { signal: null, message: /identity of a log.s service[^]*a new log needs a new folder/ })
  const foreign = await copy()
  const { privateKey } = generateKeyPairSync('ed25519')
  await writeFile(join(foreign, 'keys', 'receipt.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }))
  await t.rejects(startService(foreign), { signal: null, message: /the receipts of this log are by [^]*put that one back/ })
})

t.test('a repaired folder takes deposits again when somebody has said that nothing is missing', async (t) => {
  const folder = await copy()
  await gone(/^MANIFEST/)(folder)
  await isSaved(t, folder, false)
  const held = await startService(folder, env)
  t.teardown(async () => { await held.kill() })
  t.match(await held.depositDigests('ab'.repeat(32)), { status: 503, body: { code: 'LOG_UNCONFIRMED' } })
  t.equal((await held.json(`/v1/evidence/${numbers[0] as string}/proof`)).status, 200)
  await held.stop()
  t.equal((await tool(reconcile, { data: folder })).code, 0)
  t.equal((await tool(reconcile, { data: folder, goOn: true })).code, 0)
  const service = await startService(folder, env)
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  t.match(await service.depositDigests('ab'.repeat(32)), { status: 201, body: { sequence: String(numbers.length) } })
})

t.test('a record that is not what it was is not shown, and the rest is', async (t) => {
  const folder = await copy()
  await replaceText(folder, numberKey('r', 2), /"receivedAt":"20/, '"receivedAt":"30')
  const service = await startService(folder, env)
  t.teardown(async () => { await service.kill() })
  const damaged = numbers[2] as string
  for (const path of ['', '/receipt', '/proof']) {
    t.match(await service.json(`/v1/evidence/${damaged}${path}`), { status: 500, body: { code: 'DAMAGED' } }, `${path} of it`)
    t.equal((await service.json(`/v1/evidence/${numbers[1] as string}${path}`)).status, 200, `${path} of another`)
  }
  t.match(service.output(), /steelyard fsck/)
})

t.test('no receipt and no proof is given of a signed statement, or a header, that is not what it was', async (t) => {
  const folder = await copy()
  const last = await withDatabase(folder, async (db) => await endOf(db, 'h')) - 1
  await replaceText(folder, numberKey('g', 3), /"deadline":"20/, '"deadline":"30')
  await replaceText(folder, numberKey('h', last), /"sealedAt":"20/, '"sealedAt":"30')
  const service = await startService(folder, env)
  t.teardown(async () => { await service.kill() })
  const damaged = { status: 500, body: { code: 'DAMAGED' } }
  for (const path of ['receipt', 'proof']) t.match(await service.json(`/v1/evidence/${numbers[3] as string}/${path}`), damaged, path)
  t.match(await service.json(`/v1/evidence/${numbers.at(-1) as string}/proof`), damaged)
  t.equal((await service.json(`/v1/evidence/${numbers.at(-1) as string}/receipt`)).status, 200)
})

t.test('a genesis block that is not what it was gives nobody another trust bundle', async (t) => {
  const folder = await copy()
  const fingerprint = async (running: RunningService): Promise<string> => (await running.json('/health/ready')).body.fingerprint
  await replaceText(folder, numberKey('b', 0), /"data":\["..../, '"data":["AAAA')
  await withDatabase(folder, confirm) // it is a copy, and no old one
  const service = await startService(folder, env)
  t.teardown(async () => { await service.kill() })
  const before = await fingerprint(service)
  t.match(before, /^[0-9a-f]{64}$/)
  await until(async () => (await service.json('/health/ready')).body.stages.some(({ name, lastError }: any) => name === 'trust-bundle' && lastError?.code === 'DAMAGED'))
  t.equal(await fingerprint(service), before)
  t.match(await service.json('/health/ready'), { status: 503, body: { intake: 'open', reasons: ['BUNDLE_STALLED'], detail: /trust bundle cannot be renewed, because .*block 0/ } })
  t.match((await runSteelyard(folder, ['doctor', '--data', folder, '--url', service.url])).stdout, /not ready \(BUNDLE_STALLED\)[^]*steelyard fsck --data/)
})
