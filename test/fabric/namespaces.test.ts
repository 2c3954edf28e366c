/**
 * Four organizations on a machine each (network namespaces): every one makes its own bundle, they exchange what is public, start their nodes
 * by the units of the bundle and bring the channel up by the commands of its README, as they stand there. Then one is cut off and comes back.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { copyFileSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { type RunningService, startService, until } from '../support/service.js'
import { fabricBinaries } from './binaries.js'
import { type Machine, machines, namespacesMissing } from './network-namespaces.js'

const ORGS = ['court', 'notary', 'forensic', 'platform'] as const
const KINDS = ['ca', 'orderer', 'peer', 'chaincode'] as const
const run = promisify(execFile)
const binaries = fabricBinaries()
const skip = binaries.skip === false ? namespacesMissing() : binaries.skip

interface Made { readonly complete: boolean, readonly missing: readonly string[], readonly genesis?: string, readonly packageId?: string, readonly folder?: string }
interface Ready {
  readonly status: string
  readonly deposits: { readonly received: number, readonly final: number }
  readonly organizations: ReadonlyArray<{ readonly mspId: string, readonly endorses: boolean, readonly code?: string }>
}

t.test('four organizations, a machine each', { skip, timeout: 280_000 }, async (t) => {
  const root = mkdtempSync(join(tmpdir(), 'steelyard-machines-'))
  t.teardown(() => { rmSync(root, { recursive: true, force: true }) })
  const hosts = machines(t, ORGS)
  const host = (name: string): Machine => hosts.get(name) as Machine
  const dir = (name: string): string => join(root, name)
  const description = join(root, 'consortium.yaml')
  writeFileSync(description, JSON.stringify({
    format: 1,
    channel: 'evidence',
    chaincode: { name: 'steelyard', version: '1.0' },
    organizations: ORGS.map((name) => ({ name, host: host(name).address, listen: host(name).address }))
  }))
  const bundle = async (name: string): Promise<Made> => {
    const args = ['dist/src/cli/main.js', 'network', 'bundle', '--org', name, '--dir', dir(name), '--description', description, '--json']
    return JSON.parse((await run(process.execPath, args)).stdout) as Made
  }

  await t.test('each makes its own keys, and the same block from the same certificates', async (t) => {
    for (const name of ORGS) t.same((await bundle(name)).missing, ORGS.filter((other) => other !== name))
    for (const from of ORGS) for (const to of ORGS) if (from !== to) copyFileSync(join(dir(from), 'public', `${from}.json`), join(dir(to), 'public', `${from}.json`))
    const made = await Promise.all(ORGS.map(bundle))
    t.same(made.map(({ complete }) => complete), [true, true, true, true])
    t.equal(new Set(made.map(({ genesis }) => genesis)).size, 1)
    t.equal(new Set(made.map(({ packageId }) => packageId)).size, 1)
    const keys = ORGS.map((name) => new Set(privateKeysBelow(dir(name))))
    for (const [i, own] of keys.entries()) {
      t.ok(own.size >= 10)
      t.notOk(keys.some((others, j) => i !== j && [...own].some((key) => others.has(key))), `${ORGS[i] ?? ''}'s keys are nowhere else`)
    }
    t.same((await bundle('court')).genesis, made[0]?.genesis, 'again changes nothing')
    const compose = parse(readFileSync(join(dir('court'), 'bundle', 'compose.yaml'), 'utf8')) as { services: Record<string, { image: string }> }
    t.match(compose.services, {
      ca: { image: /^hyperledger\/fabric-ca:1\.5\./ }, orderer: { image: /^hyperledger\/fabric-orderer:3\.1\./ }, peer: { image: /^hyperledger\/fabric-peer:3\.1\./ }
    })
  })

  for (const name of ORGS) for (const kind of KINDS) startUnit(t, host(name), join(dir(name), 'bundle'), `steelyard-${name}-${kind}.service`)

  const step = async (name: string, number: number): Promise<void> => {
    const commands = commandsOf(readFileSync(join(dir(name), 'bundle', 'README.md'), 'utf8'), number)
    const [command = '', ...args] = [...host(name).enter, 'bash', '-euc', commands]
    await run(command, args)
  }
  /** As a person would: again, when it was too early. */
  const patiently = async (name: string, number: number): Promise<void> => {
    let said = ''
    for (const end = Date.now() + 60_000; Date.now() < end;) {
      const failed = await step(name, number).then(() => false, (error: unknown) => { said = String(error); return true })
      if (!failed) return
    }
    throw new Error(`${name}, step ${number}: ${said}`)
  }
  await t.test('the steps of the README', async () => {
    for (const name of ORGS) for (const kind of KINDS) await listening(host(name), portOf(join(dir(name), 'bundle'), kind))
    await Promise.all(ORGS.map(async (name) => { await step(name, 4) }))
    await Promise.all(ORGS.map(async (name) => { await patiently(name, 5) }))
    await patiently('platform', 6)
    for (const name of ORGS) await patiently(name, 7)
  })

  const settings = Object.fromEntries(readFileSync(join(dir('platform'), 'bundle', 'service.env'), 'utf8').trim().split('\n')
    .map((line) => { const at = line.indexOf('='); return [line.slice(0, at), line.slice(at + 2, -1)] }))
  const service = await startService(join(root, 'data'), {
    ...settings, STEELYARD_DATA: join(root, 'data'), STEELYARD_HOST: host('platform').address
  }, host('platform').enter)
  t.teardown(async () => { await service.kill() })
  const deposited: string[] = []

  await t.test('deposits become final, endorsed by all four', async () => {
    await until(async () => (await ready(service)).status === 'ready')
    await allFinal(service, deposited)
    await until(async () => {
      await allFinal(service, deposited)
      const { organizations } = await ready(service)
      return organizations.length === 4 && organizations.every(({ endorses }) => endorses)
    })
  })

  await t.test('one is cut off, the others carry it; it comes back by itself', async (t) => {
    host('court').connect(false)
    await until(async () => {
      await allFinal(service, deposited)
      return (await ready(service)).organizations.some(({ mspId, endorses }) => mspId === 'CourtMSP' && !endorses)
    })
    t.match((await ready(service)).organizations.find(({ mspId }) => mspId === 'CourtMSP'), { code: 'UNREACHABLE' })
    t.match(await ready(service), { status: 'ready' })
    host('court').connect(true)
    await until(async () => {
      await allFinal(service, deposited)
      return (await ready(service)).organizations.every(({ endorses }) => endorses)
    })
  })

  const sequences = await Promise.all(deposited.map(async (number) => {
    const { body } = await service.json(`/v1/evidence/${number}`)
    t.match(body, { state: 'final' })
    return Number((body as { sequence: string }).sequence)
  }))
  t.same(sequences.sort((a, b) => a - b), deposited.map((_, i) => i), 'none lost, none twice')
  t.equal(await service.stop(), 0)
})

