/** Files of the database that are damaged: the service says what is wrong and what repairs it, and shows nothing that is not what it was. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { run as fsck } from '../../src/cli/commands/fsck.js'
import { run as rebuildIndex } from '../../src/cli/commands/rebuild-index.js'
import { run as reconcile } from '../../src/cli/commands/reconcile.js'
import type { Terminal } from '../../src/cli/terminal.js'
import type { Report } from '../../src/ops/report.js'
import { endOf } from '../../src/ops/stored.js'
import { numberKey } from '../../src/store/keys.js'
import { dump, replaceText, withDatabase } from '../support/damage.js'
import { dataFolder, type RunningService, startService, until, untilReady } from '../support/service.js'

const data = dataFolder(t)
const profile = join(data, 'network', 'profiles', 'operator.json')
const numbers: string[] = []
let copies = 0

async function copy (): Promise<string> {
  const folder = join(data, `copy-${++copies}`)
  for (const part of ['db', 'content', 'keys', 'wallet', 'credentials.json']) await cp(join(data, part), join(folder, part), { recursive: true })
  return folder
}

const fileOf = async (folder: string, name: RegExp): Promise<string> => {
  const found = (await readdir(join(folder, 'db'))).find((each) => name.test(each))
  if (found === undefined) throw new Error(`no file ${name.source}`)
  return join(folder, 'db', found)
}

async function flip (path: string, part: number): Promise<void> {
  const bytes = await readFile(path)
  const at = Math.floor((bytes.length - 1) * part)
  bytes[at] = (bytes[at] as number) ^ 0x40
  await writeFile(path, bytes)
}

const deposit = async (service: RunningService, count: number): Promise<void> => {
  for (let i = 0; i < count; i++) numbers.push((await service.depositDigests(randomBytes(32).toString('hex'))).body.number)
}

let whole: Map<string, string>

t.before(async () => {
  const first = await startService(data)
  await untilReady(first)
  await deposit(first, 5)
  await until(async () => (await first.json(`/v1/evidence/${numbers.at(-1) as string}?wait=final`)).body.state === 'final')
  await first.kill()
  const service = await startService(data) // what was in the log is in a table now
  await untilReady(service)
  await deposit(service, 5)
  await until(async () => (await service.json(`/v1/evidence/${numbers.at(-1) as string}?wait=final`)).body.state === 'final')
  await service.kill()
  whole = await dump(await copy()) // to look into it empties its log
})

type Damage = (folder: string) => Promise<void>
const gone = (name: RegExp): Damage => async (folder) => { await rm(await fileOf(folder, name)) }
const cut = (name: RegExp, size: number): Damage => async (folder) => { await truncate(await fileOf(folder, name), size) }
const flipped = (name: RegExp, part: number): Damage => async (folder) => { await flip(await fileOf(folder, name), part) }
const [LOG, TABLE, CURRENT, MANIFEST] = [/\.log$/, /\.ldb$/, /^CURRENT$/, /^MANIFEST/]

/** Each names the tool when it keeps the service from starting; whether it loses anything. */
const cases: [string, Damage, { loses?: boolean }][] = [
  ['a bit in the log', flipped(LOG, 0.3), {}],
  ['a bit at the end of the log', flipped(LOG, 0.999), {}],
  ['the log gone', gone(LOG), { loses: true }],
  ['CURRENT cut', cut(CURRENT, 3), { loses: false }],
  ['CURRENT empty', cut(CURRENT, 0), { loses: false }],
  ['CURRENT gone', gone(CURRENT), { loses: false }],
  ['MANIFEST gone', gone(MANIFEST), { loses: false }],
  ['MANIFEST cut', cut(MANIFEST, 20), { loses: false }],
  ['MANIFEST empty', cut(MANIFEST, 0), { loses: false }],
  ['a bit in MANIFEST', flipped(MANIFEST, 0.5), { loses: false }],
  ['a table gone', gone(TABLE), { loses: true }],
  ['a table cut', cut(TABLE, 2000), { loses: true }],
  ['the end of a table changed', flipped(TABLE, 1), { loses: true }]
]
for (const [what, damage, { loses }] of cases) {
  t.test(`${what}: nothing starts, and the tool that is named saves what is left and names the rest`, async (t) => {
    const folder = await copy()
    await damage(folder)
    await t.rejects(startService(folder), { signal: null, message: /rebuild-index --repair[^]*fsck/ })
    await isSaved(t, folder, loses)
    await rm(folder, { recursive: true })
  })
}

t.test('bits of a table that LevelDB takes as they are: the tools name what is not what it was', async (t) => {
  for (const part of [0.1, 0.3, 0.5, 0.7]) {
    const folder = await copy()
    await flip(await fileOf(folder, TABLE), part)
    await isSaved(t, folder)
    await rm(folder, { recursive: true })
  }
})

/** Runs a command in this process, with the ledger. */
async function tool (run: (options: any, terminal: Terminal) => Promise<number>, options: object): Promise<{ code: number, report: Report }> {
  let report: unknown
  const code = await run({ ledger: profile, content: true, ...options }, { result: (_text: string, json: unknown) => { report = json } } as Terminal)
  return { code, report: report as Report }
}

/**
 * Holds the repaired folder against what it was: whatever is not there any more, or is otherwise, is named. Left out: `x` and `k`, which the service
 * makes anew, block 0, of which only the data count and come from the trust bundle, and `i`, whose names are their digests.
 */
async function isSaved (t: Test, folder: string, loses?: boolean): Promise<void> {
  const repaired = await tool(rebuildIndex, { data: folder, repair: true }).catch((error: unknown) => error as Error)
  if (repaired instanceof Error) { // where a bit is chosen by its place in the file, it may make keys that LevelDB reads nothing after
    t.match(repaired, { code: 'DATA', exitCode: 2, reason: /DAMAGED|UNREADABLE/, message: loses === undefined ? /./ : 'nothing' })
    return
  }
  const checked = await tool(fsck, { data: folder })
  const left = await dump(folder)
  const lost = [...whole].filter(([key, value]) => !/^(78|6b|69|620{16}$)/.test(key) && left.get(key) !== value).map(([key]) => key)
  if (loses !== undefined) t.equal(lost.length > 0, loses, `${lost.length} entries are lost`)
  const about = JSON.stringify([checked.code, checked.report.byCode, repaired.report.byCode, lost.slice(0, 3)])
  // Without its trust bundle, which the service makes anew, not everything can be checked.
  t.ok(lost.length > 0 ? checked.code !== 0 : loses === undefined || checked.code !== 1, about)
}

t.test('no tool opens a database whose log LevelDB would cut, and so removes what there was to find', async (t) => {
  const folder = await copy()
  await flip(await fileOf(folder, LOG), 0.3)
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
  await gone(MANIFEST)(folder)
  await isSaved(t, folder, false)
  const env = { STEELYARD_LEDGER: profile }
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
  const service = await startService(folder, { STEELYARD_LEDGER: profile })
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
  const service = await startService(folder, { STEELYARD_LEDGER: profile })
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
  const service = await startService(folder, { STEELYARD_LEDGER: profile })
  t.teardown(async () => { await service.kill() })
  const before = await fingerprint(service)
  t.match(before, /^[0-9a-f]{64}$/)
  await until(async () => (await service.json('/health/ready')).body.stages.some(({ name, lastError }: any) => name === 'trust-bundle' && lastError?.code === 'DAMAGED'))
  t.equal(await fingerprint(service), before)
})
