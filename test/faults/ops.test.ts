/** The operator's tools on a real service's data folder: what is damaged is named, and what can be made again is. */
import { spawn } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t from 'tap'
import type { Ledger } from '../../src/ledger/ledger.js'
import { openLedger } from '../../src/ledger/open.js'
import { exportArchive } from '../../src/ops/archive/write.js'
import { importArchive } from '../../src/ops/archive/read.js'
import { contentNames, contentPath } from '../../src/ops/fsck/content.js'
import { fsck } from '../../src/ops/fsck/fsck.js'
import { readBundle, readLogIdentity } from '../../src/ops/fsck/service.js'
import { rebuild } from '../../src/ops/rebuild/rebuild.js'
import { reconcile } from '../../src/ops/reconcile.js'
import type { DifferenceCode, Report } from '../../src/ops/report.js'
import { parseGroup } from '../../src/ops/stored.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { numberKey, readNumber, textKey } from '../../src/store/keys.js'
import { copyOf, dump, flipBit, flipFileBit, localFsck, remove, replaceText, withDatabase } from '../support/damage.js'
import { dataFolder, type RunningService, startService, until, untilReady } from '../support/service.js'

const data = dataFolder(t)
const scratch = join(data, 'scratch') // goes with it
const CLI = resolve('dist/src/cli/main.js')
const quiet = (): void => undefined
const numbers: string[] = []
let copies = 0

/** The folder with the service stopped and everything final; tests damage copies of it. */
const copy = async (): Promise<string> => await copyOf(data, `${scratch}/copy-${++copies}`)

interface Ran { readonly code: number | null, readonly stdout: string, readonly stderr: string, readonly json: any }

