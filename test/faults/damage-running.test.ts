/** The database's files change or go under the running service: what is touched is refused by name, and what was acknowledged is there afterwards. */
import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import t from 'tap'
import type { Receipt } from '../../src/core/receipt.js'
import { changeIn, localFsck } from '../support/damage.js'
import { createPromises } from '../support/promises.js'
import { type Answer, dataFolder, type RunningService, startService, until, untilReady } from '../support/service.js'

/** A proof that discloses the one metadata field that the deposits have. */
const DISCLOSED = '/proof?disclose=case'

const ready = async (service: RunningService): Promise<any> => (await service.json('/health/ready')).body
const metrics = async (service: RunningService): Promise<string> => await (await service.call('/metrics')).text()
const files = async (data: string, name: RegExp): Promise<string[]> =>
  (await readdir(join(data, 'db'))).filter((each) => name.test(each)).sort().map((each) => join(data, 'db', each))
const steelyard = (...args: string[]): { status: number | null, stdout: string, stderr: string } =>
  spawnSync(process.execPath, [resolve('dist/src/cli/main.js'), ...args], { encoding: 'utf8', env: { PATH: process.env.PATH } })

interface Alone { readonly number: string, readonly secretCase: string, readonly receipt: Receipt }

/** Deposits a file with one metadata field; resolves when that is final, so that group and batch are its own. */
async function depositAlone (service: RunningService): Promise<Alone> {
  const secretCase = randomBytes(32).toString('hex')
  const form = new FormData()
  form.set('file', new Blob([randomBytes(3000)]), 'exhibit.bin')
  form.set('metadata', JSON.stringify({ case: secretCase }))
  const { body } = await service.json('/v1/evidence', { method: 'POST', body: form })
  await until(async () => (await service.json(`/v1/evidence/${body.number as string}?wait=final`)).body.state === 'final')
  return { number: body.number, secretCase, receipt: body.receipt }
}

t.test('bits of tables change under the service: what they touch is refused by name, and nothing else', { timeout: 120_000 }, async (t) => {
  const data = dataFolder(t)
  const first = await startService(data)
  await untilReady(first)
  const deposits: Alone[] = []
  for (let i = 0; i < 12; i++) deposits.push(await depositAlone(first))
  const [, , ofRecord, ofGroup, ofHeader, ofMetadata, ofNumber, ofReadback, ofBlock] = deposits as [Alone, Alone, Alone, Alone, Alone, Alone, Alone, Alone, Alone]
  const { body: { batch } } = await first.json(`/v1/evidence/${ofHeader.number}`)
  const { body: { header } } = await first.json(`/v1/batches/${batch as string}`)
  const attested = async ({ number }: Alone, index: 0 | 1): Promise<any> => (await first.json(`/v1/evidence/${number}/proof`)).body.attestations[index].data
  const ofProof = { '/proof': 'DAMAGED', [DISCLOSED]: 'DAMAGED' }
  /** What changes of which deposit, and which of its answers have to say so. */
  const everywhere = (code: string): Record<string, string> => ({ '': code, '/receipt': code, '/proof': code, [DISCLOSED]: code })
  const changes: [Alone, string, Record<string, string>][] = [
    [ofRecord, ofRecord.receipt.record.content.digests.sha256, everywhere('DAMAGED')],
    [ofGroup, ofGroup.receipt.signature, { '/receipt': 'DAMAGED', ...ofProof }],
    [ofHeader, header.previousHead, ofProof],
    [ofReadback, (await attested(ofReadback, 1)).endorsements[0].signature, ofProof],
    [ofBlock, (await attested(ofBlock, 0)).previousHash, ofProof],
    [ofMetadata, ofMetadata.secretCase, { [DISCLOSED]: 'DAMAGED' }],
    // The index of numbers has nothing but its key: one that changed cannot be told from one that never was. `fsck` names it.
    [ofNumber, ofNumber.number.slice(4), everywhere('NUMBER_UNKNOWN')]
  ]
  const expected = new Map<string, string>()
  for (const deposit of deposits) {
    const codes = changes.find(([changed]) => changed === deposit)?.[2] ?? {}
    for (const path of Object.keys(everywhere(''))) {
      const address = `/v1/evidence/${deposit.number}${path}`
      const before = await (await first.call(address)).text()
      expected.set(address, codes[path] ?? before)
    }
  }
  t.equal(await first.stop(), 0)

  const service = await startService(data) // what was in the log is in a table now, and nothing of it was read
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  for (const [, text] of changes) await changeIn(await files(data, /\.ldb$/), text)
  for (const [path, answer] of expected) {
    const response = await service.call(path)
    const text = await response.text()
    t.equal(response.status === 200 ? text : (JSON.parse(text) as { code: string }).code, answer, path)
  }
  t.match(await metrics(service), /^steelyard_damage_total{code="DAMAGED"} \d/m)
  t.equal((await service.call('/health/live')).status, 200, 'and it lives')
  await service.kill()
  t.not((await localFsck(data)).exitCode, 0, 'fsck does not call it clean')
})

