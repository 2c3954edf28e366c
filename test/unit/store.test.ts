import { execFileSync } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { Readable } from 'node:stream'
import t from 'tap'
import { readConfig } from '../../src/config.js'
import { type Database, openDatabase, put, write } from '../../src/store/database.js'
import { openContentStore } from '../../src/store/content.js'
import { type ClassicLevel, createSearch } from '../../src/store/file-watch.js'
import { createCheckpoint, FAULT_POINTS, isFaultPoint } from '../../src/store/fault-points.js'
import { numberKey, readNumber, textKey } from '../../src/store/keys.js'
import { openStore } from '../../src/store/store.js'
import { damageIn } from '../../src/store/log-format.js'
import { openMaintenance } from '../../src/store/maintenance.js'

const noop = (): void => undefined
const silent = { log: { warn: noop, error: noop } }
const collect = async (stream: AsyncIterable<Uint8Array>): Promise<Buffer> => {
  const chunks: Uint8Array[] = []
  for await (const chunk of stream) chunks.push(chunk)
  return Buffer.concat(chunks)
}

t.test('one process at a time, of the same schema', async (t) => {
  const folder = t.testdir({})
  const store = await openStore(folder, noop, silent)
  await t.rejects(openStore(folder, noop, silent), { code: 'LOCKED' })
  await store.close()
  const db = await openDatabase(join(folder, 'db'))
  await write(db, [put(textKey('x', 'schema'), 'steelyard-store/99')])
  await db.close()
  await t.rejects(openStore(folder, noop, silent), { code: 'SCHEMA' })
})

t.test('a log that is gone under a service that has the database open is that service\'s business, and damage afterwards', async (t) => {
  const folder = t.testdir({})
  const db = await openDatabase(join(folder, 'db'))
  await write(db, [put(numberKey('r', 0), 'a record')])
  for (const name of await readdir(db.location)) if (name.endsWith('.log')) await rm(join(db.location, name))
  await t.rejects(openMaintenance(folder), { code: 'LOCKED' })
  await t.rejects(openDatabase(db.location), { code: 'LOCKED' })
  await db.close()
  await t.rejects(openMaintenance(folder), { code: 'DAMAGED' })
})

t.test('keys are in the order of numbers', (t) => {
  const numbers = [0, 1, 255, 256, 2 ** 32 - 1, 2 ** 32, 2 ** 40 + 7, Number.MAX_SAFE_INTEGER]
  const keys = numbers.map((n) => numberKey('r', n))
  t.same([...keys].sort(Buffer.compare), keys)
  t.same(keys.map((key) => readNumber(key, 1)), numbers)
  t.end()
})

t.test('API keys are hashed and survive', async (t) => {
  const folder = t.testdir({})
  let store = await openStore(folder, noop, silent)
  const token = store.keys.newToken()
  t.equal(store.keys.authenticate(token), undefined, 'not registered yet')
  const key = await store.keys.register(token, { organization: '0011223344556677', label: 'l', scopes: ['read'] })
  await store.close()
  store = await openStore(folder, noop, silent)
  t.teardown(async () => { await store.close() })
  t.same(store.keys.authenticate(token), key)
  t.equal(store.keys.authenticate(`${token.slice(0, -1)}${token.endsWith('A') ? 'B' : 'A'}`), undefined)
  t.equal(store.keys.authenticate('sk_x'), undefined)
  t.notOk(JSON.stringify(store.keys.authenticate(token)).includes(token.split('.')[1] as string))
})

