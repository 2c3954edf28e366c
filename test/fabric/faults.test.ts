/**
 * Faults of a real consortium under the service: what readiness, metrics and `doctor` say of each, that nothing acknowledged is lost or
 * twice, and that all is final afterwards. One network and one data folder for all of them, one fault after the other.
 */
import { execFileSync, spawn } from 'node:child_process'
import { createHash, X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { cpSync, existsSync, mkdtempSync, readFileSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { createKeyPair, issueCertificate } from '../../network/embedded/crypto/certificates.js'
import { networkReset, networkStatus, networkUp, restartNodes, revokeIdentity, stopNodes } from '../../network/native/client.js'
import { findBinaries } from '../../network/native/binaries.js'
import { layoutOf } from '../../network/native/layout.js'
import { networkOf, nodeContext } from '../../network/native/network.js'
import { nodeProgram } from '../../network/native/nodes.js'
import { startProcess } from '../../network/native/processes.js'
import { requireState } from '../../network/native/state.js'
import { createWallet } from '../../src/ledger/identity/wallet.js'
import { type Answer, type RunningService, startService, until } from '../support/service.js'
import { fabricBinaries } from './binaries.js'

const { skip } = fabricBinaries()
/** The default one; STEELYARD_LEDGER_CLIENT=fabric-gateway runs the same with the other. */
const CLIENT = process.env.STEELYARD_LEDGER_CLIENT ?? 'fabric-network'

/** What `/health/ready` says, as far as it is looked at. */
interface Ready {
  readonly status: string
  readonly ledger: string
  readonly reasons: readonly string[]
  readonly detail?: string
  readonly stalled?: { readonly code: string, readonly error: string }
  readonly deposits: { readonly received: number, readonly final: number }
  readonly organizations: ReadonlyArray<{ readonly mspId: string, readonly endorses: boolean, readonly code?: string }>
}

interface Check { readonly name: string, readonly level: string, readonly says: string, readonly advice?: string }

t.test('faults of a consortium', { skip, timeout: 580_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'steelyard-faults-'))
  const data = join(dir, 'service')
  t.teardown(async () => {
    await networkReset(dir)
    rmSync(dir, { recursive: true, force: true })
  })
  const { profile } = await networkUp({ dir, chaincode: 'chaincode' })
  const start = async (folder = data, ledger = profile): Promise<RunningService> => await startService(folder, {
    STEELYARD_LEDGER: ledger, STEELYARD_LEDGER_CLIENT: CLIENT
  })
  let service = await start()
  t.teardown(async () => { await service.kill() })
  const acknowledged: Array<{ number: string, sequence: string }> = []

  const ready = async (of = service): Promise<Ready> => (await of.json('/health/ready', { key: false })).body as Ready
  const deposit = async (of = service): Promise<Answer> => {
    const answer = await of.depositDigests(createHash('sha256').update(`${dir} ${acknowledged.length}`).digest('hex'))
    t.equal(answer.status, 201, 'accepted and receipted')
    if (of === service) acknowledged.push(answer.body as { number: string, sequence: string })
    return answer
  }
  /** Everything that was acknowledged, and nothing else, is final. */
  const allFinal = async (): Promise<void> => {
    await until(async () => (await ready()).deposits.final >= acknowledged.length)
    t.match((await ready()).deposits, { received: acknowledged.length, final: acknowledged.length })
    await until(async () => (await ready()).status === 'ready')
    t.match(await metric('steelyard_ledger_up'), [1])
  }
  const metric = async (name: string): Promise<number[]> => {
    const text = await (await service.call('/metrics', { key: false })).text()
    return text.split('\n').filter((line) => line.startsWith(name)).map((line) => Number(line.slice(line.lastIndexOf(' '))))
  }
  const doctor = async (of = service, folder = data, ledger = profile): Promise<Check[]> => {
    const child = spawn(process.execPath, ['dist/src/cli/main.js', 'doctor', '--json'], {
      env: { ...process.env, STEELYARD_URL: of.url, STEELYARD_DATA: folder, STEELYARD_LEDGER: ledger }, stdio: ['ignore', 'pipe', 'inherit']
    })
    let out = ''
    child.stdout.on('data', (chunk: Buffer) => { out += chunk.toString() })
    await once(child, 'close')
    return (JSON.parse(out) as { checks: Check[] }).checks
  }
  const said = async (name: string, expected: Partial<Record<keyof Check, RegExp | string>>): Promise<void> => {
    const checks = await doctor()
    t.ok(checks.some((check) => check.name === name && Object.entries(expected).every(([member, wanted]) => {
      const found = check[member as keyof Check] ?? ''
      return typeof wanted === 'string' ? found === wanted : wanted.test(found)
    })), `doctor says ${name} ${JSON.stringify(expected, (_, value: unknown) => value instanceof RegExp ? String(value) : value)}: ${JSON.stringify(checks.filter((check) => check.level !== 'ok'))}`)
  }
  /** Deposits until an organization is said to endorse, or not to. Readiness does not suffer from one that does not. */
  const endorsing = async (mspId: string, endorses: boolean, code?: string): Promise<void> => {
    await until(async () => {
      await deposit()
      await allFinal()
      return (await ready()).organizations.some((one) => one.mspId === mspId && one.endorses === endorses && (code === undefined || one.code === code))
    })
    const series = (await (await service.call('/metrics', { key: false })).text()).split('\n')
    t.ok(series.includes(`steelyard_organization_endorsing{organization="${mspId}"} ${Number(endorses)}`))
  }

  await t.test('all is well', async (t) => {
    await deposit()
    await allFinal()
    t.same((await doctor()).filter(({ level }) => level === 'problem'), [])
    await said('orderers', { level: 'ok', says: /all 4/ })
  })

  await t.test('the leading orderer is killed', async () => {
    const { leader = '' } = await networkStatus(dir)
    await stopNodes(dir, [leader], { kill: true })
    for (let i = 0; i < 5; i++) await deposit()
    await allFinal()
    await said('orderers', { level: 'warning', says: new RegExp(`3 of 4 answer; not orderer0.${leader.split('.')[0] ?? ''}`) })
    await restartNodes(dir, [leader])
  })

  await t.test('two orderers are killed: deposits wait, and say why', async (t) => {
    const { leader = '' } = await networkStatus(dir)
    const other = leader === 'court.orderer' ? 'notary.orderer' : 'court.orderer'
    await stopNodes(dir, [leader, other], { kill: true })
    for (let i = 0; i < 5; i++) await deposit()
    await until(async () => (await ready()).stalled !== undefined)
    t.match(await ready(), { status: 'not-ready', ledger: 'stalled', stalled: { code: 'ANCHORING_STALLED' } })
    t.match(await metric('steelyard_ledger_up'), [0])
    await deposit()
    await said('ready', { level: 'problem', says: /ANCHORING_STALLED/, advice: /quorum|fewer nodes/ })
    await said('orderers', { level: 'problem', says: /2 of 4 answer/ })
    await restartNodes(dir, [leader, other])
    await allFinal()
  })

  await t.test('the operator\'s own peer is killed', async () => {
    await stopNodes(dir, ['platform.peer'], { kill: true })
    await endorsing('PlatformMSP', false, 'UNREACHABLE')
    await said('endorsing', { level: 'warning', says: /^PlatformMSP/ })
    await said('peers', { level: 'warning', says: /3 of 4 answer; not peer0.platform/ })
    await restartNodes(dir, ['platform.peer'])
    await endorsing('PlatformMSP', true)
  })

  await t.test('the contract process of an organization is killed', async () => {
    await stopNodes(dir, ['court.chaincode'], { kill: true })
    await endorsing('CourtMSP', false, 'UNREACHABLE')
    await said('endorsing', { level: 'warning', says: /^CourtMSP/, advice: /contract process/ })
    await restartNodes(dir, ['court.chaincode'])
    await endorsing('CourtMSP', true)
  })

  await t.test('the clock of an organization is ten minutes off', async () => {
    await stopNodes(dir, ['notary.chaincode'])
    startShifted(dir, 'notary', 600_000)
    await endorsing('NotaryMSP', false, 'CLOCK')
    await said('endorsing', { level: 'warning', says: /^NotaryMSP.*CLOCK/, advice: /NTP/ })
    await stopNodes(dir, ['notary.chaincode'])
    await restartNodes(dir, ['notary.chaincode'])
    await endorsing('NotaryMSP', true)
  })

  const isRoot = process.getuid?.() === 0
  await t.test('the disk of a peer is full', { skip: isRoot ? false : 'needs root: mounts a small tmpfs' }, async (t) => {
    const ledger = join(layoutOf(dir).org('forensic').peer, 'data')
    await stopNodes(dir, ['forensic.peer'])
    const release = onSmallDisk(t, ledger)
    await restartNodes(dir, ['forensic.peer'])
    fill(ledger)
    await endorsing('ForensicMSP', false)
    await said('endorsing', { level: 'warning', says: /^ForensicMSP/ })
    rmSync(join(ledger, 'filler'))
    await stopNodes(dir, ['forensic.peer'], { kill: true })
    await restartNodes(dir, ['forensic.peer'])
    await endorsing('ForensicMSP', true)
    const heights = (await networkStatus(dir)).nodes.filter(({ kind }) => kind === 'peer').map(({ height = 0 }) => height)
    t.ok(Math.max(...heights) - Math.min(...heights) <= 1, 'it has what the others have')
    await stopNodes(dir, ['forensic.peer'])
    release()
    await restartNodes(dir, ['forensic.peer'])
  })

  await t.test('another channel is configured', async (t) => {
    const folder = join(dir, 'elsewhere')
    const wrong = join(dir, 'profiles', 'elsewhere.json')
    writeFileSync(wrong, readFileSync(profile, 'utf8').replaceAll('"evidence"', '"elsewhere"'))
    const lost = await start(folder, wrong)
    t.teardown(async () => { await lost.kill() })
    const { body } = await deposit(lost)
    await until(async () => /elsewhere/.test((await ready(lost)).detail ?? '')) // first it says that it starts
    t.match(await ready(lost), { status: 'not-ready', ledger: 'down', reasons: ['LEDGER_UNAVAILABLE'], detail: /elsewhere/ })
    const checks = await doctor(lost, folder, wrong)
    t.match(checks.find(({ name }) => name === 'ready'), { level: 'problem', says: /elsewhere/, advice: /channel/ })
    await lost.stop()
    const found = await start(folder)
    t.teardown(async () => { await found.kill() })
    const { number } = body as { number: string }
    await until(async () => ((await found.json(`/v1/evidence/${number}?wait=final&timeout=5`)).body as { state: string }).state === 'final')
    await found.stop()
  })

  await t.test('the service\'s identity is revoked', async (t) => {
    const file = join(data, 'wallet', 'service.json')
    const { certificatePem } = JSON.parse(readFileSync(file, 'utf8')) as { certificatePem: string }
    const id = /CN=(.+)/.exec(new X509Certificate(certificatePem).subject)?.[1] ?? ''
    await revokeIdentity(dir, 'platform', id)
    await until(async () => {
      await deposit()
      return (await ready()).status === 'not-ready'
    })
    await until(async () => /FORBIDDEN/.test(JSON.stringify(await ready())))
    t.match(await metric('steelyard_ledger_up'), [0])
    await said('ready', { level: 'problem', advice: /revoked/ })
    await service.stop()
    rmSync(file)
    service = await start()
    await allFinal()
  })

  await t.test('the service\'s certificate is past its end, and its authority away', async (t) => {
    await service.stop()
    await expire(data, join(layoutOf(dir).org('platform').ca))
    await stopNodes(dir, ['platform.ca'])
    service = await start()
    await deposit()
    await until(async () => (await ready()).detail !== undefined)
    t.match(await ready(), { status: 'not-ready', ledger: 'down' })
    await said('identity', { level: 'problem', advice: /expired/ })
    await said('authority', { level: 'warning', says: /ca-platform/ })
    await restartNodes(dir, ['platform.ca'])
    await allFinal()
  })

  const sequences = acknowledged.map(({ sequence }) => Number(sequence)).sort((a, b) => a - b)
  t.same(sequences, sequences.map((_, i) => i), 'every acknowledged deposit has a place of its own, without a gap')
  for (const { number } of acknowledged) t.match((await service.json(`/v1/evidence/${number}`)).body, { state: 'final' })
  t.equal(await service.stop(), 0)
  t.equal(reconciled(data, profile), true, 'the log and the ledger agree in both directions')
})

