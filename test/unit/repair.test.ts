/** The repair of a damaged database: nothing that was acknowledged is lost by it, whatever happens meanwhile. */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import fs, { mkdir, readdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { syncBuiltinESMExports } from 'node:module'
import { join } from 'node:path'
import { Level } from 'level'
import t, { type Test } from 'tap'
import { begin } from '../../src/first-start.js'
import { noteRepair } from '../../src/store/doubt.js'
import { numberKey } from '../../src/store/keys.js'
import { type Maintenance, openMaintenance } from '../../src/store/maintenance.js'
import { repairDatabase } from '../../src/store/repair.js'
import { openStore } from '../../src/store/store.js'
import { dump } from '../support/damage.js'
import { dataFolder } from '../support/service.js'
import { noSmallDisk, smallDisk } from '../support/small-disk.js'

const KIB = 1024
const level = Level as unknown as { repair (folder: string): Promise<void> }
const log = { warn: () => undefined, error: () => undefined }

/** A database of which some is in a table, and some in its log only. */
async function filled (data: string): Promise<Map<string, string>> {
  const db = await openMaintenance(data, { create: true })
  await write(db, 0)
  await db.close()
  await (await openMaintenance(data)).close() // what was in the log is in a table now
  const again = await openMaintenance(data)
  await write(again, 100)
  await again.close()
  const kept = join(data, 'as-it-was')
  await fs.cp(join(data, 'db'), join(kept, 'db'), { recursive: true })
  const whole = await dump(kept) // to look into it empties its log
  await rm(kept, { recursive: true })
  return whole
}

async function write (db: Maintenance, from: number): Promise<void> {
  for (let i = from; i < from + 100; i++) await db.write([{ type: 'put', key: numberKey('r', i), value: randomBytes(KIB) }])
}

async function nameOf (data: string, name: RegExp): Promise<string> {
  return join(data, 'db', (await readdir(join(data, 'db'))).find((each) => name.test(each)) as string)
}

/** A block of the table, or two, cannot be read any more. */
async function damageTable (data: string): Promise<void> {
  const file = await fs.open(await nameOf(data, /\.ldb$/), 'r+')
  await file.write(Buffer.alloc(3 * KIB, 0xff), 0, 3 * KIB, 50 * KIB)
  await file.close()
}

/** In the place of LevelDB's repair, until the test is over. */
function whileRepairing (t: Test, work: (repair: () => Promise<void>) => Promise<void>): void {
  const { repair } = level
  level.repair = async (folder) => { await work(async () => { await repair.call(level, folder) }) }
  t.teardown(() => { level.repair = repair })
}

/** In the place of a function of the file system, until the test is over. */
function instead<K extends 'rename' | 'link'> (t: Test, name: K, by: (real: (from: string, to: string) => Promise<void>, from: string, to: string) => Promise<void>): void {
  const real = fs[name] as (from: string, to: string) => Promise<void>
  fs[name] = (async (from: string, to: string) => { await by(real, from, to) }) as typeof fs[K]
  syncBuiltinESMExports()
  t.teardown(() => {
    fs[name] = real as typeof fs[K]
    syncBuiltinESMExports()
  })
}

/** Another process that opens the database and writes; it says so, and ends when its input does. */
function elsewhere (data: string): string {
  const script = `const { Level } = await import('level')
    const db = new Level(process.argv[1], { keyEncoding: 'buffer', valueEncoding: 'buffer' })
    await db.open()
    await db.batch([{ type: 'put', key: Buffer.from('72ffff', 'hex'), value: Buffer.from('acknowledged') }], { sync: true })
    await db.close()`
  const { status, stderr } = spawnSync(process.execPath, ['--input-type=module', '-e', script, join(data, 'db')], { encoding: 'utf8' })
  return status === 0 ? 'written' : stderr
}

async function names (data: string): Promise<string[]> {
  return (await readdir(data)).filter((name) => name.startsWith('db')).sort()
}

t.test('what can be read takes the place of what is damaged, which is kept', async (t) => {
  const data = dataFolder(t)
  const whole = await filled(data)
  await damageTable(data)
  for (const left of ['db.repairing/db/lost', 'db.repairing-ended-1/db']) await mkdir(join(data, left), { recursive: true }) // by one that was killed
  const { mode } = await stat(join(data, 'db'))
  const kept = await repairDatabase(data)
  t.same(await names(data), ['db', kept.slice(data.length + 1)])
  t.notOk((await readdir(join(data, 'db'))).includes('lost'))
  t.equal((await stat(join(data, 'db'))).mode, mode)
  const left = await dump(data)
  t.ok(left.size > 150 && left.size < whole.size, `${left.size} of ${whole.size}`)
  t.ok(await repairDatabase(data) > kept, 'the last one that is kept sorts last')
})

t.test('links that are refused are copies', async (t) => {
  const data = dataFolder(t)
  const whole = await filled(data)
  instead(t, 'link', async () => { throw Object.assign(new Error('EPERM'), { code: 'EPERM' }) })
  await repairDatabase(data)
  t.same(await dump(data), whole)
})

for (const [what, damage, left] of [
  ['a log', async () => undefined, 0],
  ['a table', damageTable, 130 * KIB] // enough for the log, and not for the table after it
] as const) {
  t.test(`a full disk on which ${what} cannot be written again`, { skip: noSmallDisk }, async (t) => {
    const disk = dataFolder(t)
    const small = smallDisk(t, disk, 8)
    const data = join(disk, 'data')
    await mkdir(data)
    const whole = await filled(data)
    await damage(data)
    await noteRepair(join(data, 'db'))
    await small.fill(left + 40 * KIB) // for the lock that holds off another repair
    await t.rejects(repairDatabase(data), { code: 'STORE_FULL', message: /nothing was changed/ })
    t.same(await names(data), ['db'])
    await small.free()
    await repairDatabase(data)
    const saved = await dump(data)
    t.ok(what === 'a log' ? saved.size === whole.size : saved.size > 150, `${saved.size} of ${whole.size}`)
  })
}

for (const [what, change] of [
  ['a log that breaks off', (said: string) => said.slice(0, said.indexOf('Table #'))],
  ['a table of which nothing is said', (said: string) => said.replace(/^.*Table #\d+: .* entries OK\n/m, '')],
  ['a disk that fails', (said: string) => said.replace(/(Table #\d+: \d+ entries) OK/, '$1 IO error: x: Input/output error')],
  ['a file that stays where it is', (said: string) => said.replace(/(Archiving .*): OK/, '$1: IO error: x: Operation not permitted')]
] as const) {
  t.test(`not all is saved: ${what}`, async (t) => {
    const data = dataFolder(t)
    const whole = await filled(data)
    whileRepairing(t, async (repair) => {
      await repair()
      const said = join(data, 'db.repairing', 'db', 'LOG')
      const before = await readFile(said, 'utf8')
      t.not(change(before), before)
      await writeFile(said, change(before))
    })
    await t.rejects(repairDatabase(data), { code: 'WRITE_FAILED', message: /could not be saved/ })
    t.same(await names(data), ['db'])
    t.same(await dump(data), whole)
  })
}

t.test('a process that uses the database while it is repaired', async (t) => {
  const data = dataFolder(t)
  const whole = await filled(data)
  whileRepairing(t, async (repair) => {
    t.equal(elsewhere(data), 'written')
    await repair()
  })
  await t.rejects(repairDatabase(data), { code: 'LOCKED' })
  t.same(await names(data), ['db'])
  t.equal((await dump(data)).size, whole.size + 1)
})

t.test('a second repair while the first one runs', async (t) => {
  const data = dataFolder(t)
  const whole = await filled(data)
  let isFirst = true
  whileRepairing(t, async (repair) => {
    t.ok(isFirst)
    isFirst = false
    await t.rejects(repairDatabase(data), { code: 'LOCKED', message: /another repair/ })
    await repair()
  })
  await repairDatabase(data)
  t.same(await dump(data), whole)
})

t.test('a service that is started between the two renames makes no log, and nothing is lost', async (t) => {
  const data = dataFolder(t)
  const whole = await filled(data)
  let kept = ''
  instead(t, 'rename', async (rename, from, to) => {
    await rename(from, to)
    if (kept !== '' || !to.includes('.damaged-')) return
    kept = to
    await mkdir(join(data, 'db'))
    await writeFile(join(data, 'db', 'LOG'), '')
  })
  await t.rejects(repairDatabase(data), { code: 'FOLDER_UNUSABLE', message: new RegExp(`^${data}/db was made .*${kept}`) })
  await rm(join(data, 'db', 'LOG'))
  t.same(await names(data), ['db', kept.slice(data.length + 1)])
  await t.rejects(openStore(data, () => undefined, { log }), { code: 'UNREADABLE', message: /a repair was stopped.*rebuild-index --repair/ })

  await writeFile(join(data, 'db', 'LOG'), '') // one that had looked before
  const store = await openStore(data, () => undefined, { log })
  await t.rejects(begin({ data } as Parameters<typeof begin>[0], store, 0), { code: 'LOG_MISSING', message: /move .*db away, then `steelyard rebuild-index --repair/ })
  await store.close()
  await rm(join(data, 'db'), { recursive: true })
  await repairDatabase(data)
  t.same(await dump(data), whole)
})
