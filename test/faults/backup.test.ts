/** `steelyard export`, `backup` and `import` of a real service's data: an archive verifies itself, and what was restored from one goes on only where it may. */
import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync } from 'node:fs'
import { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as pace } from 'node:timers/promises'
import t from 'tap'
import { exportArchive } from '../../src/ops/archive/write.js'
import { importArchive } from '../../src/ops/archive/read.js'
import { contentNames, contentPath } from '../../src/ops/fsck/content.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { checksumKey } from '../../src/store/checksums.js'
import { numberKey, textKey } from '../../src/store/keys.js'
import { dump, flipFileBit, localFsck, replaceText, withDatabase } from '../support/damage.js'
import type { Ran } from '../support/commands.js'
import { operatedFolder } from '../support/operated-folder.js'
import { type RunningService, startService, until, untilReady } from '../support/service.js'
import { noSmallDisk, smallDisk } from '../support/small-disk.js'

/** Between two deposits of a client: a flow, of which each deposit is asked for after each restore. */
const PACE_MS = 20

const quiet = (): void => undefined
const { data, scratch, numbers, profile, copy, steelyard, depositFile, depositDigests, reconciled, rebuilt } = await operatedFolder(t, { wide: false })

t.test('an archive verifies itself', async (t) => {
  const file = `${scratch}/export.tar`
  const exported = await steelyard('export', file, '--data', data, '--json')
  t.equal(exported.code, 0, exported.stderr)
  t.equal((await stat(file)).mode & 0o777, 0o600)
  t.equal((await steelyard('export', file, '--data', data)).code, 1, 'nothing is overwritten')
  const target = `${scratch}/imported`
  const imported = await steelyard('import', file, '--data', target, '--json')
  t.equal(imported.code, 0, imported.stderr)
  t.equal(imported.json.manifestSha256, exported.json.manifestSha256)
  const [ours, theirs] = [await dump(data), await dump(target)]
  for (const each of [ours, theirs]) {
    for (const name of ['log', 'in-flight', 'place', 'restored']) each.delete(textKey('x', name).toString('hex'))
    each.delete(checksumKey(textKey('x', 'log')).toString('hex'))
  }
  t.same(theirs, ours)
  t.equal((await localFsck(target)).outcome, 'clean')
  const full = await steelyard('import', file, '--data', target, '--json')
  t.match(full, { code: 2, json: { error: { reason: 'FOLDER_NOT_EMPTY' } } })

  const whole = await readFile(file)
  const read = async (bytes: Buffer): Promise<unknown> => await importArchive({
    source: (async function * () { yield bytes })(), target: `${scratch}/refused`, crypto: nodeCrypto, now: new Date().toISOString(), onProgress: quiet
  })
  const positions = [0, 600, 5000, ...Array.from({ length: 6 }, (_, i) => Math.floor(whole.length * (i + 1) / 7)), whole.length - 1, whole.length - 1500]
  for (const at of positions) {
    const altered = Buffer.from(whole)
    altered[at] = (altered[at] as number) ^ 1
    await t.rejects(read(altered), { code: 'ARCHIVE_INVALID' }, `byte ${at}`)
  }
  for (const length of [0, 512, whole.length - 1024, whole.length - 1]) await t.rejects(read(whole.subarray(0, length)), { code: 'ARCHIVE_INVALID' }, `cut at ${length}`)
  await t.rejects(read(Buffer.concat([whole, Buffer.alloc(512)])), { code: 'ARCHIVE_INVALID' }, 'something after the end')
  t.notOk(await stat(`${scratch}/refused`).catch(() => undefined), 'nothing is left of what was refused')

  // Whoever makes an archive anew can make the manifest fit. Not the signatures.
  const forged = await copy()
  await replaceText(forged, numberKey('r', 3), /"receivedAt":"20/, '"receivedAt":"30')
  const chunks: Buffer[] = []
  await withDatabase(forged, async (view) => {
    for await (const chunk of exportArchive({ view, crypto: nodeCrypto, now: new Date().toISOString(), withContent: true, onProgress: quiet })) chunks.push(chunk)
  })
  await t.rejects(read(Buffer.concat(chunks)), { code: 'ARCHIVE_INVALID', message: /record|batch/ })
  const damaged = await copy()
  await flipFileBit(contentPath(join(damaged, 'content'), (await contentNames(join(damaged, 'content')).next()).value as string))
  t.match(await steelyard('export', `${scratch}/damaged.tar`, '--data', damaged, '--json'), { code: 1, json: { error: { reason: 'SOURCE_DIFFERS' } } })
  t.notOk(await stat(`${scratch}/damaged.tar`).catch(() => undefined))
})

t.test('what is no file in the place of a content file is found, and not waited for', async (t) => {
  for (const [what, make] of [['a pipe', (path: string) => { execFileSync('mkfifo', [path]) }], ['a folder', mkdirSync]] as const) {
    const folder = await copy()
    const sha256 = (await contentNames(join(folder, 'content')).next()).value as string
    const path = contentPath(join(folder, 'content'), sha256)
    await rm(path)
    make(path)
    t.match(await localFsck(folder), { differences: 1, first: { object: `content ${sha256}`, code: 'CONTENT_DIFFERS', says: /is not a file/ } }, what)
    const exported = await steelyard('export', `${scratch}/pipe.tar`, '--data', folder, '--json')
    t.match(exported, { code: 1, json: { error: { reason: 'SOURCE_DIFFERS' } } }, what)
  }
})

t.test('an archive goes onto a disk of its own, and not onto one that is full', { skip: noSmallDisk }, async (t) => {
  const file = `${scratch}/export.tar`
  const mounted = `${scratch}/mounted`
  const disk = smallDisk(t, mounted, 8)
  t.equal((await steelyard('import', file, '--data', mounted)).code, 0)
  t.same((await readdir(mounted)).sort(), ['content', 'db'])
  t.equal((await localFsck(mounted)).outcome, 'clean')

  await disk.fill(100 * 1024)
  const full = await steelyard('import', file, '--data', `${mounted}/other`, '--json')
  t.match(full, { code: 2, json: { error: { code: 'DATA', reason: 'STORE_FULL' } }, stderr: new RegExp(mounted) })
  const exported = await steelyard('export', `${mounted}/export.tar`, '--data', data, '--json')
  t.match(exported, { code: 1, json: { error: { code: 'FILE' } }, stderr: new RegExp(`cannot write ${mounted}/export.tar: no space left`) })
  t.same((await readdir(mounted)).sort(), ['content', 'db', 'filler'], 'and nothing is left of them')
})

t.test('a target that another process fills meanwhile is left to it', async (t) => {
  const target = `${scratch}/contended`
  const bytes = await readFile(`${scratch}/export.tar`)
  const source = (async function * () {
    yield bytes
    await mkdir(`${target}/db`, { recursive: true })
  })()
  await t.rejects(importArchive({ source, target, crypto: nodeCrypto, now: new Date().toISOString(), onProgress: quiet }), { code: 'FOLDER_NOT_EMPTY' })
  t.same((await readdir(scratch)).filter((name) => name.startsWith('contended')), ['contended'])
})

t.test('the restore drill: backups under load and after it, restored elsewhere; one that is older than its ledger takes nothing', async (t) => {
  // Sealing waits, so that the ledger stays as old as the backups.
  const service = await startService(data, { STEELYARD_SEAL_AGE: '60000' })
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  const acknowledged: { number: string, sequence: string }[] = []
  const loading = new AbortController()
  const load = Array.from({ length: 4 }, async (_, client) => {
    while (!loading.signal.aborted) {
      const { status, body } = await service.depositDigests(createHash('sha256').update(randomBytes(8)).digest('hex'))
      if (status !== 201) throw new Error(JSON.stringify(body))
      acknowledged.push(body)
      if (client === 0 && acknowledged.length % 10 === 0) await depositFile(service, randomBytes(50_000), { load: true })
      await pace(PACE_MS)
    }
  })
  await until(() => Promise.resolve(acknowledged.length > 200))
  const before = [...acknowledged]
  const [underLoad, last] = [`${scratch}/under-load.tar`, `${scratch}/last.tar`]
  const backup = async (file: string): Promise<Ran> => await steelyard('backup', file, '--data', data, '--url', service.url, '--json')
  const first = await backup(underLoad)
  t.equal(first.code, 0, first.stderr)
  t.ok(acknowledged.length > before.length, 'deposits went on')
  loading.abort()
  await Promise.all(load)
  t.equal((await backup(last)).code, 0)
  const byDepositor = await steelyard('backup', `${scratch}/none.tar`, '--data', data, '--url', service.url, '--key', service.demo)
  t.match(byDepositor, { code: 1, stderr: /a backup holds everything, and takes an administrator's key/ })
  t.equal((await service.call('/v1/admin/backup', { method: 'POST', key: false })).status, 401)
  await service.kill()

  const [older, lost, restored] = ['older', 'lost', 'restored'].map((name) => `${scratch}/${name}`) as [string, string, string]
  const restore = async (file: string, folder: string): Promise<void> => {
    t.equal((await steelyard('import', file, '--data', folder)).code, 0)
    await writeFile(join(folder, 'credentials.json'), await readFile(join(data, 'credentials.json')), { mode: 0o600 })
  }
  const started = async (folder: string): Promise<RunningService> => {
    const running = await startService(folder, {
      STEELYARD_LEDGER: profile, STEELYARD_RECEIPT_KEY_FILE: join(data, 'keys', 'receipt.pem'), STEELYARD_SEAL_AGE: '50'
    })
    t.teardown(async () => { await running.kill() })
    return running
  }
  const refused = async (running: RunningService, code: string): Promise<void> => {
    const form = new FormData()
    form.set('file', new Blob(['exhibit']), 'exhibit.bin')
    for (const answer of [await running.depositDigests('ab'.repeat(32)), await running.json('/v1/evidence', { method: 'POST', body: form })]) {
      t.match(answer, { status: 503, body: { code } })
    }
    const ready = await running.json('/health/ready')
    t.match(ready, { status: 503, body: { intake: 'closed' } })
    t.ok(ready.body.reasons.includes(code), JSON.stringify(ready.body.reasons))
    t.match(await (await running.call('/metrics')).text(), new RegExp(`^steelyard_not_ready{reason="${code}"} 1$`, 'm'))
    t.match((await steelyard('doctor', '--data', data, '--url', running.url)).stdout, new RegExp(`problem +ready +not ready \\(.*${code}[^]*reconcile`))
  }
  const isThere = async (running: RunningService, deposits: typeof acknowledged): Promise<void> => {
    for (const { number, sequence } of deposits) {
      const { status, body } = await running.json(`/v1/evidence/${number}`)
      if (status !== 200 || body.sequence !== sequence) t.fail(`${number} is not there`)
    }
  }

  await restore(last, restored)
  t.equal((await steelyard('fsck', '--data', restored, '--ledger', profile, '--json')).code, 0)
  t.equal((await reconciled(restored)).outcome, 'clean')
  let again = await started(restored)
  await isThere(again, acknowledged)
  t.equal((await again.json(`/v1/evidence/${acknowledged.at(-1)?.number}?wait=final&timeout=30`)).body.state, 'final', 'what was promised is kept')
  await refused(again, 'LOG_UNCONFIRMED') // nobody has said yet that this is all
  await again.stop()

  // A folder that has the records and lacks their batches, which are on the ledger.
  await restore(last, lost)
  t.match((await reconciled(lost)).first, { code: 'LOCAL_MISSING' })
  t.equal((await rebuilt(lost, true)).outcome, 'clean')
  const unconfirmed = await steelyard('reconcile', '--data', lost, '--ledger', profile, '--json')
  t.equal(unconfirmed.code, 0)
  t.match(unconfirmed.json.notes.at(-1), /takes no deposits: .*--go-on/)

  t.match(await steelyard('reconcile', '--data', restored, '--ledger', profile, '--go-on', '--json'), { code: 0, json: { notes: [/ is confirmed: the service takes deposits/] } })
  again = await started(restored)
  await untilReady(again)
  await depositDigests(again, 1)
  t.equal((await again.json(`/v1/evidence/${numbers.at(-1)}?wait=final&timeout=30`)).body.state, 'final', 'and it goes on')
  await again.stop()
  t.equal((await steelyard('fsck', '--data', restored, '--ledger', profile, '--json')).code, 0)

  await restore(underLoad, older)
  const sealed = (await localFsck(older)).head
  again = await started(older)
  await until(async () => (await again.json('/health/ready')).body.reasons.includes('LEDGER_AHEAD'))
  await refused(again, 'LEDGER_AHEAD')
  t.match((await again.json('/health/ready')).body, { stalled: { stage: 'sealing', error: 'LEDGER_AHEAD' }, detail: /older than its ledger/ })
  await isThere(again, before)
  t.equal((await again.call(`/v1/evidence/${numbers[0]}/proof`)).status, 200, 'it proves what it holds')
  await again.kill()
  t.match(await localFsck(older), { outcome: 'clean', head: sealed }, 'and sealed nothing that the ledger has otherwise')
  const report = await steelyard('reconcile', '--data', older, '--ledger', profile, '--go-on', '--json')
  t.match(report, { code: 1, json: { first: { code: 'LOCAL_MISSING', object: `batch ${sealed?.size}` }, notes: [/has no mark/, /takes no deposits/] } }, 'nobody can confirm that')
  t.match(await rebuilt(older, true), { first: { code: 'BATCH_MISSING', object: `batch ${sealed?.size}` } })
})