async function steelyard (...args: string[]): Promise<Ran> {
  // A depositor's key, as people have it in their environment: no tool of the operator may take it for its own.
  const child = spawn(process.execPath, [CLI, ...args], { env: { PATH: process.env.PATH, HOME: data, STEELYARD_KEY: 'sk_depositor.none' }, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => { stdout += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
  const code = await new Promise<number | null>((resolve) => { child.once('close', resolve) })
  return { code, stdout, stderr, json: stdout.startsWith('{') ? JSON.parse(stdout) : undefined }
}

async function depositFile (service: RunningService, bytes: Buffer, metadata: object): Promise<void> {
  const form = new FormData()
  form.set('file', new Blob([new Uint8Array(bytes)]), 'exhibit.bin')
  form.set('metadata', JSON.stringify(metadata))
  const { status, body } = await service.json('/v1/evidence', { method: 'POST', body: form })
  if (status !== 201) throw new Error(JSON.stringify(body))
  numbers.push(body.number)
}

async function depositDigests (service: RunningService, count: number): Promise<void> {
  const answers = await Promise.all(Array.from({ length: count }, () => service.depositDigests(randomBytes(32).toString('hex'))))
  numbers.push(...answers.map(({ body }) => body.number as string))
}

async function untilFinal (service: RunningService): Promise<void> {
  await until(async () => {
    const { received, final } = (await service.json('/health/ready')).body.deposits
    return received === final && received === numbers.length
  })
}

t.before(async () => {
  await mkdir(scratch, { recursive: true })
  // One batch of several tiles, sealed by its size; then small ones.
  const first = await startService(data, { STEELYARD_SEAL_AGE: '60000', STEELYARD_SEAL_SIZE: '320' })
  await untilReady(first)
  await depositDigests(first, 320)
  await untilFinal(first)
  await first.kill() // its network stays
  const service = await startService(data)
  await untilReady(service)
  for (let i = 0; i < 3; i++) {
    await depositFile(service, randomBytes(5000), { case: '2026-1', i })
    await depositDigests(service, 3)
    await untilFinal(service)
  }
  await service.kill()
  const log = await withDatabase(data, async (db) => (await readLogIdentity(db))?.origin ?? '')
  ledger = await openLedger({
    client: 'fabric-network', profile: profile(), wallet: join(data, 'wallet'), log, crypto: nodeCrypto, clock: Date.now, asLocalhost: false
  })
})
t.teardown(async () => { await ledger.close() })

const profile = (): string => join(data, 'network', 'profiles', 'operator.json')
let ledger: Ledger
/** The one connection, which no tool closes. */
const shared = (): Ledger => ({ ...ledger, close: () => Promise.resolve() })

async function reconciled (folder: string): Promise<Report> {
  return await withDatabase(folder, async (view) => await reconcile({ view, crypto: nodeCrypto, ledger: shared(), onProgress: quiet }))
}

async function rebuilt (folder: string, withLedger: boolean, dryRun = false): Promise<Report> {
  const source = withLedger ? () => Promise.resolve(shared()) : undefined
  return await withDatabase(folder, async (db) => await rebuild({ db, crypto: nodeCrypto, ledger: source, dryRun, onProgress: quiet }))
}

/** The number of the batch that has several tiles, the last batch, and a commit group of several. */
async function landmarks (): Promise<{ wide: number, last: number, group: number, single: number | undefined, identity: Buffer, block: Buffer }> {
  return await withDatabase(data, async (db) => {
    let [wide, last, group, single] = [-1, -1, -1, undefined as number | undefined]
    for await (const [key, header] of db.entries('h')) {
      last = readNumber(key, 1)
      if (Number((JSON.parse(header.toString()) as { size: string }).size) > 256) wide = last
    }
    for await (const [key, bytes] of db.entries('g')) {
      const size = Number(parseGroup(bytes)?.statement.groupSize)
      if (size > 3) group = readNumber(key, 1)
      else if (size === 1) single = readNumber(key, 1)
    }
    let [identity, block] = [Buffer.alloc(0), Buffer.alloc(0)] as [Buffer, Buffer]
    for await (const [key] of db.entries('i')) identity = key
    for await (const [, place] of db.entries('a')) block = numberKey('b', Number((JSON.parse(place.toString()) as { block: string }).block))
    return { wide, last, group, single, identity, block }
  })
}

t.test('what nobody touched is clean, ledger included', async (t) => {
  const { code, json, stderr } = await steelyard('fsck', '--data', data, '--json')
  t.equal(code, 0, `${stderr}${JSON.stringify(json)}`)
  t.match(json, { type: 'steelyard/fsck/v1', outcome: 'clean', differences: 0, couldNotCheck: [], leftOut: [] })
  t.equal(json.checked.records, numbers.length)
  t.equal(json.checked['content files'], 3)
  t.equal(json.checked.attestations, Number(json.head.size))
  t.equal(json.checked['batches on the ledger'], Number(json.head.size))
  const { wide, group } = await landmarks()
  t.ok(wide >= 0 && group >= 0, 'the deposits made a batch of several tiles and a group of several')
  const both = await steelyard('reconcile', '--data', data, '--json')
  t.equal(both.code, 0)
  t.match(both.json, { type: 'steelyard/reconcile/v1', outcome: 'clean', head: json.head })
})

t.test('the whole channel, replayed from its genesis block', async (t) => {
  const [kept, bundle] = [join(scratch, 'channel.blocks'), join(scratch, 'bundle.json')]
  await writeFile(bundle, await withDatabase(data, async (db) => await readBundle(db) ?? Buffer.alloc(0)))
  const given = ['--trust', bundle, '--trust-as-given', '--json']
  const online = await steelyard('audit', '--from-genesis', '--data', data, '--save', kept, ...given)
  t.equal(online.code, 0, `${online.stderr}${JSON.stringify(online.json)}`)
  t.match(online.json, { type: 'steelyard/audit/v1', outcome: 'clean', differences: 0, couldNotCheck: [] })
  const [log] = online.json.logs as Array<{ size: string }>
  t.equal(online.json.checked['batches of the data folder'], Number(log?.size))

  const damaged = await copy()
  await flipBit(damaged, numberKey('h', 1))
  const offline = await steelyard('audit', '--from-genesis', '--blocks', kept, '--data', damaged, ...given)
  t.equal(offline.code, 1)
  t.match(offline.json, { differences: 1, first: { object: 'batch 1', code: 'PROOF_DIFFERS' }, lastBlock: online.json.lastBlock })

  const chinese = await steelyard('audit', '--from-genesis', '--blocks', kept, '--chaincode', 'steelyard', '--genesis', online.json.genesis, '--lang', 'zh')
  t.equal(chinese.code, 0)
  t.match(chinese.stdout, /^一致：/)
  t.match(await steelyard('audit', '--blocks', kept), { code: 64 }, 'not from the genesis block')
  t.match(await steelyard('audit', '--from-genesis', '--blocks', kept, '--chaincode', 'steelyard'), { code: 2 }, 'which channel it is, nobody said')
})

t.test('one bit, and the object is named', async (t) => {
  const { wide, last, group, identity, block } = await landmarks()
  const largeGroup = await withDatabase(data, async (db) => {
    const step = await db.entries('d')[Symbol.asyncIterator]().next()
    return step.done === true ? -1 : readNumber(step.value[0], 1)
  })
  const inWide = await withDatabase(data, async (db) => Number((JSON.parse((await db.get(numberKey('h', wide)) as Buffer).toString()) as { first: string }).first))
  const content = (await contentNames(join(data, 'content')).next()).value as string
  const n = (prefix: Parameters<typeof numberKey>[0], first: number, second?: number): Buffer => numberKey(prefix, first, second)
  const fileRecord = await withDatabase(data, async (db) => {
    const step = await db.entries('s')[Symbol.asyncIterator]().next()
    return step.done === true ? -1 : readNumber(step.value[0], 1)
  })
  type Damage = (folder: string) => Promise<void>
  const cases: [string, Damage, DifferenceCode, RegExp][] = [
    ['content', async (folder) => { await flipFileBit(contentPath(join(folder, 'content'), content)) }, 'CONTENT_DIFFERS', new RegExp(`^content ${content}$`)],
    ['content gone', async (folder) => { await rm(contentPath(join(folder, 'content'), content)) }, 'CONTENT_MISSING', new RegExp(`^content ${content}$`)],
    ['record, still canonical', async (folder) => { await replaceText(folder, n('r', inWide + 300), /"receivedAt":"20/, '"receivedAt":"30') }, 'RECORD_DIFFERS', new RegExp(`^record ${inWide + 300}$`)],
    ['record, unreadable', async (folder) => { await flipBit(folder, n('r', inWide + 5), 0) }, 'RECORD_UNREADABLE', new RegExp(`^record ${inWide + 5}$`)],
    ['record gone', async (folder) => { await remove(folder, n('r', inWide + 7)) }, 'RECORD_MISSING', new RegExp(`^record ${inWide + 7}$`)],
    ['last record gone', async (folder) => { await remove(folder, n('r', numbers.length - 1)) }, 'RECORD_MISSING', new RegExp(`^record ${numbers.length - 1}$`)],
    ['metadata', async (folder) => { await flipBit(folder, n('m', fileRecord)) }, 'METADATA_DIFFERS', new RegExp(`^metadata of record ${fileRecord}$`)],
    ['secret', async (folder) => { await flipBit(folder, n('s', fileRecord)) }, 'METADATA_DIFFERS', new RegExp(`^metadata of record ${fileRecord}$`)],
    ['group statement', async (folder) => { await replaceText(folder, n('g', group), /"signedAt":"2/, '"signedAt":"3') }, 'GROUP_SIGNATURE', new RegExp(`^commit group ${group}$`)],
    ['group signature', async (folder) => { await replaceText(folder, n('g', group), /"signature":".{4}/, '"signature":"AAAA') }, 'GROUP_SIGNATURE', new RegExp(`^commit group ${group}$`)],
    ['group gone', async (folder) => { await remove(folder, n('g', group)) }, 'GROUP_MISSING', new RegExp(`^commit group ${group}$`)],
    ['group leaves', async (folder) => { await flipBit(folder, n('e', group)) }, 'GROUP_DIFFERS', new RegExp(`^leaves of commit group ${group}$`)],
    ['inner nodes of a group', async (folder) => { await flipBit(folder, n('d', largeGroup)) }, 'GROUP_DIFFERS', new RegExp(`^inner nodes of commit group ${largeGroup}$`)],
    ['number index', async (folder) => { await flipBit(folder, textKey('n', numbers[10] as string), 7) }, 'NUMBER_INDEX_DIFFERS', new RegExp(`^evidence number ${numbers[10]}$`)],
    ['tile', async (folder) => { await flipBit(folder, n('t', wide, 1)) }, 'LEAF_DIFFERS', new RegExp(`^tile ${wide}/1$`)],
    ['inner nodes', async (folder) => { await flipBit(folder, n('v', wide, 1)) }, 'LEAF_DIFFERS', new RegExp(`^inner nodes of tile ${wide}/1$`)],
    ['tile roots', async (folder) => { await flipBit(folder, n('u', wide)) }, 'LEAF_DIFFERS', new RegExp(`^tile roots of batch ${wide}$`)],
    ['header root', async (folder) => { await replaceText(folder, n('h', wide), /"root":"[0-9a-f]{4}/, '"root":"0f0f') }, 'BATCH_DIFFERS', new RegExp(`^batch ${wide}$`)],
    ['header time', async (folder) => { await replaceText(folder, n('h', wide), /"sealedAt":"2/, '"sealedAt":"3') }, 'BATCH_DIFFERS', new RegExp(`^batch ${wide}$`)],
    ['last header', async (folder) => { await replaceText(folder, n('h', last), /"sealedAt":"2/, '"sealedAt":"3') }, 'BATCH_DIFFERS', new RegExp(`^batch ${last}$`)],
    ['header unreadable', async (folder) => { await flipBit(folder, n('h', wide), 0) }, 'BATCH_UNREADABLE', new RegExp(`^batch ${wide}$`)],
    ['header gone', async (folder) => { await remove(folder, n('h', wide)) }, 'BATCH_MISSING', new RegExp(`^batch ${wide}$`)],
    ['batch index', async (folder) => { await flipBit(folder, n('f', inWide), 7) }, 'BATCH_INDEX_DIFFERS', new RegExp(`^batch index ${inWide}$`)],
    ['log tile', async (folder) => { await flipBit(folder, n('l', 0, 0), 3) }, 'LOG_TILE_DIFFERS', /^log tile 0\/0$/],
    ['read-back', async (folder) => { await replaceText(folder, n('c', last), /"signature":"M../, '"signature":"MAA') }, 'ATTESTATION_DIFFERS', new RegExp(`^attestations of batch ${last}$`)],
    ['read-back gone', async (folder) => { await remove(folder, n('c', last)) }, 'ATTESTATION_MISSING', new RegExp(`^attestations of batch ${last}$`)],
    ['block', async (folder) => { await flipBit(folder, block) }, 'ATTESTATION_DIFFERS', /^attestations of batch \d+$/],
    ['identity gone', async (folder) => { await remove(folder, identity) }, 'ATTESTATION_MISSING', /^attestations of batch 0$/],
    ['block of the trust bundle', async (folder) => { await flipBit(folder, n('b', 0)) }, 'SERVICE_DIFFERS', /^block 0 of the trust bundle$/],
    ['watermark', async (folder) => { await replaceText(folder, textKey('w', 'sealed'), /"sequence":\d/, '"sequence":9') }, 'WATERMARK_DIFFERS', /^watermark sealed$/],
    ['log identity', async (folder) => { await flipBit(folder, textKey('x', 'log'), 0) }, 'SERVICE_DIFFERS', /^log identity$/],
    ['a key', async (folder) => {
      await withDatabase(folder, async (db) => { await db.write([{ type: 'put', key: Buffer.from('~stray'), value: Buffer.from('1') }]) })
    }, 'KEY_UNKNOWN', /^entry 7e7374726179$/]
  ]
  for (const [what, damage, code, object] of cases) {
    const folder = await copy()
    await damage(folder)
    const report = await localFsck(folder)
    t.match(report.first, { code, object }, `${what}: ${JSON.stringify(report.examples.slice(0, 3))}`)
    t.equal(report.exitCode, 1, what)
    t.ok(report.differences <= (what === 'identity gone' ? Infinity : 2), `${what}: one damage is not many (${JSON.stringify(report.byCode)})`)
    await rm(folder, { recursive: true })
  }
})

t.test('a file of the database that cannot be read is damage, and a database in use cannot be checked', async (t) => {
  const folder = await copy()
  await writeFile(join(folder, 'db', 'CURRENT'), 'MANIFEST-999999\n')
  const broken = await steelyard('fsck', '--data', folder, '--no-ledger', '--json')
  t.equal(broken.code, 2)
  t.match(broken.json, { error: { code: 'DATA', reason: 'UNREADABLE' } })
  const repaired = await steelyard('rebuild-index', '--data', folder, '--no-ledger', '--repair', '--json')
  t.equal(repaired.code, 0, repaired.stdout)
  t.equal((await localFsck(folder)).outcome, 'clean', 'and repaired, it is whole again')

  const torn = await copy()
  for (const name of await readdir(join(torn, 'db'))) if (/\.(ldb|log)$/.test(name)) await truncate(join(torn, 'db', name), Math.floor((await stat(join(torn, 'db', name))).size / 2))
  const cut = await steelyard('fsck', '--data', torn, '--no-ledger', '--json')
  t.not(cut.code, 0, 'half of the database is not clean')
  t.ok(cut.json.error?.reason === 'UNREADABLE' || cut.json.first !== undefined, cut.stdout)
  await withDatabase(data, async () => {
    const locked = await steelyard('fsck', '--data', data, '--no-ledger', '--json')
    t.equal(locked.code, 2)
    t.match(locked.json, { error: { code: 'DATA', reason: 'LOCKED' } })
  })
  t.equal((await steelyard('fsck', '--unknown')).code, 64)
  t.equal((await steelyard('fsck', '--data', `${scratch}/none`, '--no-ledger')).code, 2)
  t.notOk(await stat(`${scratch}/none`).catch(() => undefined), 'looking makes nothing')
  const away = await steelyard('fsck', '--data', await copy(), '--json')
  t.equal(away.code, 2, 'no ledger there: not clean, and not different')
  t.match(away.json, { outcome: 'could-not-check', couldNotCheck: [{ what: 'the ledger' }] })
})

/** Another last header than the ledger has, with everything local made to fit it. */
async function forge (folder: string, last: number): Promise<void> {
  await replaceText(folder, numberKey('h', last), /"sealedAt":"20(..)/, '"sealedAt":"19$1')
  await remove(folder, numberKey('c', last), numberKey('a', last), textKey('w', 'final'))
  await rebuilt(folder, false)
}

t.test('a log that fits itself and not the ledger', async (t) => {
  const { last } = await landmarks()
  const folder = await copy()
  await forge(folder, last)
  t.equal((await localFsck(folder)).outcome, 'clean', 'nothing local shows it')
  const { code, json } = await steelyard('fsck', '--data', folder, '--ledger', profile(), '--json')
  t.equal(code, 1)
  const named = { object: `batch ${last}`, code: 'LEDGER_DIFFERS' }
  t.match(json, { differences: 1, first: named })
  t.match(await reconciled(folder), { differences: 1, first: named })
  // Halving finds the first of several.
  const early = await copy()
  await withDatabase(early, async (db) => {
    for (let number = last - 1; number <= last; number++) {
      const header = (await db.get(numberKey('h', number)) as Buffer).toString()
      await db.write([{ type: 'put', key: numberKey('h', number), value: Buffer.from(header.replace(/"sealedAt":"20/, '"sealedAt":"19')) }])
    }
  })
  const halved = await withDatabase(early, async (view) => await fsck({
    view, crypto: nodeCrypto, now: new Date().toISOString(), ledger: () => Promise.resolve(shared()), withContent: false, onProgress: quiet
  }))
  t.ok(halved.examples.some(({ code, object }) => code === 'LEDGER_DIFFERS' && object === `batch ${last - 1}`))
})

t.test('a folder that is older than the ledger, and one that is newer', async (t) => {
  const { last } = await landmarks()
  const older = await copy()
  const first = await withDatabase(older, async (db) => Number((JSON.parse((await db.get(numberKey('h', last)) as Buffer).toString()) as { first: string }).first))
  await remove(older, numberKey('h', last), numberKey('f', first))
  await withDatabase(older, async (db) => {
    for (const name of ['sealed', 'anchored', 'final']) {
      await db.write([{ type: 'put', key: textKey('w', name), value: Buffer.from(JSON.stringify({ batches: last, sequence: first })) }])
    }
  })
  t.match((await reconciled(older)).first, { object: `batch ${last}`, code: 'LOCAL_MISSING' })

  const newer = await copy()
  await withDatabase(newer, async (db) => {
    const header = JSON.parse((await db.get(numberKey('h', last)) as Buffer).toString()) as Record<string, string>
    await db.write([
      { type: 'put', key: numberKey('h', last + 1), value: Buffer.from(JSON.stringify({ ...header, number: String(last + 1) })) },
      { type: 'put', key: textKey('w', 'anchored'), value: Buffer.from(JSON.stringify({ batches: last + 2, sequence: numbers.length })) }
    ])
  })
  t.match((await reconciled(newer)).first, { object: `batch ${last + 1}`, code: 'LEDGER_MISSING' })
})

t.test('everything that follows from the rest is written again as it was', async (t) => {
  const before = await dump(data)
  const untouched = await copy()
  const idle = await rebuilt(untouched, false)
  t.equal(idle.outcome, 'clean')
  t.notOk(Object.keys(idle.checked).some((what) => /written|removed/.test(what)), 'nothing to do, nothing done')
  t.same(await dump(untouched), before)

  const derived = 'noedftvulw'
  const folder = await copy()
  await withDatabase(folder, async (db) => {
    for await (const key of db.keys()) if (derived.includes(String.fromCharCode(key[0] as number))) await db.write([{ type: 'del', key }])
    await db.write([{ type: 'del', key: textKey('x', 'log') }, { type: 'del', key: textKey('x', 'schema') }])
  })
  const empty = await dump(folder)
  t.ok(((await rebuilt(folder, true, true)).checked['tiles written'] ?? 0) > 0)
  t.same(await dump(folder), empty, 'a dry run writes nothing')
  const { code, stdout } = await steelyard('rebuild-index', '--data', folder, '--ledger', profile())
  t.equal(code, 0, stdout)
  const after = await dump(folder)
  const identity = textKey('x', 'log').toString('hex')
  t.match(JSON.parse(Buffer.from(after.get(identity) ?? '', 'hex').toString()), { origin: idle.log })
  for (const each of [after, before]) each.delete(identity) // when it was created is known to the first record only
  t.same(after, before)
  t.equal((await localFsck(folder)).outcome, 'clean')
})

t.test('headers come back from the read-backs or from the ledger; what is lost for good is named', async (t) => {
  const { last, wide } = await landmarks()
  const before = await dump(data)
  const folder = await copy()
  await remove(folder, numberKey('h', wide))
  await rebuilt(folder, false)
  t.same(await dump(folder), before, 'from the read-back')
  await flipBit(folder, numberKey('b', 0))
  await rebuilt(folder, false)
  t.same(await dump(folder), before, 'a block from the trust bundle')

  const both = await copy()
  await remove(both, numberKey('h', last), numberKey('c', last), numberKey('a', last), textKey('w', 'final'), textKey('w', 'sealed'), textKey('w', 'anchored'))
  t.equal((await rebuilt(both, true)).outcome, 'clean')
  const header = numberKey('h', last).toString('hex')
  t.equal((await dump(both)).get(header), before.get(header), 'from the ledger')

  const neither = await copy()
  await remove(neither, numberKey('h', last), numberKey('c', last))
  const alone = await rebuilt(neither, false)
  t.match(alone.first, { object: `batch ${last}`, code: 'BATCH_MISSING' })
  const sealed = textKey('w', 'sealed').toString('hex')
  t.equal((await dump(neither)).get(sealed), before.get(sealed), 'and no watermark moved')

  const lost = await copy()
  await flipBit(lost, numberKey('r', 3), 0)
  const named = await rebuilt(lost, false)
  t.match(named.first, { object: 'record 3', code: 'RECORD_UNREADABLE' })
  t.equal((await localFsck(lost)).differences, 1, 'and nothing else was made worse')
})

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
  for (const name of ['log', 'in-flight', 'place', 'restored']) for (const each of [ours, theirs]) each.delete(textKey('x', name).toString('hex'))
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
  t.equal((await service.call('/v1/admin/backup', { method: 'POST' })).status, 403, 'a depositor\'s key is not enough')
  t.equal((await service.call('/v1/admin/backup', { method: 'POST', key: false })).status, 401)
  await service.kill()

  const [older, lost, restored] = ['older', 'lost', 'restored'].map((name) => `${scratch}/${name}`) as [string, string, string]
  const restore = async (file: string, folder: string): Promise<void> => {
    t.equal((await steelyard('import', file, '--data', folder)).code, 0)
    await writeFile(join(folder, 'credentials.json'), await readFile(join(data, 'credentials.json')), { mode: 0o600 })
  }
  const started = async (folder: string): Promise<RunningService> => {
    const running = await startService(folder, {
      STEELYARD_LEDGER: profile(), STEELYARD_RECEIPT_KEY_FILE: join(data, 'keys', 'receipt.pem'), STEELYARD_SEAL_AGE: '50'
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
  t.equal((await steelyard('fsck', '--data', restored, '--ledger', profile(), '--json')).code, 0)
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
  const unconfirmed = await steelyard('reconcile', '--data', lost, '--ledger', profile(), '--json')
  t.equal(unconfirmed.code, 0)
  t.match(unconfirmed.json.notes.at(-1), /takes no deposits: .*--go-on/)

  t.match(await steelyard('reconcile', '--data', restored, '--ledger', profile(), '--go-on', '--json'), { code: 0, json: { notes: [/ is confirmed: the service takes deposits/] } })
  again = await started(restored)
  await untilReady(again)
  await depositDigests(again, 1)
  t.equal((await again.json(`/v1/evidence/${numbers.at(-1)}?wait=final&timeout=30`)).body.state, 'final', 'and it goes on')
  await again.stop()
  t.equal((await steelyard('fsck', '--data', restored, '--ledger', profile(), '--json')).code, 0)

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
  const report = await steelyard('reconcile', '--data', older, '--ledger', profile(), '--go-on', '--json')
  t.match(report, { code: 1, json: { first: { code: 'LOCAL_MISSING', object: `batch ${sealed?.size}` }, notes: [/takes no deposits/] } }, 'nobody can confirm that')
  t.match(await rebuilt(older, true), { first: { code: 'BATCH_MISSING', object: `batch ${sealed?.size}` } })
})
