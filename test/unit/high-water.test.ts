/** The mark of what was acknowledged from a data folder: lost, wrong, removed under the service, or not to be written. */
import { lstat, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checkAcknowledged } from '../../src/ops/acknowledged.js'
import { checkEnd } from '../../src/ops/record-end.js'
import { createFindings, type Report } from '../../src/ops/report.js'
import { doubtOf } from '../../src/store/doubt.js'
import { beginHighWater, openHighWater, readHighWater } from '../../src/store/high-water.js'
import { numberKey } from '../../src/store/keys.js'
import type { Operation } from '../../src/store/maintenance.js'
import { copyOf, withDatabase } from '../support/damage.js'
import { FakeLedger } from '../support/memory-ledger.js'
import { allFinal, deposit, noop, ORIGIN, stage, world, type World } from '../support/notary-world.js'
import { until } from '../support/service.js'

const MOST = '9007199254740991'
/** What leaves nothing readable under the name of the mark. */
const LOST: Readonly<Record<string, (file: string) => Promise<void>>> = {
  missing: async () => await Promise.resolve(),
  empty: async (file) => { await writeFile(file, '') },
  short: async (file) => { await writeFile(file, '0000000000000') },
  rubbish: async (file) => { await writeFile(file, 'x'.repeat(16) + '\n') },
  'no safe integer': async (file) => { await writeFile(file, '9999999999999999\n') },
  'a folder': async (file) => { await mkdir(file) }
}

/** What is said to the operator. */
function listening (): { log: { info: () => void, warn: (facts: object, text: string) => void, error: (facts: object, text: string) => void }, said: string[] } {
  const said: string[] = []
  const say = (level: string) => (_facts: object, text: string): void => { said.push(`${level}: ${text}`) }
  return { log: { info: noop, warn: say('warn'), error: say('error') }, said }
}

const numberIn = async (file: string): Promise<string> => await readFile(file, 'latin1').catch(() => '')

/** A folder with two deposits, both final. */
async function used (t: Test): Promise<World> {
  const at = await world(t)
  await deposit(at, 2)
  await allFinal(at)
  await at.close()
  return at
}

async function checked (folder: string): Promise<Report> {
  const findings = createFindings()
  const mark = await readHighWater(folder)
  await withDatabase(folder, async (view) => { await checkAcknowledged(view, findings, mark) })
  return findings.report({})
}

for (const [what, lose] of Object.entries(LOST)) {
  t.test(`a mark that is ${what}: nothing is taken or sealed before the ledger agrees`, async (t) => {
    const { folder, ledger } = await used(t)
    const file = join(folder, 'high-water')
    await rm(file)
    await lose(file)
    t.equal((await readHighWater(folder)).acknowledged, undefined)
    const { outcome, notes, couldNotCheck } = await checked(folder)
    t.match({ outcome, notes: notes.length, couldNotCheck: couldNotCheck.length }, what === 'missing'
      ? { outcome: 'clean', notes: 1, couldNotCheck: 0 }
      : { outcome: 'could-not-check', notes: 0, couldNotCheck: 1 })
    const { log, said } = listening()
    ledger.isUp = false
    let at = await world(t, { folder, ledger, log })
    t.ok(said.some((text) => /^warn: the mark .* cannot be read/.test(text)), said.join())
    await t.rejects(deposit(at, 1), { code: 'LOG_UNCONFIRMED', retryAfter: 60, message: /the mark of what was acknowledged/ })
    at = await at.restart()
    await t.rejects(deposit(at, 1), { code: 'LOG_UNCONFIRMED' }, 'a second start believes no mark of the first')
    ledger.isUp = true
    await until(async () => await numberIn(file) === '0000000000000002\n' || said.some((text) => text.startsWith('error: the mark')))
    t.equal((await deposit(at, 1))[0]?.sequence, 2)
    if (what === 'a folder') {
      t.equal(said.filter((text) => /^error: the mark .* cannot be written/.test(text)).length, 1, 'and one that cannot is named once')
      await rm(file, { recursive: true })
    }
    await until(async () => await numberIn(file) === '0000000000000003\n')
    ledger.isUp = false
    at = await at.restart()
    await deposit(at, 1)
  })
}

const ENDS: ReadonlyArray<readonly [what: string, change: (record: Buffer) => Operation[], finds: object]> = [
  ['as it was', () => [], { differences: 0 }],
  ['a record under a key from far beyond the end as well', (value) => [{ type: 'put', key: numberKey('r', 0x21ea), value }], { first: { object: 'record 4', code: 'RECORD_MISSING' } }],
  ['a record under the next key as well', (value) => [{ type: 'put', key: numberKey('r', 4), value }], { first: { object: 'record 4', code: 'RECORD_POSITION' } }],
  ['the last record that is sealed gone', () => [3, 2, 1].map((at) => ({ type: 'del', key: numberKey('r', at) })), { first: { object: 'record 1', code: 'RECORD_MISSING' } }],
  ['the first that waits gone', () => [{ type: 'del', key: numberKey('r', 2) }], { first: { object: 'record 2', code: 'RECORD_MISSING' } }],
  ['a key that is too short', (value) => [{ type: 'put', key: Buffer.from('r\u0007'), value }], { first: { object: 'record 4', code: 'RECORD_MISSING' } }]
]

