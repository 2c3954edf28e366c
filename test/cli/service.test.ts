/** The command line against a real service on a real embedded network, and the README's quick start as it is printed. */
import { execFile } from 'node:child_process'
import { createHash, randomBytes } from 'node:crypto'
import { mkdirSync, readdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import t from 'tap'
import { freePorts } from '../../network/embedded/free-ports.js'
import { dataFolder, startService, stopNetwork, untilReady } from '../support/service.js'

const MAIN = resolve('dist/src/cli/main.js')

interface Run { readonly code: number, readonly out: string, readonly err: string }

/** Asynchronous, since the fake services of these tests run in this process. */
async function run (command: string, args: readonly string[], cwd: string, env: Readonly<Record<string, string>> = {}): Promise<Run> {
  return await new Promise((resolve) => {
    const options = { cwd, encoding: 'utf8', env: { PATH: process.env.PATH, HOME: cwd, ...env }, maxBuffer: 1e8 } as const
    const child = execFile(command, [...args], options, (error, out, err) => {
      resolve({ code: error === null ? 0 : child.exitCode ?? -1, out, err })
    })
  })
}

const json = ({ out }: Run): any => JSON.parse(out)

t.test('deposit, proof, trust, offline verification, network and doctor', async (t) => {
  const work = t.testdir({ 'photo.jpg': randomBytes(300_000).toString('latin1'), 'notes.txt': '你好\n', empty: '' })
  const data = dataFolder(t)
  const service = await startService(data)
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  const env = { STEELYARD_URL: service.url, STEELYARD_DATA: data }
  const cli = async (...args: string[]): Promise<Run> => await run(process.execPath, [MAIN, ...args], work, env)

  const deposited = await cli('deposit', 'photo.jpg', '--wait', '--metadata', '{"case":"2026-114"}', '--json')
  t.equal(deposited.code, 0, deposited.err)
  const { number, state, saved } = json(deposited)
  t.equal(state, 'final')
  t.equal(statSync(join(work, saved.secret)).mode & 0o777, 0o600)
  t.equal(saved.receipt, `photo.jpg.${number}.receipt.json`)

  const several = await cli('deposit', 'notes.txt', 'empty', 'photo.jpg', '--digest-only', '--out', 'kept', '--json')
  t.equal(several.code, 1, 'one of them was refused')
  t.match(json(several), [{ state: /received|sealed|anchored|final/ }, { file: 'empty' }, { file: 'photo.jpg' }])
  t.ok(readdirSync(join(work, 'kept')).length >= 4)
  t.match(await cli('deposit', 'empty'), { code: 1, err: /empty is empty/ })
  t.match(await cli('deposit', 'notes.txt', '--key', 'sk_0000000000000000.wrong'), { code: 1 })

  t.match(await cli('proof', number.toLowerCase(), '-o', 'p.json'), { code: 0, out: /complete/ })
  const served = await service.call(`/v1/evidence/${number}/proof`)
  t.equal(readFileSync(join(work, 'p.json'), 'utf8'), await served.text(), 'byte for byte')
  t.match(await cli('proof', '--upgrade', 'p.json'), { code: 0 })
  t.equal((await cli('proof', number, '-o', '-')).out, readFileSync(join(work, 'p.json'), 'utf8'))
  t.match(await cli('proof', number, '--disclose', 'case', '--disclose', 'fileName', '-o', 'open.json'), { code: 0, out: /discloses case, fileName/ })
  t.match(JSON.parse(readFileSync(join(work, 'open.json'), 'utf8')).disclosures, [{ name: 'case', value: '2026-114' }, { name: 'fileName', value: 'photo.jpg' }])
  t.match(await cli('proof', number, '--disclose', 'nonsense', '-o', 'none.json', '--json'), { code: 1, out: /FIELD_UNKNOWN/ })
  t.match(await cli('trust', 'status', '-o', 'status.json'), { code: 0, out: /--status status\.json/ })
  const again = await service.call('/v1/log/status', { key: false })
  t.match(again.headers.get('cache-control'), /max-age/)
  t.equal(readFileSync(join(work, 'status.json'), 'utf8'), await again.text(), 'one answer serves everybody for a while')
  writeFileSync(join(work, 'trust.json'), await (await service.call('/v1/trust-bundle')).text())

  t.match(await cli('network', 'status'), { code: 0, out: /endorsing majority yes/ })
  t.match(json(await cli('network', 'status', '--json')), { running: true, channel: 'evidence' })
  const doctor = await cli('doctor', '--json')
  t.match(json(doctor), { ok: true }, doctor.out)
  for (const name of ['node', 'data', 'disk', 'credentials', 'port', 'service', 'clock', 'ready', 'ledger', 'identity']) {
    t.ok(json(doctor).checks.some((check: { name: string, level: string }) => check.name === name && check.level !== 'problem'), name)
  }

  // A ledger that is somebody else's: its nodes are those of the connection profile.
  const foreign = { ...env, STEELYARD_LEDGER: join(data, 'network', 'profiles', 'operator.json') }
  const profile = json(await run(process.execPath, [MAIN, 'doctor', '--json'], work, foreign))
  t.match(profile.checks.filter(({ name }: { name: string }) => ['peers', 'orderers'].includes(name)), [{ level: 'ok' }, { level: 'ok' }])
  t.match(json(await run(process.execPath, [MAIN, 'doctor', '--json'], work, { ...env, STEELYARD_LEDGER: join(work, 'notes.txt') })).checks
    .find(({ name }: { name: string }) => name === 'ledger'), { level: 'problem' })

  // A ledger that cannot order any more: said by status and doctor, and mended by start.
  t.match(await cli('network', 'stop', 'operator'), { code: 0, out: /ordering quorum NO/ })
  const sick = await cli('doctor', '--json')
  t.equal(sick.code, 1)
  t.match(json(sick).checks.find((check: { name: string }) => check.name === 'ledger'), { level: 'problem', advice: 'steelyard network start ORG' })
  t.match(json(await run(process.execPath, [MAIN, 'doctor', '--json'], work, foreign)).checks
    .find(({ name }: { name: string }) => name === 'orderers'), { level: 'problem', says: /0 of 1 answer/ })
  t.match(await cli('network', 'start', 'operator'), { code: 0, out: /ordering quorum yes/ })
  t.match(await cli('network', 'stop', 'nobody'), { code: 1, err: /no organization nobody/ })

  t.equal(await service.stop(), 0)
  await stopNetwork(data)
  t.match(await cli('network', 'status'), { code: 1 })
  t.match(await cli('doctor'), { code: 1, out: /nothing listens/ })

  const { fingerprint } = json(await cli('trust', 'show', 'trust.json', '--json'))
  const verify = ['verify', 'photo.jpg', '--proof', 'p.json', '--trust', 'trust.json']
  t.equal((await cli(...verify, '--pin', fingerprint)).code, 0)
  t.equal((await cli(...verify)).code, 2)
  t.equal((await cli(...verify, '--receipt', saved.receipt, '--pin', fingerprint)).code, 0)
  const promise = await cli('verify', '--receipt', saved.receipt, '--status', 'status.json', '--trust', 'trust.json', '--pin', fingerprint, '--json')
  t.match(json(promise).findings.find((one: { name: string }) => one.name === 'promise'), { code: 'PROMISE_POSITION_FILLED' })
})

t.test('an answer that does not verify is not taken for a success', async (t) => {
  const work = t.testdir({ 'a.txt': 'a', 'b.txt': 'b' })
  const service = await startService(dataFolder(t))
  t.teardown(async () => { await service.kill() })
  await untilReady(service)
  // A dishonest front: it answers every deposit with the answer of an earlier one, changed as the test says.
  const { body: earlier } = await service.json('/v1/evidence/digests', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      sha256: 'ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb', sm3: createHash('sm3').update('a').digest('hex'), size: 1
    })
  })
  const bundle = await (await service.call('/v1/trust-bundle')).text()
  let answer: unknown = earlier
  const front = createServer((request, response) => {
    request.resume().on('end', () => {
      response.writeHead(request.method === 'POST' ? 201 : 200, { 'content-type': 'application/json' })
        .end(request.url === '/v1/trust-bundle' ? bundle : JSON.stringify(answer))
    })
  })
  await new Promise<void>((resolve) => { front.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { front.closeAllConnections(); front.close() })
  const url = `http://127.0.0.1:${(front.address() as AddressInfo).port}`
  const deposit = async (file: string): Promise<Run> => await run(process.execPath, [MAIN, 'deposit', file, '--digest-only', '--no-name', '--url', url, '--key', 'k', '--json'], work)
  const refused = async (name: string, file: string, value: unknown): Promise<void> => {
    answer = value
    const result = await deposit(file)
    t.equal(result.code, 1, name)
    t.match(json(result).error.code, /^(CHECK|PROTOCOL)$/, name)
    t.notOk(readdirSync(work).some((entry) => entry.endsWith('.receipt.json')), `${name}: nothing was kept`)
  }

  await refused('the digests of another file', 'b.txt', earlier)
  await refused('another number', 'a.txt', { ...earlier, number: '00000000000000000000' })
  await refused('a changed record', 'a.txt', { ...earlier, receipt: { ...earlier.receipt, record: { ...earlier.receipt.record, receivedAt: '2020-01-01T00:00:00.000Z' } } })
  await refused('a changed promise', 'a.txt', { ...earlier, receipt: { ...earlier.receipt, statement: { ...earlier.receipt.statement, deadline: '2099-01-01T00:00:00.000Z' } } })
  await refused('a signature of nobody', 'a.txt', { ...earlier, receipt: { ...earlier.receipt, signature: 'A'.repeat(86) } })
  await refused('no receipt', 'a.txt', { ...earlier, receipt: undefined })
  await refused('no JSON', 'a.txt', undefined)
  answer = earlier
  t.equal((await deposit('a.txt')).code, 0, 'the honest answer')
})

t.test('the quick start of the README', async (t) => {
  const [, script = ''] = /<!-- quick-start -->\n```sh\n([\s\S]+?)```/.exec(readFileSync('README.md', 'utf8')) ?? []
  const [, chinese] = /<!-- quick-start -->\n```sh\n([\s\S]+?)```/.exec(readFileSync('README.zh-CN.md', 'utf8')) ?? []
  t.equal(chinese?.replace(/ +#.*$/gm, ''), script.replace(/ +#.*$/gm, ''), 'the same commands in both languages')
  const root = t.testdir({ clone: {} })
  const clone = join(root, 'clone')
  symlinkSync(resolve('scripts'), join(clone, 'scripts'))
  mkdirSync(join(root, 'home'))
  const data = dataFolder(t)
  const [port = 0] = await freePorts(1)
  const result = await run('bash', ['-e', '-c', script], clone, {
    STEELYARD_DATA: data, STEELYARD_PORT: String(port), STEELYARD_LOG_LEVEL: 'silent', HOME: join(root, 'home'), NO_PREPARE: '1'
  })
  t.equal(result.code, 0, `${result.out}\n${result.err}`)
  t.match(result.out, 'Consistent with what was deposited')
})
