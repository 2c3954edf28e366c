/** Data folders that may be older than what was promised from them: nothing goes on with them unless somebody says so. */
import { spawn } from 'node:child_process'
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { cp, mkdir, readdir, readFile, rename, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t from 'tap'
import { networkStop } from '../../network/embedded/client.js'
import { run as fsck } from '../../src/cli/commands/fsck.js'
import { run as rebuildIndex } from '../../src/cli/commands/rebuild-index.js'
import { run as reconcile } from '../../src/cli/commands/reconcile.js'
import type { Check } from '../../src/cli/check.js'
import { readinessChecks } from '../../src/cli/ledger-checks.js'
import { receiptKeyId } from '../../src/core/receipt.js'
import { parseTrustBundle, trustBundleBytes } from '../../src/core/trust-bundle.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { confirm, doubtOf, noteRestored } from '../../src/store/doubt.js'
import { numberKey, textKey } from '../../src/store/keys.js'
import { CLI, type Ran, runSteelyard, toolWith } from '../support/commands.js'
import { serviceCopy, withDatabase } from '../support/damage.js'
import { dataFolder, type RunningService, startService, stopNetwork, until, untilReady } from '../support/service.js'

const data = dataFolder(t)
const profile = join(data, 'network', 'profiles', 'operator.json')
const numbers: string[] = []
let copies = 0

/** All that is not the ledger. */
const copy = async (): Promise<string> => await serviceCopy(data, join(data, `copy-${++copies}`))
const tool = toolWith(profile)
const steelyard = async (...args: string[]): Promise<Ran> => await runSteelyard(data, args)

/** The profile of the ledger at addresses where nobody answers. */
async function nowhere (folder: string): Promise<string> {
  const path = join(folder, 'profiles', 'nowhere.json')
  await mkdir(join(folder, 'profiles'))
  await cp(join(data, 'network', 'network-facts.json'), join(folder, 'network-facts.json'))
  await writeFile(path, (await readFile(profile, 'utf8')).replace(/(127\.0\.0\.1|localhost):\d+/g, '$1:9'))
  return path
}

const final = async (service: RunningService): Promise<void> => {
  await until(async () => (await service.json(`/v1/evidence/${numbers.at(-1) as string}?wait=final`)).body.state === 'final')
}

t.before(async () => {
  const service = await startService(data)
  await untilReady(service)
  for (let i = 0; i < 3; i++) numbers.push((await service.depositDigests(randomBytes(32).toString('hex'))).body.number)
  await final(service)
  await service.kill() // its ledger stays
})

t.test('a repair that is killed at any step leaves the folder in doubt', async (t) => {
  let said = ''
  const killed = async (folder: string, at: string, by: NodeJS.Signals = 'SIGKILL'): Promise<NodeJS.Signals | null> => {
    const preload = `--import=${resolve('dist/test/support/kill-in-repair.js')}`
    const child = spawn(process.execPath, [preload, CLI, 'rebuild-index', '--repair', '--no-ledger', '--data', folder], {
      env: { PATH: process.env.PATH, KILL_AT: at, KILL_BY: by }, stdio: ['ignore', 'ignore', 'pipe']
    })
    child.stderr.on('data', (chunk: Buffer) => { said += chunk.toString() })
    return await new Promise((resolve) => { child.once('close', (_code, signal) => { resolve(signal) }) })
  }
  for (const at of ['before-repair', 'after-repair', 'between-renames', 'after-renames', 'before-write']) {
    const folder = await copy()
    t.equal(await killed(folder, at), 'SIGKILL', at)
    if (at === 'between-renames') {
      t.notOk(existsSync(join(folder, 'db')))
      await t.rejects(startService(folder), { signal: null, message: /a repair was stopped[^]*rebuild-index --repair/ }, 'no service begins anew')
      await t.rejects(tool(fsck, { data: folder }), { code: 'DATA', reason: 'UNREADABLE', message: /a repair was stopped/ })
      t.notOk(existsSync(join(folder, 'db')), 'nor makes a database')
      t.equal((await tool(rebuildIndex, { data: folder, repair: true })).code, 0, 'which the same command takes up again')
    }
    t.equal(await withDatabase(folder, doubtOf), 'restored', at)
    t.equal((await tool(rebuildIndex, { data: folder })).code, 0)
    t.equal(await withDatabase(folder, doubtOf), 'restored', `${at}: to write indexes again changes nothing of it`)
    t.equal((await tool(reconcile, { data: folder, goOn: true })).code, 0)
    t.equal(await withDatabase(folder, doubtOf), undefined, `${at}: a person does`)
  }
  const stopped = await copy()
  t.equal(await killed(stopped, 'before-repair', 'SIGINT'), 'SIGINT')
  t.match(said, /^steelyard: stopped before its end: give the same command again[^\n]*in doubt[^\n]*\n$/)
  t.equal((await tool(rebuildIndex, { data: stopped, repair: true })).code, 0)
  t.equal(await withDatabase(stopped, doubtOf), 'restored', 'stopped by hand')
  t.match((await readdir(stopped)).filter((name) => name.startsWith('db')), ['db', /^db\.damaged-\d{8}T\d{6}\.\d{3}Z$/], 'of the first nothing is left')
  const used = await copy()
  await withDatabase(used, async () => {
    await t.rejects(tool(rebuildIndex, { data: used, repair: true }), { code: 'DATA', reason: 'LOCKED' })
  })
  t.equal(await withDatabase(used, doubtOf), 'copied', 'and a database that somebody uses is not repaired')
})

t.test('--go-on says what it did, and when there was nothing to go on from', async (t) => {
  const folder = await copy()
  t.match((await tool(reconcile, { data: folder })).report.notes, [`${folder} is a copy, or lies elsewhere than before, and takes no deposits: if log and ledger are equal`])
  t.match((await tool(reconcile, { data: folder, goOn: true })).report.notes, [`${folder} is confirmed: the service takes deposits on it again`])
  t.match(await tool(reconcile, { data: folder, goOn: true }), {
    code: 0, report: { notes: [`${folder} was not restored, repaired or copied: there was nothing to go on from, and nothing was changed`] }
  })
  t.same((await tool(reconcile, { data: folder })).report.notes, [])
})

t.test('--go-on believes no end of the log that a key from nowhere makes', async (t) => {
  const folder = await copy()
  await rm(join(folder, 'high-water'))
  await withDatabase(folder, async (db) => {
    await db.write([{ type: 'put', key: numberKey('r', 0x21ea), value: await db.get(numberKey('r', 2)) as Buffer }])
  })
  t.match(await tool(reconcile, { data: folder, goOn: true }), { code: 1, report: { first: { object: 'record 3', code: 'RECORD_MISSING' }, notes: [/mark/, /takes no deposits/] } })
  t.notOk(existsSync(join(folder, 'high-water')))
  await withDatabase(folder, async (db) => { await db.write([{ type: 'del', key: numberKey('r', 0x21ea) }]) })
  t.equal((await tool(reconcile, { data: folder, goOn: true })).code, 0)
  t.equal(await readFile(join(folder, 'high-water'), 'latin1'), '0000000000000003\n')
})

t.test('a folder with batches that are lost for good is served for its proofs, and takes nothing', async (t) => {
  const folder = await copy()
  await withDatabase(folder, async (db) => {
    await confirm(db)
    await db.write([numberKey('h', 0), numberKey('c', 0)].map((key) => ({ type: 'del', key })))
  })
  const { code, report } = await tool(rebuildIndex, { data: folder, ledger: false })
  t.match({ code, report }, { code: 1, report: { byCode: { BATCH_MISSING: 1 }, notes: [/takes no deposits, and proves what it holds/] } })
  t.equal(await withDatabase(folder, doubtOf), 'restored')
})

t.test('doctor names the cause before what follows from it, and what a service that starts waits for', async (t) => {
  const folder = await copy()
  await withDatabase(folder, noteRestored)
  const service = await startService(folder, { STEELYARD_LEDGER: await nowhere(folder) })
  t.teardown(async () => { await service.kill() })
  const [first] = await readinessChecks(service.url, folder)
  t.match(first, { level: 'problem', says: /: starting: waits for the ledger/, advice: /^`steelyard doctor --wait`.*; then: / })
  await until(async () => (await service.json('/health/ready')).body.stages.some(({ lastError }: any) => lastError !== undefined))
  const [ready] = await readinessChecks(service.url, folder)
  t.match(ready, { says: /^not ready \(LEDGER_UNAVAILABLE.*, LOG_UNCONFIRMED\): since .* the ledger cannot be used, because / })
  t.match(ready?.advice, new RegExp(`^fewer nodes of the ledger answer.*; then: ${folder} was restored.*steelyard reconcile --data ${folder}.*--go-on`))
  t.match(service.output(), new RegExp(`"doubt":"restored","folder":"${folder}/db"`))
})

t.test('a database that was set back or cut takes no deposits, with no ledger to say so', async (t) => {
  const folder = await copy()
  const env = { STEELYARD_LEDGER: await nowhere(folder), STEELYARD_SEAL_AGE: '60000' } // the deposit is the last that is written
  await withDatabase(folder, confirm)
  const db = join(folder, 'db')
  await cp(db, join(folder, 'older'), { recursive: true })
  const service = await startService(folder, env)
  t.equal((await service.depositDigests('cd'.repeat(32))).status, 201, 'the ledger is away, and nothing speaks against the folder')
  await service.kill()
  await cp(db, join(folder, 'newer'), { recursive: true })
  await cp(join(folder, 'high-water'), join(folder, 'mark'))
  const replace = async (by: string): Promise<void> => { // the folder itself stays
    for (const name of await readdir(db)) await rm(join(db, name), { recursive: true })
    await cp(join(folder, by), db, { recursive: true })
  }
  const refused = async (what: string): Promise<void> => {
    const held = await startService(folder, env)
    t.match(await held.depositDigests('ab'.repeat(32)), { status: 503, body: { code: 'LOG_TRUNCATED' } }, what)
    t.equal((await held.json(`/v1/evidence/${numbers[0] as string}/proof`)).status, 200)
    await held.kill()
    const first = { code: 'RECORD_MISSING', object: `records ${numbers.length} to ${numbers.length}` }
    t.match(await tool(fsck, { data: folder, content: true }), { code: 1, report: { first } })
    t.match(await tool(reconcile, { data: folder, goOn: true }), { code: 1, report: { first } }, 'which nobody can confirm')
  }
  await replace('older')
  await refused('files copied back')
  await replace('newer')
  const log = (await readdir(db)).find((name) => name.endsWith('.log')) as string
  await truncate(join(db, log), (await stat(join(db, log))).size - 1)
  await refused('the log cut, as by a crash in the middle of a write')
  const first = { code: 'RECORD_MISSING' }
  t.match(await tool(rebuildIndex, { data: folder, ledger: false, dryRun: true }), { code: 1, report: { first } }, 'nor do indexes that are written again make it clean')
  t.match(await tool(rebuildIndex, { data: folder, ledger: false, repair: true }), {
    code: 1, report: { first, notes: [/takes no deposits until `steelyard reconcile --go-on`/] }
  })
  await writeFile(join(folder, 'high-water'), '')
  for (const run of [fsck, reconcile, rebuildIndex]) {
    const { code, report } = await tool(run, { data: folder, content: true, goOn: true })
    t.match({ code, report }, { code: 2, report: { outcome: 'could-not-check', couldNotCheck: [{ why: /high-water/ }] } }, 'a mark that cannot be read')
  }
  await cp(join(folder, 'mark'), join(folder, 'high-water'))
  const emptied = join(folder, 'emptied')
  await mkdir(emptied)
  await cp(join(folder, 'high-water'), join(emptied, 'high-water'))
  await t.rejects(startService(emptied, env), { signal: null, message: /the mark of 4 deposits[^]*a new log needs a new folder/ })
  await replace('newer')
  await withDatabase(folder, confirm) // the repair has put another folder in its place
  const again = await startService(folder, env)
  t.equal((await again.depositDigests('ab'.repeat(32))).status, 201, 'all of it is there')
  await again.kill()
})

t.test('a ledger that is not where it was is not made anew; its log takes no deposits, proves what it holds, and goes on when it is back', async (t) => {
  await stopNetwork(data)
  const [network, away] = [join(data, 'network'), join(data, 'away')]
  await rename(network, away)
  const up = async (): Promise<Ran> => await steelyard('network', 'up', '--data', data)
  t.match(await up(), { code: 1, stderr: /bring that folder from where it was or from the backup/ })
  const service = await startService(data)
  t.teardown(async () => { await service.kill() })
  t.match(await service.depositDigests('ab'.repeat(32)), { status: 503, body: { code: 'LEDGER_MISSING' } })
  await until(async () => (await service.json('/health/ready')).body.stages.some(({ lastError }: any) => lastError?.code === 'NETWORK_MISSING'))
  t.match((await service.json('/health/ready')).body, { intake: 'closed', reasons: ['LEDGER_MISSING', 'LEDGER_UNAVAILABLE'], detail: /nothing was made in its place/ })
  t.match((await readinessChecks(service.url, data))[0]?.advice, /^bring the folder of the embedded ledger/)
  const { checks } = JSON.parse((await steelyard('doctor', '--json', '--data', data, '--url', service.url)).stdout) as { checks: Check[] }
  t.match(checks.find(({ name }) => name === 'ledger'), { level: 'problem', advice: /^see above/ }, 'says nothing else than readiness does')
  t.equal((await service.json(`/v1/evidence/${numbers[0] as string}/proof`)).status, 200)
  t.match(await up(), { code: 1 }, 'nor while the service runs')
  t.notOk(existsSync(network), 'nothing was made')
  await rename(away, network)
  await untilReady(service)
  t.equal((await service.depositDigests('ab'.repeat(32))).status, 201)
  t.equal(await service.stop(), 0)
})

t.test('a folder that was copied with the ledger in it needs a person: both are as old', async (t) => {
  const folder = await copy()
  await stopNetwork(data)
  await cp(join(data, 'network'), join(folder, 'network'), { recursive: true })
  const service = await startService(folder)
  t.teardown(async () => { await service.kill() })
  await until(async () => (await service.json('/health/ready')).body.ledger === 'up')
  t.match(await service.depositDigests('ab'.repeat(32)), { status: 503, body: { code: 'LOG_UNCONFIRMED' } })
  await service.stop()
  t.match(await steelyard('network', 'up', '--data', folder), { code: 0 })
  t.equal((await tool(reconcile, { data: folder, ledger: undefined, goOn: true })).code, 0)
  const again = await startService(folder)
  t.teardown(async () => {
    await again.kill()
    await stopNetwork(folder)
  })
  await untilReady(again)
  t.equal((await again.depositDigests('ab'.repeat(32))).status, 201)
})

t.test('nor does one that was copied together with the ledger beside it go on by itself', async (t) => {
  const folder = await copy()
  const network = `${folder}-network`
  await stopNetwork(data)
  await cp(join(data, 'network'), network, { recursive: true })
  const service = await startService(folder, { STEELYARD_NETWORK_DIR: network })
  t.teardown(async () => {
    await service.kill()
    await networkStop(network)
  })
  await until(async () => (await service.json('/health/ready')).body.ledger === 'up')
  t.match(await service.depositDigests('ab'.repeat(32)), { status: 503, body: { code: 'LOG_UNCONFIRMED' } })
})

t.test('a receipt key that only stands somewhere in the trust bundle is not one of the log\'s', async (t) => {
  const folder = await copy()
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const keyId = receiptKeyId(nodeCrypto, new Uint8Array(publicKey.export({ format: 'der', type: 'spki' })))
  await withDatabase(folder, async (db) => {
    const bundle = parseTrustBundle(await db.get(textKey('x', 'bundle-file')) as Buffer)
    const [entity, ...others] = bundle.identity.entities
    const identity = { ...bundle.identity, entities: [{ ...entity as NonNullable<typeof entity>, name: keyId }, ...others] }
    await db.write([{ type: 'put', key: textKey('x', 'bundle-file'), value: Buffer.from(trustBundleBytes({ ...bundle, identity })) }])
  })
  await writeFile(join(folder, 'keys', 'receipt.pem'), privateKey.export({ format: 'pem', type: 'pkcs8' }))
  await t.rejects(startService(folder), { signal: null, message: /the receipts of this log are by [^]*put that one back/ })
})
