/** The command line without a service: verification, trust and usage. Every call is a process of its own, as people run it. */
import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { pathToFileURL } from 'node:url'
import t from 'tap'
import { type Receipt, receiptBytes } from '../../src/core/receipt.js'
import { DEADLINE_MS, EvidenceWorld, type Made } from '../support/evidence-world.js'

const MAIN = resolve('dist/src/cli/main.js')
const folder = mkdtempSync(join(tmpdir(), 'steelyard-cli-'))
t.teardown(() => { rmSync(folder, { recursive: true }) })
const path = (name: string): string => join(folder, name)

const world = new EvidenceWorld(4)
const [made] = world.anchor([{ fields: [{ name: 'fileName', value: '合同.pdf' }], disclose: ['fileName'] }]) as [Made]
const other = new EvidenceWorld(4)
writeFileSync(path('合同.pdf'), made.content)
writeFileSync(path('other.pdf'), 'another file')
writeFileSync(path('p.json'), made.bytes)
writeFileSync(path('r.json'), made.receiptBytes)
writeFileSync(path('trust.json'), world.bundleBytes())
writeFileSync(path('other-trust.json'), other.bundleBytes())
writeFileSync(path('pretty.json'), JSON.stringify(JSON.parse(Buffer.from(made.bytes).toString()), null, 2))
writeFileSync(path('status.json'), world.status(DEADLINE_MS + 60_000))

interface Run { readonly code: number | null, readonly out: string, readonly err: string }

function cli (args: readonly string[], { node = [], home = folder }: { node?: readonly string[], home?: string } = {}): Run {
  const { status, stdout, stderr } = spawnSync(process.execPath, [...node, MAIN, ...args], {
    cwd: folder, encoding: 'utf8', env: { PATH: process.env.PATH, HOME: home, XDG_CONFIG_HOME: join(home, 'config') }
  })
  return { code: status, out: stdout, err: stderr }
}

const json = ({ out }: Run): any => JSON.parse(out)
const PROOF = ['verify', '合同.pdf', '--proof', 'p.json', '--trust', 'trust.json']

t.test('exit codes are those of the report', async (t) => {
  const pinned = cli([...PROOF, '--pin', world.fingerprint])
  t.equal(pinned.code, 0, pinned.err)
  t.match(pinned.out, 'Consistent with what was deposited')
  t.match(pinned.out, 'Court')
  t.equal(cli([...PROOF, '--trust-as-given']).code, 0)
  const grouped = (world.fingerprint.toUpperCase().match(/.{4}/g) ?? []).join(' ')
  t.equal(cli([...PROOF, '--pin', grouped]).code, 0, 'a fingerprint as it was printed')

  const unpinned = cli(PROOF)
  t.equal(unpinned.code, 2)
  t.match(unpinned.out, /not pinned/)
  t.equal(cli([...PROOF, '--pin', other.fingerprint]).code, 2, 'another pin')
  t.equal(cli(['verify', '合同.pdf', '--proof', 'p.json', '--pin', world.fingerprint]).code, 2, 'no bundle')
  t.equal(cli(['verify', '--proof', 'p.json', '--trust', 'trust.json', '--pin', world.fingerprint]).code, 2, 'no file')
  t.equal(cli(['verify', '合同.pdf', '--proof', 'p.json', '--trust', 'other-trust.json', '--trust-as-given']).code === 0, false)

  const differs = cli(['verify', 'other.pdf', '--proof', 'p.json', '--trust', 'trust.json', '--pin', world.fingerprint])
  t.equal(differs.code, 1)
  t.match(differs.out, 'integrity  differs')
  const resaved = cli(['verify', '合同.pdf', '--proof', 'pretty.json', '--trust', 'trust.json', '--pin', world.fingerprint, '--json'])
  t.equal(resaved.code, 2)
  t.match(json(resaved).findings, [{ code: 'DOCUMENT_RESAVED' }])
  t.equal(cli([...PROOF, '--trust-as-given', '--min-organizations', '4']).code, 2, 'more organizations than there are')
})

t.test('report in two languages and as JSON', async (t) => {
  const chinese = cli([...PROOF, '--pin', world.fingerprint, '--lang', 'zh'])
  t.match(chinese.out, '与存证内容一致')
  t.match(chinese.out, '完整性')
  const report = json(cli([...PROOF, '--pin', world.fingerprint, '--json']))
  t.match(report, { type: 'steelyard/report/v1', exitCode: 0, outcome: 'consistent', trust: { state: 'pinned', fingerprint: world.fingerprint } })
  t.equal(cli([...PROOF, '--lang', 'fr']).code, 64)
})

