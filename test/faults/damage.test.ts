/** Files of the database that are damaged: the service says what is wrong and what repairs it, and shows nothing that is not what it was. */
import { randomBytes } from 'node:crypto'
import { cp, readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { numberKey } from '../../src/store/keys.js'
import { replaceText } from '../support/damage.js'
import { dataFolder, startService, until, untilReady } from '../support/service.js'

const data = dataFolder(t)
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
  const at = Math.floor(bytes.length * part)
  bytes[at] = (bytes[at] as number) ^ 0x40
  await writeFile(path, bytes)
}

t.before(async () => {
  const service = await startService(data)
  await untilReady(service)
  for (let i = 0; i < 5; i++) numbers.push((await service.depositDigests(randomBytes(32).toString('hex'))).body.number)
  await until(async () => (await service.json(`/v1/evidence/${numbers.at(-1) as string}?wait=final`)).body.state === 'final')
  await service.kill()
})

const cases: [string, (folder: string) => Promise<void>][] = [
  ['a bit in the log', async (folder) => { await flip(await fileOf(folder, /\.log$/), 0.3) }],
  ['a bit at the end of the log', async (folder) => { await flip(await fileOf(folder, /\.log$/), 0.999) }],
  ['CURRENT cut', async (folder) => { await truncate(await fileOf(folder, /^CURRENT$/), 3) }],
  ['CURRENT empty', async (folder) => { await truncate(await fileOf(folder, /^CURRENT$/), 0) }],
  ['CURRENT gone', async (folder) => { await rm(await fileOf(folder, /^CURRENT$/)) }],
  ['MANIFEST gone', async (folder) => { await rm(await fileOf(folder, /^MANIFEST/)) }],
  ['MANIFEST cut', async (folder) => { await truncate(await fileOf(folder, /^MANIFEST/), 20) }],
  ['MANIFEST empty', async (folder) => { await truncate(await fileOf(folder, /^MANIFEST/), 0) }]
]
for (const [what, damage] of cases) {
  t.test(`${what}: nothing starts, and the tool is named`, async (t) => {
    const folder = await copy()
    await damage(folder)
    await t.rejects(startService(folder), { signal: null, message: /rebuild-index --repair[^]*fsck/ })
    await rm(folder, { recursive: true })
  })
}

t.test('a record that is not what it was is not shown, and the rest is', async (t) => {
  const folder = await copy()
  await replaceText(folder, numberKey('r', 2), /"receivedAt":"20/, '"receivedAt":"30')
  const service = await startService(folder, { STEELYARD_LEDGER: join(data, 'network', 'profiles', 'operator.json') })
  t.teardown(async () => { await service.kill() })
  const damaged = numbers[2] as string
  for (const path of ['', '/receipt', '/proof']) {
    t.match(await service.json(`/v1/evidence/${damaged}${path}`), { status: 500, body: { code: 'DAMAGED' } }, `${path} of it`)
    t.equal((await service.json(`/v1/evidence/${numbers[1] as string}${path}`)).status, 200, `${path} of another`)
  }
  t.match(service.output(), /steelyard fsck/)
})