t.test('the log that is written to is removed: what only it had is written anew, without hands', { timeout: 120_000 }, async (t) => {
  const data = dataFolder(t)
  let service = await startService(data)
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  const promises = createPromises(data)
  await promises.deposit(service)
  const logs = await files(data, /\.log$/)
  for (const log of logs) await rm(log)
  await promises.deposit(service)
  await until(async () => (await files(data, /\.log$/)).length > 0)
  await untilReady(service)
  await promises.deposit(service)
  await service.kill()
  service = await startService(data)
  await untilReady(service)
  await promises.check(t, service)
})

t.test('tables and MANIFEST are removed: no more is acknowledged, a backup saves what was, and a start names it', { timeout: 120_000 }, async (t) => {
  const data = dataFolder(t)
  const first = await startService(data)
  await untilReady(first)
  const promises = createPromises(data)
  await promises.deposit(first)
  await first.stop()
  let service = await startService(data)
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  await promises.deposit(service)
  await promises.check(t, service) // everything was read, so that it is open
  for (const file of [...await files(data, /\.ldb$/), ...await files(data, /^MANIFEST/)]) await rm(file)
  let refused: Answer | undefined
  await until(async () => {
    const answer = await service.depositDigests(randomBytes(32).toString('hex'))
    promises.remember(answer)
    if (answer.status !== 201) refused = answer
    return refused !== undefined
  })
  t.match(refused, { status: 503, body: { code: 'STORE_DAMAGED', detail: /\.ldb is missing|MANIFEST-\d+ is missing/ } })
  t.match(await ready(service), { status: 'not-ready', intake: 'closed', reasons: ['STORE_DAMAGED'] })
  t.match(await metrics(service), /^steelyard_not_ready{reason="STORE_DAMAGED"} 1$/m)
  t.match(steelyard('doctor', '--data', data, '--url', service.url).stdout, /not ready \(STORE_DAMAGED\)[^]*do not stop it; take `steelyard backup`/)

  await until(async () => (await ready(service)).deposits.final === promises.size)
  const [file, restored] = [join(data, 'saved.tar'), join(data, 'restored')]
  const backup = steelyard('backup', file, '--data', data, '--url', service.url)
  t.equal(backup.status, 0, backup.stderr)
  await service.kill()
  await t.rejects(startService(data), { signal: null, message: /does not open|is missing|rebuild-index --repair/ })

  t.equal(steelyard('import', file, '--data', restored).status, 0)
  const profile = join(data, 'network', 'profiles', 'operator.json')
  const confirmed = steelyard('reconcile', '--data', restored, '--ledger', profile, '--go-on')
  t.equal(confirmed.status, 0, confirmed.stdout + confirmed.stderr)
  await writeFile(join(restored, 'credentials.json'), await readFile(join(data, 'credentials.json')), { mode: 0o600 })
  service = await startService(restored, { STEELYARD_LEDGER: profile, STEELYARD_RECEIPT_KEY_FILE: join(data, 'keys', 'receipt.pem') })
  await untilReady(service)
  await promises.deposit(service)
  await promises.check(t, service)
})