t.test('content: by its digest, verified on read, leftovers cleaned', async (t) => {
  const folder = t.testdir({})
  await mkdir(join(folder, 'tmp'))
  await writeFile(join(folder, 'tmp', 'left'), 'over')
  const content = await openContentStore(folder, noop)
  t.same(await readdir(join(folder, 'tmp')), [])
  const bytes = randomBytes(1_000_000)
  const received = await content.receive(Readable.from([bytes.subarray(0, 3), bytes.subarray(3)]))
  const sha256 = createHash('sha256').update(bytes).digest('hex')
  t.same([received.size, received.digests], [bytes.length, { sha256, sm3: createHash('sm3').update(bytes).digest('hex') }])
  t.equal(await content.size(sha256), undefined, 'not kept yet')
  await received.keep()
  await received.discard()
  t.equal(await content.size(sha256), bytes.length)
  t.ok((await collect(content.read(sha256))).equals(bytes))
  t.ok((await collect(await content.readPart(sha256, { first: 262_000, last: 524_400 }))).equals(bytes.subarray(262_000, 524_401)), 'over chunks')
  t.ok((await collect(await content.readPart(sha256, { first: 999_999, last: 999_999 }))).equals(bytes.subarray(999_999)), 'the last byte')
  const again = await content.receive(Readable.from([bytes]))
  await again.keep()
  t.same(await readdir(join(folder, 'tmp')), [])

  const path = join(folder, sha256.slice(0, 2), sha256.slice(2, 4), sha256)
  bytes[999_999] = (bytes[999_999] as number) ^ 1
  await writeFile(path, bytes)
  await t.rejects(collect(content.read(sha256)), { code: 'CONTENT_DAMAGED' })
  await t.rejects(content.readPart(sha256, { first: 0, last: 9 }), { code: 'CONTENT_DAMAGED' }, 'the part itself is as it was')
  await writeFile(path, bytes.subarray(0, 5))
  await t.rejects(collect(content.read(sha256)), { code: 'CONTENT_DAMAGED' })
  await t.rejects(collect(content.read('00'.repeat(32))), { code: 'CONTENT_MISSING' })
  await rm(path)
  execFileSync('mkfifo', [path])
  await t.rejects(collect(content.read(sha256)), { code: 'CONTENT_DAMAGED' }, 'a pipe is not waited for')
  t.equal(dirname(path).length > 0, true)

  const broken = content.receive((async function * () {
    yield Buffer.from('part')
    await Promise.resolve()
    throw new Error('cut')
  })())
  await t.rejects(broken, { message: 'cut' })
  t.same(await readdir(join(folder, 'tmp')), [])
})

t.test('fault points', (t) => {
  t.equal(new Set(FAULT_POINTS).size, FAULT_POINTS.length)
  t.ok(isFaultPoint('seal.written') && isFaultPoint('seal.written:3'))
  t.notOk(isFaultPoint('nowhere') || isFaultPoint('seal.written:0') || isFaultPoint('seal.written:1:1'))
  createCheckpoint()('seal.written')
  createCheckpoint('seal.written:2')('seal.written')
  t.end()
})

t.test('configuration: defaults, frozen, and every problem at once', (t) => {
  const config = readConfig({ STEELYARD_DATA: '/tmp/x', STEELYARD_PORT: '0', STEELYARD_ORGS: '', OTHER: '1' })
  t.match(config, { port: 0, host: '127.0.0.1', sealAgeMs: 1000, sealSize: 8192, deadlineMs: 86_400_000, maxFileSize: 8 * 1024 ** 3 })
  t.match(config.ledger, { kind: 'embedded', dir: '/tmp/x/network', orgs: undefined })
  t.ok(Object.isFrozen(config))
  const problems = (env: Record<string, string>): string[] => {
    try {
      readConfig(env)
    } catch (error) {
      t.equal((error as { code: string }).code, 'CONFIG_INVALID')
      return [...(error as { problems: string[] }).problems].sort()
    }
    return []
  }
  const folder = t.testdir({ profiles: { 'operator.json': '{}' }, 'network-facts.json': '{}', 'receipt.pem': '' })
  const all = problems({
    STEELYARD_PORT: 'x',
    STEELYARD_SEAL_SIZE: '9000',
    STEELYARD_PROT: '1',
    STEELYARD_LEDGER_CLIENT: 'other',
    STEELYARD_FAULT_POINT: 'no',
    STEELYARD_LEDGER: `${folder}/none.json`,
    STEELYARD_RECEIPT_KEY_FILE: folder,
    STEELYARD_LOG_LEVEL: 'loud'
  })
  t.same(all.map((line) => line.split(':')[0]), [
    'STEELYARD_FAULT_POINT', 'STEELYARD_LEDGER', 'STEELYARD_LEDGER_CLIENT', 'STEELYARD_LOG_LEVEL', 'STEELYARD_PORT', 'STEELYARD_PROT',
    'STEELYARD_RECEIPT_KEY_FILE', 'STEELYARD_SEAL_SIZE'
  ])
  for (const choice of ['fabric-network', 'fabric-gateway', 'silent']) t.ok(all.some((line) => line.includes(choice)), `${choice} is offered`)
  const profile = `${folder}/profiles/operator.json`
  t.same(problems({ STEELYARD_RECEIPT_KEY_FILE: `${folder}/receipt.pem` }), [])
  t.equal(problems({ STEELYARD_RECEIPT_KEY_FILE: `${folder}/other.pem` }).length, 1)
  t.equal(problems({ STEELYARD_LEDGER: profile, STEELYARD_LEDGER_FACTS: `${folder}/none.json` }).length, 1)
  t.match(readConfig({ STEELYARD_LEDGER: profile }).ledger, { kind: 'profile', profile, facts: `${folder}/network-facts.json` })
  t.end()
})

