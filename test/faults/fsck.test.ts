/** `steelyard fsck` and `audit` on a real service's data folder: whatever is damaged is named. */
import { readdir, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { contentNames, contentPath } from '../../src/ops/fsck/content.js'
import { readBundle } from '../../src/ops/fsck/service.js'
import type { DifferenceCode } from '../../src/ops/report.js'
import { checksumKey } from '../../src/store/checksums.js'
import { numberKey, readNumber, textKey } from '../../src/store/keys.js'
import { flipBit, flipFileBit, localFsck, remove, replaceText, withDatabase } from '../support/damage.js'
import { operatedFolder } from '../support/operated-folder.js'

const { data, scratch, numbers, copy, steelyard, landmarks } = await operatedFolder(t)

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
    ['place on the ledger', async (folder) => { await replaceText(folder, n('a', last), /"transaction":\d+/, '"transaction":-1') }, 'ATTESTATION_MISSING', new RegExp(`^attestations of batch ${last}$`)],
    ['block', async (folder) => { await flipBit(folder, block) }, 'ATTESTATION_DIFFERS', /^attestations of batch \d+$/],
    ['checksum', async (folder) => { await flipBit(folder, checksumKey(n('c', last))) }, 'CHECKSUM_DIFFERS', new RegExp(`^read-back of batch ${last}$`)],
    ['checksum of block 0', async (folder) => { await flipBit(folder, checksumKey(n('b', 0))) }, 'CHECKSUM_DIFFERS', /^block 0$/],
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

t.test('a signed group under the key of another one', async (t) => {
  const { group } = await landmarks()
  const folder = await copy()
  await withDatabase(folder, async (db) => {
    await db.write([{ type: 'put', key: numberKey('g', 0), value: await db.get(numberKey('g', group)) as Buffer }])
  })
  t.match(await localFsck(folder), { first: { object: 'commit group 0', code: 'GROUP_DIFFERS' }, exitCode: 1 })
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