t.test('where the log ends is told by records without a gap, sealed or not', async (t) => {
  const { folder, ledger } = await used(t)
  const at = await world(t, { folder, ledger, sealAgeMs: 600_000 })
  await deposit(at, 2)
  await at.close()
  for (const [index, [what, change, finds]] of ENDS.entries()) {
    const copied = await copyOf(folder, join(t.testdirName, `copy-${index}`))
    await withDatabase(copied, async (db) => {
      await db.write(change(await db.get(numberKey('r', 1)) as Buffer))
      const findings = createFindings()
      await checkEnd(db, findings)
      t.match(findings.report({}), finds, what)
    })
  }
})

t.test('a ledger that disagrees ends the doubt for nobody', async (t) => {
  const { folder } = await used(t)
  await rm(join(folder, 'high-water'))
  const ledger = new FakeLedger(ORIGIN, Date.now) // it has no batch of this log: set back
  const at = await world(t, { folder, ledger })
  await until(async () => await Promise.resolve(stage(at, 'ledger').lastError?.code === 'GAP'))
  await t.rejects(deposit(at, 1), { code: 'LOG_UNCONFIRMED' })
  t.equal(await numberIn(join(folder, 'high-water')), '')
})

t.test('a folder without records has no doubt', async (t) => {
  const { log, said } = listening()
  const ledger = new FakeLedger(ORIGIN, Date.now)
  ledger.isUp = false
  const at = await world(t, { ledger, log })
  await deposit(at, 1)
  t.same(said.filter((text) => text.includes('mark')), [])
  await at.close()
  t.equal(await withDatabase(at.folder, doubtOf), undefined)
  await rm(join(at.folder, 'high-water'))
  t.equal(await withDatabase(at.folder, doubtOf), 'unmarked')
})

t.test('a mark has one width, whatever it is told', async (t) => {
  const folder = t.testdir({})
  const file = join(folder, 'high-water')
  beginHighWater(folder, Number(MOST))
  t.equal(await numberIn(file), `${MOST}\n`)
  t.same(await readHighWater(folder), { acknowledged: Number(MOST) })
  for (const wrong of [Number(MOST) + 1, 1e16, Infinity, Number.NaN, -1, 0.5]) t.throws(() => { beginHighWater(folder, wrong) }, RangeError, String(wrong))
  t.equal(await numberIn(file), `${MOST}\n`)
  t.same(await readdir(folder), ['high-water'], 'and nothing is left beside it')
})

t.test('a mark that goes away under the running service is written anew', async (t) => {
  const root = t.testdir({})
  const goes: Readonly<Record<string, (file: string) => Promise<void>>> = {
    removed: async (file) => { await rm(file) },
    'moved away': async (file) => { await rename(file, `${file}.old`) },
    'replaced by an older one': async (file) => {
      await writeFile(`${file}.other`, '0000000000000001\n')
      await rename(`${file}.other`, file)
    },
    'replaced by a link': async (file) => {
      await rename(file, `${file}.old`)
      await symlink(`${file}.old`, file)
    },
    cut: async (file) => { await truncate(file, 3) }
  }
  await Promise.all(Object.entries(goes).map(async ([what, go]) => {
    const folder = await mkdtemp(join(root, 'mark-'))
    const file = join(folder, 'high-water')
    const { log, said } = listening()
    const mark = await openHighWater(folder, { here: 0, log })
    mark.note(2)
    await go(file)
    await until(async () => await Promise.resolve(said.length > 0))
    t.match(said, [/^warn: .* written anew$/], what)
    t.same([await numberIn(file), (await lstat(file)).isFile()], ['0000000000000002\n', true], what)
    mark.note(3)
    mark.close()
    t.equal(await numberIn(file), '0000000000000003\n', `${what}: and goes on`)
  }))
})

t.test('a mark that cannot be written is said once, until it can be', async (t) => {
  const folder = t.testdir({ 'high-water': {} })
  const { log, said } = listening()
  const mark = await openHighWater(folder, { here: 0, log })
  t.teardown(() => { mark.close() })
  for (let next = 1; next < 5; next++) mark.note(next)
  t.match(said, [/^error: .* cannot be written/])
  await rm(join(folder, 'high-water'), { recursive: true })
  mark.note(5)
  t.equal(await numberIn(join(folder, 'high-water')), '0000000000000005\n')
  await rm(join(folder, 'high-water'))
  await mkdir(join(folder, 'high-water'))
  await until(async () => await Promise.resolve(said.length === 3))
  t.match(said.slice(1), [/^warn: .* written anew$/, /^error: .* cannot be written/], 'and again when it fails again')
})

t.test('what lies under a damaged key was never a deposit: the mark stays as it was, and none is taken', async (t) => {
  const { folder } = await used(t)
  await withDatabase(folder, async (db) => {
    const bytes = await db.get(numberKey('r', 1)) as Buffer
    await db.write([{ type: 'del', key: numberKey('r', 1) }, { type: 'put', key: numberKey('r', 65), value: bytes }])
  })
  const before = await numberIn(join(folder, 'high-water'))
  await t.rejects(deposit(await world(t, { folder }), 1), { code: 'LOG_DAMAGED' })
  t.equal(await numberIn(join(folder, 'high-water')), before)
})

t.test('a mark that is behind, as after a power cut, is made up for when the records were found whole', async (t) => {
  const { folder, ledger } = await used(t)
  const file = join(folder, 'high-water')
  const mark = await numberIn(file)
  await writeFile(file, mark.replace('2', '1'))
  await (await world(t, { folder, ledger })).close()
  t.equal(await numberIn(file), mark)
})
