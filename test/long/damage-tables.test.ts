/**
 * Bits all over the tables change under the service, again and again. LevelDB checks no block that it reads, and its own assertions may end
 * the process (also that of a tool, so these are run as people run them). What is answered cannot be taken for what it was: a record or a receipt is as
 * before or refused, and a proof that is another one does not verify.
 */
import { spawnSync } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { open, readdir, rm } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t from 'tap'
import { fromHex } from '../../src/core/bytes.js'
import { verify } from '../../src/core/verify.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { confirm } from '../../src/store/doubt.js'
import { serviceCopy, withDatabase } from '../support/damage.js'
import { dataFolder, startService, until, untilReady } from '../support/service.js'

/** Fewer for a quick look. */
const ROUNDS = Number(process.env.STEELYARD_TEST_ROUNDS ?? 100)
const FLIP_EVERY = 512
const MAIN = resolve('dist/src/cli/main.js')
const DAMAGE = ['DAMAGED', 'UNREADABLE', 'CONTENT_MISSING', 'CONTENT_DAMAGED']

/** An answer about a deposit, but for the batch that the index of batches names: the proof is what says it. */
const withoutBatch = (text: string): string => JSON.stringify({ ...JSON.parse(text) as object, batch: '' })

/** Flips a bit of every so many bytes, in place, so that whoever has the file open sees it. */
async function flipBits (path: string, bit: number): Promise<void> {
  const file = await open(path, 'r+')
  const { size } = await file.stat()
  const byte = Buffer.alloc(1)
  for (let at = randomInt(FLIP_EVERY); at < size; at += FLIP_EVERY) {
    await file.read(byte, 0, 1, at)
    byte[0] = (byte[0] as number) ^ bit
    await file.write(byte, 0, 1, at)
  }
  await file.close()
}

t.test(`bits of every table change under the service, ${ROUNDS} times`, { timeout: 3_600_000 }, async (t) => {
  const data = dataFolder(t)
  const first = await startService(data)
  await untilReady(first)
  const digests = new Map<string, string>()
  for (let i = 0; i < 4; i++) {
    await Promise.all(Array.from({ length: 10 }, async () => {
      const sha256 = randomBytes(32).toString('hex')
      digests.set((await first.depositDigests(sha256)).body.number, sha256)
    }))
    await until(async () => (await first.json('/health/ready')).body.deposits.final === digests.size)
  }
  const asked = [...digests].flatMap(([number, sha256]) => (['', '/receipt', '/proof'] as const).map((kind) => ({ path: `/v1/evidence/${number}${kind}`, kind, sha256 })))
  const before = new Map<string, string>()
  for (const { path } of asked) before.set(path, await (await first.call(path)).text())
  const bundle = new Uint8Array(await (await first.call('/v1/trust-bundle')).arrayBuffer())
  await first.stop()
  const second = await startService(data) // what was in the log is in a table now
  await untilReady(second)
  await second.kill() // its network stays

  const said = { same: 0, refused: 0, unknown: 0, refuted: 0, 'another batch': 0, ended: 0 }
  const wrong: unknown[] = []
  const isRefuted = (proof: string, sha256: string): boolean => verify(nodeCrypto, {
    proof: Buffer.from(proof), exhibit: { sha256: fromHex(sha256) }, bundle, bundleSource: 'given', trustAsGiven: true, now: new Date().toISOString()
  }).exitCode !== 0
  const take = ({ path, kind, sha256 }: typeof asked[number], status: number, text: string): void => {
    const was = before.get(path) ?? ''
    if (status === 200 && text === was) said.same++
    else if (status === 500 && DAMAGE.includes((JSON.parse(text) as { code: string }).code)) said.refused++
    else if (status === 404) said.unknown++ // the index of numbers has nothing but its key
    else if (kind === '/proof' && isRefuted(text, sha256)) said.refuted++
    else if (kind === '' && withoutBatch(text) === withoutBatch(was)) said['another batch']++
    else wrong.push({ path, status, text, was })
  }
  t.notOk(asked.some(({ path, kind, sha256 }) => kind === '/proof' && isRefuted(before.get(path) ?? '', sha256)), 'before, each proof verifies')

  for (let round = 0; round < ROUNDS && wrong.length === 0; round++) {
    const folder = await serviceCopy(data, join(data, `copy-${round}`))
    await withDatabase(folder, confirm) // it is a copy, and no old one
    const service = await startService(folder, { STEELYARD_LEDGER: join(data, 'network', 'profiles', 'operator.json') })
    t.teardown(async () => { await service.kill() })
    await untilReady(service)
    const bit = 1 << randomInt(8)
    for (const name of (await readdir(join(folder, 'db'))).filter((each) => each.endsWith('.ldb'))) await flipBits(join(folder, 'db', name), bit)
    try {
      for (const one of asked) {
        const response = await service.call(one.path)
        take(one, response.status, await response.text())
      }
    } catch (error) {
      if ((await service.gone).signal !== 'SIGABRT') throw error
      said.ended++
    }
    await service.kill()
    t.not(spawnSync(process.execPath, [MAIN, 'fsck', '--data', folder, '--no-ledger']).status, 0, 'fsck does not call it clean')
    await rm(folder, { recursive: true })
  }
  t.same(wrong, [])
  t.comment(JSON.stringify(said))
  t.ok(said.refused > 0)
})