/** Starts the contract process of an organization with a clock that is wrong. */
function startShifted (dir: string, name: string, by: number): void {
  const layout = layoutOf(dir)
  const network = networkOf(findBinaries(), layout, requireState(layout), () => {})
  const org = network.orgs.find((candidate) => candidate.name === name)
  if (org === undefined) throw new Error(`no organization ${name}`)
  const program = nodeProgram(nodeContext(network, org), 'chaincode')
  const source = `const Real=Date;globalThis.Date=class extends Real{constructor(...a){super(...(a.length===0?[Real.now()+${by}]:a))}static now(){return Real.now()+${by}}}`
  const env = { ...program.env, NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(source)}` }
  startProcess(layout, { ...program, env })
}

/** Puts what lies in a folder on a disk of its own that has little room left; the answer puts it back. */
function onSmallDisk (t: Test, folder: string): () => void {
  const aside = `${folder}.aside`
  cpSync(folder, aside, { recursive: true })
  execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=96m,mode=0700', 'tmpfs', folder])
  cpSync(aside, folder, { recursive: true })
  const unmount = (): void => { if (existsSync(aside)) execFileSync('umount', ['-l', folder]) }
  t.teardown(() => {
    unmount()
    rmSync(aside, { recursive: true, force: true })
  })
  return () => {
    rmSync(aside, { recursive: true })
    cpSync(folder, aside, { recursive: true })
    unmount()
    rmSync(folder, { recursive: true })
    cpSync(aside, folder, { recursive: true })
    rmSync(aside, { recursive: true })
  }
}

/** Takes all the room that is left. */
function fill (folder: string): void {
  const { bavail, bsize } = statfsSync(folder)
  execFileSync('fallocate', ['-l', String(bavail * bsize), join(folder, 'filler')])
}

/** Replaces the service's identity by one that the same authority signed and whose time is over. */
async function expire (data: string, ca: string): Promise<void> {
  const wallet = createWallet(join(data, 'wallet'))
  const { keyPem, publicKey } = await createKeyPair()
  const root = { certPem: readFileSync(join(ca, 'ca-cert.pem'), 'utf8'), keyPem: readFileSync(join(ca, 'ca-key.pem'), 'utf8') }
  const certificatePem = await issueCertificate(root, {
    commonName: 'service-expired', organizationalUnits: ['client'], publicKey, days: -1 / 1440, attributes: { 'steelyard.anchor': 'true' }
  })
  await wallet.put('service', { mspId: 'PlatformMSP', certificatePem, privateKeyPem: keyPem })
}

function reconciled (data: string, profile: string): boolean {
  const env = { ...process.env, STEELYARD_DATA: data, STEELYARD_LEDGER: profile }
  const out = execFileSync(process.execPath, ['dist/src/cli/main.js', 'reconcile', '--json'], { env, encoding: 'utf8' })
  return (JSON.parse(out) as { outcome: string }).outcome === 'clean'
}
