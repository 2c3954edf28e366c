/** Values of the service itself that changed on the disk: none is believed, none keeps the service from starting that it can do without. */
import { randomBytes } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { checksumKey } from '../../src/store/checksums.js'
import { numberKey, textKey } from '../../src/store/keys.js'
import { dump, localFsck, remove, replaceText, withDatabase } from '../support/damage.js'
import { until } from '../support/service.js'
import { type ServiceWorld, serviceWorld } from '../support/service-world.js'

const WAITING = { STEELYARD_SEAL_AGE: '60000' }
const LOG = textKey('x', 'log')
const SEALED = textKey('w', 'sealed')

async function tokens (folder: string): Promise<{ admin: string, demo: string }> {
  return JSON.parse(await readFile(join(folder, 'credentials.json'), 'utf8')) as { admin: string, demo: string }
}
/** The status of a deposit. */
async function depositBy ({ service }: ServiceWorld, token: string): Promise<number> {
  const response = await fetch(`${service.url}/v1/evidence/digests`, {
    method: 'POST',
    headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
    body: JSON.stringify({ sha256: randomBytes(32).toString('hex') })
  })
  await response.arrayBuffer()
  return response.status
}
const deposited = async (at: ServiceWorld, count: number): Promise<void> => {
  const { demo } = await tokens(at.folder)
  for (let i = 0; i < count; i++) if (await depositBy(at, demo) !== 201) throw new Error('refused')
}
const untilFinal = async ({ service: { notary: { progress } } }: ServiceWorld): Promise<void> => {
  await until(async () => await Promise.resolve(progress.final.sequence === progress.received))
}
/** A service that was closed, with deposits that are final, or that wait. */
async function closed (t: Test, env: Readonly<Record<string, string>> = {}): Promise<ServiceWorld> {
  const at = await serviceWorld(t, { env })
  await at.untilUp()
  await deposited(at, 3)
  if (env !== WAITING) await untilFinal(at)
  await at.close()
  return at
}