t.test('the database\'s log: what a crash leaves is none of its damage, a hole in the middle is', async (t) => {
  const folder = t.testdir({})
  const store = await openStore(folder, noop, silent)
  for (let i = 0; i < 60; i++) await store.meta.saveBundleFile(randomBytes(i % 20 === 0 ? 90_000 : 300)) // records of one piece and of several
  await store.close()
  const [name = ''] = (await readdir(join(folder, 'db'))).filter((each) => each.endsWith('.log'))
  const log = await readFile(join(folder, 'db', name))
  t.ok(log.length > 270_000)
  t.equal(damageIn(log), undefined)
  t.equal(damageIn(Buffer.alloc(0)), undefined)
  t.equal(damageIn(Buffer.concat([log, Buffer.alloc(100_000)])), undefined, 'room that was reserved')
  for (let length = log.length - 1; length > 0; length -= 3331) t.equal(damageIn(log.subarray(0, length)), undefined, `cut at ${length}`)
  for (let at = 0; at < log.length; at += 7919) {
    const damaged = Buffer.from(log)
    damaged[at] = (damaged[at] as number) ^ 1
    const found = damageIn(damaged)
    t.ok(found !== undefined && found <= at, `bit at ${at}`)
  }
  t.equal(damageIn(Buffer.concat([log.subarray(0, 65_536), Buffer.alloc(32_768), log.subarray(98_304)])), 65_536, 'a block that became blank')
  const holed = Buffer.concat([log.subarray(0, 100_000), log.subarray(101_000)])
  await writeFile(join(folder, 'db', name), holed)
  await t.rejects(openStore(folder, noop, silent), { code: 'DAMAGED', message: /rebuild-index --repair/ })
})

t.test('files that went while the database compacts are not missing, one that was removed is', async (t) => {
  const db = await openDatabase(t.testdir()) as Database & ClassicLevel
  t.teardown(async () => { await db.close() })
  const compact = async (): Promise<void> => { await db.compactRange(Buffer.of(0), Buffer.of(0xff)) }
  await write(db, [put(Buffer.from('a'), '1'), put(Buffer.from('b'), '1')])
  await compact()
  const before = db.getProperty('leveldb.sstables')
  await write(db, [put(Buffer.from('a'), '2'), put(Buffer.from('b'), '2')])
  await compact()
  // The list of a moment ago, as somebody has it whose next look at the folder comes after the compaction.
  let asked = 0
  const late = new Proxy(db, {
    get: (target, name) => name === 'getProperty'
      ? (property: string) => asked++ === 0 ? before : target.getProperty(property)
      : Reflect.get(target, name, target) as unknown
  })
  t.equal(await createSearch(late)(), undefined)
  const cutting = createSearch(db)
  const log = (await readdir(db.location)).find((name) => name.endsWith('.log')) as string
  await write(db, [put(Buffer.from('c'), '3')])
  t.equal(await cutting(), undefined)
  await truncate(join(db.location, log), 3)
  t.equal(await cutting(), log, 'a log that was cut')
  const tables = (await readdir(db.location)).filter((name) => name.endsWith('.ldb'))
  await rm(join(db.location, tables[0] as string))
  const search = createSearch(db)
  t.equal(await search(), tables[0])
  t.equal(await search(tables[0]), tables[0], 'and stays so')
})

t.test('each go looks at some of the tables, until all were looked at', async (t) => {
  const db = await openDatabase(t.testdir()) as Database & ClassicLevel
  t.teardown(async () => { await db.close() })
  for (let round = 0; round < 2; round++) { // what overlaps is merged into tables of 8 MB
    await write(db, Array.from({ length: 80 }, (_, i) => put(Buffer.of(i), randomBytes(262_144))))
    await db.compactRange(Buffer.of(0), Buffer.of(0xff))
  }
  const tables = (await readdir(db.location)).filter((name) => name.endsWith('.ldb')).sort()
  t.ok(tables.length > 2, `${tables.length} tables`)
  const last = tables.at(-1) as string
  await rm(join(db.location, last))
  const search = createSearch(db, 1)
  const found: (string | undefined)[] = []
  while (found.length < tables.length) found.push(await search())
  t.same(found, tables.map((name) => name === last ? last : undefined))
})