t.test('a reader that leaves early changes no result; output that cannot be written does', async (t) => {
  const code = async (args: readonly string[]): Promise<unknown> => {
    const child = spawn(process.execPath, [MAIN, ...args], { cwd: folder, env: { HOME: folder }, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.destroy()
    child.stderr.destroy()
    return (await once(child, 'exit'))[0]
  }
  t.equal(await code([...PROOF, '--pin', world.fingerprint]), 0)
  t.equal(await code(PROOF), 2)
  t.equal(await code(['verify', '合同.pdf', '--nonsense']), 64)
  if (!existsSync('/dev/full')) return
  const full = spawnSync('/bin/sh', ['-c', '"$@" > /dev/full', 'sh', process.execPath, MAIN, ...PROOF, '--trust-as-given'], { cwd: folder, env: { HOME: folder } })
  t.equal(full.status, 1)
})

t.test('receipts', async (t) => {
  const kept = cli(['verify', '合同.pdf', '--receipt', 'r.json', '--proof', 'p.json', '--trust', 'trust.json', '--pin', world.fingerprint, '--json'])
  t.equal(kept.code, 0, kept.err)
  t.match(json(kept).findings.find((one: { name: string }) => one.name === 'promise'), { state: 'consistent' })
  const alone = cli(['verify', '--receipt', 'r.json', '--trust', 'trust.json', '--trust-as-given', '--json'])
  t.equal(alone.code, 2, 'a receipt alone is no ledger proof')
  t.ok(json(alone).findings.some((one: { name: string }) => one.name === 'promise'))
  const status = cli(['verify', '--receipt', 'r.json', '--status', 'status.json', '--trust', 'trust.json', '--trust-as-given', '--json'])
  t.match(json(status).findings.find((one: { name: string }) => one.name === 'promise').code, /^PROMISE_/)
})

t.test('two receipts are compared', async (t) => {
  const { record } = made.proof
  const write = (name: string, change: Partial<typeof record>): void => {
    const [receipt] = world.receipts([{ ...record, ...change }])
    writeFileSync(path(name), receiptBytes(receipt as Receipt))
  }
  write('other-number.json', { number: `${record.number.slice(0, 19)}${record.number.endsWith('0') ? '1' : '0'}` })
  write('next.json', { sequence: '7' })
  const compare = (second: string, ...more: string[]): Run => cli(['verify', '--receipt', 'r.json', '--receipt', second, '--trust', 'trust.json', ...more])
  const pin = ['--pin', world.fingerprint]
  const twice = compare('other-number.json', ...pin, '--json')
  t.equal(twice.code, 1, twice.err)
  t.match(json(twice), { comparison: 'equivocation', exitCode: 1, receipts: [{ sequence: '0' }, { sequence: '0' }], trust: { state: 'pinned' } })
  t.match(compare('other-number.json', ...pin, '--lang', 'zh'), { code: 1, out: '矛盾' })
  t.match(json(compare('r.json', ...pin, '--json')), { comparison: 'same', exitCode: 0 })
  t.match(json(compare('next.json', '--trust-as-given', '--json')), { comparison: 'unrelated', exitCode: 0 })
  const unpinned = compare('other-number.json', '--json')
  t.equal(unpinned.code, 2, 'whose key it is was not checked')
  t.match(json(unpinned), { comparison: 'unsigned' })
  t.match(json(compare('p.json', ...pin, '--json')), { comparison: 'unreadable', exitCode: 2 })
  t.match(compare('missing.json', ...pin), { code: 2, err: /missing\.json/ })
  t.equal(compare('next.json', ...pin, '--receipt', 'r.json').code, 64, 'three')
  t.equal(compare('next.json', ...pin, '--proof', 'p.json').code, 64)
  t.equal(cli(['verify', '合同.pdf', '--receipt', 'r.json', '--receipt', 'r.json']).code, 64)
})

t.test('pins: shown, stored, used, and never for another log', async (t) => {
  const home = join(folder, 'home')
  const shown = cli(['trust', 'show', 'trust.json', '--json'], { home })
  t.match(json(shown), { fingerprint: world.fingerprint, pinned: false, identity: { channel: 'evidence' } })
  t.match(cli(['trust', 'show', 'trust.json'], { home }).out, (world.fingerprint.match(/.{4}/g) ?? []).join(' '))
  t.equal(cli(PROOF, { home }).code, 2)

  for (const source of [[], ['--from', ''], ['--from', 'x'.repeat(257)]]) t.equal(cli(['trust', 'pin', 'trust.json', ...source], { home }).code, 64, 'from nowhere')
  t.notOk(existsSync(join(home, 'config/steelyard/pins.json')))
  t.match(json(cli(['trust', 'pin', 'trust.json', '--fingerprint', world.fingerprint, '--json'], { home: join(folder, 'typed') })), { from: /typed/ })
  t.match(cli(PROOF, { home: join(folder, 'typed') }), { code: 0, out: /typed in/ })
  t.equal(cli(['trust', 'pin', 'trust.json', '--fingerprint', other.fingerprint], { home }).code, 1, 'not what was published')
  t.equal(cli(PROOF, { home }).code, 2, 'and so not pinned')
  const pinned = cli(['trust', 'pin', 'trust.json', '--fingerprint', world.fingerprint, '--from', 'the gazette', '--json'], { home })
  t.equal(pinned.code, 0, pinned.err)
  t.equal(json(pinned).fingerprint, world.fingerprint)
  t.equal(statSync(join(home, 'config/steelyard/pins.json')).mode & 0o777, 0o600)
  const verified = cli([...PROOF], { home })
  t.equal(verified.code, 0)
  t.match(verified.out, 'the gazette')
  t.match(json(cli(['trust', 'show', 'trust.json', '--json'], { home })), { pinned: true, from: 'the gazette' })

  // The same log under another identity: the stored pin does not match, and is not overruled.
  const foreign = cli(['verify', '合同.pdf', '--proof', 'p.json', '--trust', 'other-trust.json', '--trust-as-given', '--json'], { home })
  t.equal(json(foreign).trust.state, 'pin-differs')
  writeFileSync(join(home, 'config/steelyard/pins.json'), '{"pins":[{"fingerprint":"x"}]}')
  t.match(cli(PROOF, { home }).err, /pins\.json is damaged/)
})

t.test('wrong calls and unreadable files end in one line', async (t) => {
  const oneLine = (run: Run, code: number, text: RegExp): void => {
    t.equal(run.code, code)
    t.match(run.err, text)
    t.notMatch(run.err, /\n {4}at /)
  }
  oneLine(cli(['verify', '合同.pdf']), 64, /give --proof P or --receipt R/)
  oneLine(cli(['verify', '合同.pdf', '--nonsense']), 64, /unknown option/)
  oneLine(cli(['nonsense']), 64, /unknown command/)
  oneLine(cli([...PROOF, '--pin', 'abc']), 64, /64 hexadecimal digits/)
  oneLine(cli([...PROOF, '--pin', world.fingerprint, '--trust-as-given']), 64, /cannot be used with/)
  oneLine(cli(['verify', 'missing.pdf', '--proof', 'p.json']), 2, /cannot read missing\.pdf: no such file/)
  oneLine(cli(['verify', '.', '--proof', 'p.json']), 2, /cannot read/)
  oneLine(cli(['verify', '合同.pdf', '--proof', 'missing.json']), 2, /missing\.json/)
  oneLine(cli(['trust', 'show', 'pretty.json']), 1, /not a trust bundle/)
  oneLine(cli(['proof', '--upgrade', 'p.json', '--disclose', 'fileName']), 64, /--upgrade keeps what a proof discloses/)
  oneLine(cli(['proof', 'K7QF']), 64, /not an evidence number/)
  oneLine(cli(['deposit', '合同.pdf', '--url', 'http://127.0.0.1:1', '--key', 'k']), 1, /is the service running/)
  oneLine(cli(['deposit', '合同.pdf', '--url', 'http://127.0.0.1:1']), 1, /no API key/)
  t.match(json(cli(['deposit', '合同.pdf', '--url', 'http://127.0.0.1:1', '--json'])), { error: { code: 'KEY_MISSING' } })
  t.equal(cli(['--help']).code, 0)
  for (const name of ['serve', 'deposit', 'proof', 'trust', 'verify', 'network', 'doctor']) t.equal(cli([name, '--help']).code, 0, name)
  for (const name of ['deposit', 'proof', 'verify']) t.match(cli([name, '--help']).out, /Examples:/)
})

t.test('a typo in a number is located, never looked up', async (t) => {
  const { number } = made.proof.record
  const typo = `${number.slice(0, 6)}${number[6] === 'A' ? 'B' : 'A'}${number.slice(7)}`
  const run = cli(['proof', typo, '--key', 'k', '--url', 'http://127.0.0.1:1'])
  t.equal(run.code, 64)
  t.match(run.err, /character 7 of the number is wrong/)
})

t.test('verification loads core and platform, and no other part of the program', async (t) => {
  // A loader that writes down every module. Its own file, since hooks run on another thread.
  const seen = path('modules.txt')
  writeFileSync(path('hooks.mjs'), `import { appendFileSync } from 'node:fs'
export async function load (url, context, next) { appendFileSync(${JSON.stringify(seen)}, url + '\\n'); return next(url, context) }`)
  writeFileSync(path('register.mjs'), `import { register } from 'node:module'\nregister(${JSON.stringify(pathToFileURL(path('hooks.mjs')).href)})`)
  const run = cli([...PROOF, '--receipt', 'r.json', '--pin', world.fingerprint], { node: ['--import', pathToFileURL(path('register.mjs')).href] })
  t.equal(run.code, 0, run.err)
  t.ok(existsSync(seen))
  const modules = readFileSync(seen, 'utf8').split('\n')
  const own = modules.filter((url) => url.includes('/dist/') && !url.includes('/node_modules/')).map((url) => url.slice(url.indexOf('/dist/') + 6))
  t.ok(own.includes('src/core/verify.js'), 'the list is not empty')
  t.strictSame(own.filter((name) => !/^src\/(core|platform|cli)\//.test(name)), [])
  const packages = new Set(modules.flatMap((url) => /node_modules\/((?:@[^/]+\/)?[^/]+)/.exec(url)?.[1] ?? []))
  for (const name of packages) t.ok(PACKAGES.has(name), name)
  t.notOk(modules.some((url) => /^node:(http|https|net|tls|dgram|child_process|worker_threads)$/.test(url)), 'nothing that reaches a network')
})
const PACKAGES = new Set(['commander', '@noble/curves', '@noble/hashes'])