t.test('the year of the last commit group: the clock does not follow it', async (t) => {
  const { folder, ledgers } = await closed(t)
  await replaceText(folder, numberKey('g', 2), /"signedAt":"2/, '"signedAt":"6')
  const at = await serviceWorld(t, { folder, ledgers })
  t.equal(at.service.notary.steadyClock?.aheadMs, 0)
  await deposited(at, 1)
  await untilFinal(at)
  const year = new Date().getUTCFullYear()
  t.match((await at.service.notary.store.batches.header(at.service.notary.progress.final.batches - 1))?.toString(), `"sealedAt":"${year}-`)
})

t.test('the same of one that is not sealed: it is not what was signed, and not sealed', async (t) => {
  const { folder, ledgers } = await closed(t, WAITING)
  await replaceText(folder, numberKey('g', 2), /"signedAt":"2/, '"signedAt":"6')
  const at = await serviceWorld(t, { folder, ledgers })
  await at.untilUp()
  t.equal(at.service.notary.steadyClock?.aheadMs, 0)
  t.equal(await depositBy(at, (await tokens(folder)).demo), 503)
  t.equal(at.service.notary.progress.sealed.batches, 0)
})

t.test('the year of the sealing mark: no upload expires', async (t) => {
  const before = await serviceWorld(t)
  await deposited(before, 1)
  await untilFinal(before)
  const id = await upload(before)
  await before.close()
  const { folder, ledgers } = before
  await replaceText(folder, SEALED, /"sealedAt":"2/, '"sealedAt":"6')
  const at = await serviceWorld(t, { folder, ledgers })
  t.equal((await asked(at, id)).status, 200)
})

/** An upload of ten bytes, of which there are none. */
async function upload (at: ServiceWorld): Promise<string> {
  const response = await fetch(`${at.service.url}/v1/uploads`, {
    method: 'POST', headers: { authorization: `Bearer ${(await tokens(at.folder)).demo}`, 'tus-resumable': '1.0.0', 'upload-length': '10' }
  })
  return response.headers.get('location')?.split('/').pop() ?? ''
}
/** Asks for an upload, or sends it its first bytes. */
async function asked (at: ServiceWorld, id: string, bytes?: string): Promise<Response> {
  const headers = { authorization: `Bearer ${(await tokens(at.folder)).demo}`, 'tus-resumable': '1.0.0' }
  return await fetch(`${at.service.url}/v1/uploads/${id}`, bytes === undefined
    ? { method: 'HEAD', headers }
    : { method: 'PATCH', headers: { ...headers, 'upload-offset': '0', 'content-type': 'application/offset+octet-stream' }, body: bytes })
}

const KEY_CHANGES: Readonly<Record<string, readonly [RegExp, string]>> = {
  'no JSON': [/^{/, 'x'],
  'another organization': [/"organization":"./, '"organization":"\u0017'],
  'another organization that is one': [/"organization":"[0-9a-f]{16}/, '"organization":"0123456789abcdef'],
  'no organization': [/"organization"/, '"prganization"'],
  'no hash': [/"hash"/, '"gash"'],
  'more scopes': [/"scopes":\["deposit"/, '"scopes":["admin"']
}
for (const [what, [from, to]] of Object.entries(KEY_CHANGES)) {
  t.test(`an API key, ${what}: it opens nothing, the others do, and none is made in its place`, async (t) => {
    const { folder, ledgers } = await closed(t)
    const { admin, demo } = await tokens(folder)
    const id = demo.slice(3, 19)
    await replaceText(folder, textKey('k', id), from, to)
    const at = await serviceWorld(t, { folder, ledgers })
    t.equal(await depositBy(at, demo), 401)
    t.equal(await depositBy(at, admin), 201)
    t.ok(at.said.some((message) => message.startsWith('an API key in the database is not what was written')))
    await at.close()
    t.ok((await localFsck(folder)).examples.some(({ object }) => object === `API key ${id}`))
    const again = await serviceWorld(t, { folder, ledgers })
    t.equal(await depositBy(again, demo), 401)
  })
}

t.test('an API key that is gone: none is made in its place', async (t) => {
  const { folder, ledgers } = await closed(t)
  const { demo } = await tokens(folder)
  const key = textKey('k', demo.slice(3, 19))
  await remove(folder, key)
  const at = await serviceWorld(t, { folder, ledgers })
  t.equal(await depositBy(at, demo), 401)
  await at.close()
  t.notOk((await dump(folder)).has(key.toString('hex')))
})

t.test('an API key under the id of another: it opens nothing', async (t) => {
  const { folder, ledgers } = await closed(t)
  const { demo } = await tokens(folder)
  const key = textKey('k', demo.slice(3, 19))
  await withDatabase(folder, async (db) => {
    await db.write([{ type: 'put', key: textKey('k', '0123456789abcdef'), value: await db.get(key) ?? Buffer.alloc(0) }, { type: 'del', key }])
  })
  t.equal(await depositBy(await serviceWorld(t, { folder, ledgers }), demo), 401)
})

t.test('an upload: it does not go on, its bytes stay, and the service starts', async (t) => {
  const before = await serviceWorld(t)
  const id = await upload(before)
  const other = await upload(before)
  for (const each of [id, other]) t.equal((await asked(before, each, '1234')).status, 204)
  await before.close()
  const { folder, ledgers } = before
  const files = async (): Promise<string[]> => await readdir(join(folder, 'content', 'uploads'))
  const names = await files()
  t.equal(names.length, 2)
  await replaceText(folder, textKey('p', id), /"movedAt":\d/, '"movedAt":0')
  const at = await serviceWorld(t, { folder, ledgers })
  t.equal((await asked(at, id)).status, 500)
  t.equal((await asked(at, other)).status, 200)
  t.same(await files(), names)
  t.equal(at.said.filter((message) => message.startsWith('an upload in the database is not what was written')).length, 1)
})

t.test('the identity of the log: the service does not start, and opens no other log', async (t) => {
  const { folder, ledgers } = await closed(t)
  await replaceText(folder, LOG, /"deadlineMs":8/, '"deadlineMs":9')
  await t.rejects(serviceWorld(t, { folder, ledgers }), { code: 'DAMAGED' })
  t.ok((await localFsck(folder)).examples.some(({ object }) => object === 'log identity'))
})

t.test('the identity of the log, of a version that kept no checksum of it', async (t) => {
  const { folder, ledgers } = await closed(t)
  await remove(folder, checksumKey(LOG))
  const [origin = ''] = ledgers.keys()
  await replaceText(folder, LOG, /"origin":"[^"]*/, `"origin":"${origin.slice(0, -1)}${origin.endsWith('0') ? '1' : '0'}`)
  await t.rejects(serviceWorld(t, { folder, ledgers }), { code: 'LOG_FOREIGN' })
  t.same([...ledgers.keys()], [origin])
})

t.test('the deadline of the log, of a version that kept no checksum of it', async (t) => {
  const { folder, ledgers } = await closed(t)
  await remove(folder, checksumKey(LOG))
  await replaceText(folder, LOG, /"deadlineMs":8/, '"deadlineMs":9')
  await t.rejects(serviceWorld(t, { folder, ledgers }), { code: 'LOG_FOREIGN' })
})

t.test('what an earlier version wrote without a checksum gets one', async (t) => {
  const { folder, ledgers } = await closed(t)
  const whole = await dump(folder)
  const sums = [...whole.keys()].filter((key) => /^79(78|6b)/.test(key)).map((key) => Buffer.from(key, 'hex'))
  t.ok(sums.length >= 3)
  await remove(folder, ...sums)
  const at = await serviceWorld(t, { folder, ledgers })
  await at.untilUp()
  await at.close()
  const after = await dump(folder)
  for (const key of sums) if (!key.toString().endsWith('bundle')) t.equal(after.get(key.toString('hex')), whole.get(key.toString('hex')))
})

t.test('the key id of the last commit group: no other key is suspected', async (t) => {
  const { folder, ledgers } = await closed(t)
  await replaceText(folder, numberKey('g', 2), /"keyId":"...../, '"keyId":"00000')
  const at = await serviceWorld(t, { folder, ledgers })
  await at.untilUp()
})

const BUNDLE_CHANGES = [['bundle-file', /"type"/, '"uype"'], ['bundle', /"scanned"/, '"tcanned"'], ['bundle', /"scanned":"/, '"scanned":"9']] as const
for (const [name, from, to] of BUNDLE_CHANGES) {
  t.test(`${name} with ${to}: it is made anew`, async (t) => {
    const { folder, ledgers } = await closed(t)
    const stored = async (): Promise<string> => await withDatabase(folder, async (db) => String(await db.get(textKey('x', name))))
    const whole = await stored()
    await replaceText(folder, textKey('x', name), from, to)
    const at = await serviceWorld(t, { folder, ledgers })
    const stage = (): ReturnType<typeof at.service.notary.stages[number]['status']> | undefined =>
      at.service.notary.stages.map((each) => each.status()).find((each) => each.name === 'trust-bundle')
    await until(async () => await Promise.resolve(stage()?.lastSuccess !== undefined))
    await deposited(at, 1)
    await untilFinal(at)
    await at.close()
    const shown = (text: string): string => text.replace(/"scanned":"\d+"/, '') // there are more blocks now
    t.equal(shown(await stored()), shown(whole))
  })
}