async function ready (service: RunningService): Promise<Ready> {
  return (await service.json('/health/ready', { key: false })).body as Ready
}

/** Makes one more deposit and waits until all are final. */
async function allFinal (service: RunningService, deposited: string[]): Promise<void> {
  const { status, body } = await service.depositDigests(createHash('sha256').update(`machines ${deposited.length}`).digest('hex'))
  if (status !== 201) throw new Error(`a deposit was answered by ${status}`)
  deposited.push((body as { number: string }).number)
  await until(async () => (await ready(service)).deposits.final === deposited.length)
}

/** Runs a node as systemd would by its unit. */
function startUnit (t: Test, { enter }: Machine, bundle: string, name: string): void {
  const unit = readFileSync(join(bundle, name), 'utf8')
  const setting = (key: string): string => new RegExp(`^${key}=(.*)$`, 'm').exec(unit)?.[1] ?? ''
  const log = openSync(join(bundle, `${name}.log`), 'a')
  const [command = '', ...args] = [
    ...enter, 'bash', '-euc', `set -a; . '${setting('EnvironmentFile')}'; set +a; cd '${setting('WorkingDirectory')}'; exec ${setting('ExecStart')}`
  ]
  const child: ChildProcess = spawn(command, args, { stdio: ['ignore', log, log] })
  t.teardown(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill('SIGKILL')
    await gone
  })
}

/** Where a node listens, by the environment or the command of its unit. */
function portOf (bundle: string, kind: typeof KINDS[number]): number {
  const usual = { ca: 7054, orderer: 7053, peer: 7051, chaincode: 7055 } // the orderer's administration comes last
  const environment = readFileSync(join(bundle, `${kind}.env`), 'utf8')
  const named = { ca: /none/, orderer: /ORDERER_ADMIN_LISTENADDRESS='[^']*:(\d+)'/, peer: /CORE_PEER_LISTENADDRESS='[^']*:(\d+)'/, chaincode: /none/ }[kind]
  return Number(named.exec(environment)?.[1] ?? usual[kind])
}

async function listening ({ address, enter }: Machine, port: number): Promise<void> {
  const [command = '', ...args] = [...enter, 'bash', '-c', `exec 3<>/dev/tcp/${address}/${port}`]
  await until(async () => await run(command, args).then(() => true, () => false))
}

/** The commands in the README's section of a number. */
function commandsOf (readme: string, number: number): string {
  const section = readme.split(/^## /m).find((text) => text.startsWith(`${number}. `)) ?? ''
  const commands = /```sh\n(.*?)```/s.exec(section)?.[1]
  if (commands === undefined) throw new Error(`there are no commands in section ${number}`)
  return commands
}

/** The private keys in a folder, wherever they lie. */
function privateKeysBelow (folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile()).flatMap((entry) =>
    [...readFileSync(join(entry.parentPath, entry.name), 'latin1').matchAll(/-----BEGIN [A-Z ]*PRIVATE KEY-----(.*?)-----END/gs)]
      .map(([, body = '']) => createHash('sha256').update(body.replaceAll(/\s|\\n/g, '')).digest('hex')))
}
