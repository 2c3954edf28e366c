/**
 * What needs no Fabric binaries of network/native: the description, the search for the programs, packages, the builder, processes.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { chmodSync, copyFileSync, existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import fc from 'fast-check'
import t from 'tap'
import { checkVersions, findBinaries } from '../../network/native/binaries.js'
import { environmentFile } from '../../network/native/bundle-files.js'
import { fillTemplate, runBuilder } from '../../network/native/ccaas-builder.js'
import { codeDigest, createPackage, packageFile } from '../../network/native/chaincode-package.js'
import { type BundleResult, defaultDescription, makeBundle } from '../../network/native/client.js'
import { describeOrganization, parseConsortium, readConsortium } from '../../network/native/description.js'
import { NativeNetworkError } from '../../network/native/errors.js'
import { layoutOf } from '../../network/native/layout.js'
import { withLock } from '../../network/native/lock.js'
import { metric } from '../../network/native/operations.js'
import { isAlive, ownRecord, runningProcess, startProcess, stopProcess } from '../../network/native/processes.js'
import { nodesOf } from '../../network/native/network.js'
import type { Ports } from '../../network/native/ports.js'
import { ensureState, founders, type NetworkState, placedOrgs } from '../../network/native/state.js'
import { tarGz } from '../../network/shared/tar.js'

async function codeOf (work: () => unknown): Promise<string> {
  try {
    await work()
    return 'ok'
  } catch (error) {
    return error instanceof NativeNetworkError ? error.code : String(error)
  }
}

const MINIMAL = { format: 1, channel: 'evidence', chaincode: { name: 'counter', version: '1.0' }, organizations: [{ name: 'court' }] }
const consortium = (change: object): string => JSON.stringify({ ...MINIMAL, ...change })

t.test('the project\'s own description', async (t) => {
  const { organizations, ordering, policies } = readConsortium(defaultDescription())
  t.same(organizations.map(({ mspId }) => mspId), ['CourtMSP', 'NotaryMSP', 'ForensicMSP', 'PlatformMSP'])
  t.same(organizations.filter(({ operator }) => operator).map(({ name }) => name), ['platform'])
  t.same(policies, { endorsement: 'MAJORITY', lifecycle: 'MAJORITY', admins: 'MAJORITY' })
  t.match(ordering, { requestForwardTimeout: '100ms', requestBatchMaxInterval: '50ms' })
})

t.test('a description is read strictly', async (t) => {
  t.match(parseConsortium(consortium({})).organizations, [{ title: 'Court', ordererMspId: 'CourtOrdererMSP', domain: 'court.example', operator: true }])
  for (const change of [
    { format: 2 }, { chanel: 'x' }, { organizations: [] }, { channel: 'Evidence' }, { organizations: [{ name: 'Court' }] },
    { organizations: [{ name: 'court' }, { name: 'court' }] }, { organizations: [{ name: 'a' }, { name: 'b', mspId: 'AMSP' }] },
    { organizations: [{ name: 'a', operator: true }, { name: 'b', operator: true }] }, { ordering: { requestForwardTimeout: '0.1s' } },
    { policies: { endorsement: 'SOME' } }, { organizations: [{ name: 'a', ports: { peer: 0 } }] }
  ]) t.equal(await codeOf(() => parseConsortium(consortium(change))), 'DESCRIPTION', JSON.stringify(change))
  t.equal(await codeOf(() => parseConsortium('a: [')), 'DESCRIPTION')
  t.equal(await codeOf(() => readConsortium(join(t.testdir(), 'none.yaml'))), 'DESCRIPTION')
})

t.test('ports are assigned once, apart from each other, and kept', async (t) => {
  const layout = layoutOf(t.testdir())
  const description = parseConsortium(consortium({ organizations: [{ name: 'a', ports: { peer: 17_051 } }, { name: 'b' }] }))
  const state = await ensureState(layout, () => description)
  const ports = placedOrgs(state).flatMap((org) => Object.values(org.ports))
  t.equal(new Set(ports).size, 18)
  t.equal(placedOrgs(state)[0]?.ports.peer, 17_051)
  t.same(await ensureState(layout, () => { throw new Error('asked again') }), JSON.parse(JSON.stringify(state)))
})

t.test('an organization that joins later has ports, no orderer unless it is asked for, and no place in the identity', async (t) => {
  const layout = layoutOf(t.testdir())
  const state = await ensureState(layout, () => parseConsortium(consortium({ organizations: [{ name: 'a' }, { name: 'b' }] })))
  const [first] = Object.values(state.ports)
  const later = describeOrganization('c', state.consortium.organizations)
  t.equal(await codeOf(() => describeOrganization('b', state.consortium.organizations)), 'DESCRIPTION')
  t.equal(await codeOf(() => describeOrganization('C', state.consortium.organizations)), 'DESCRIPTION')
  const joined = (consenter: { consenter?: number }): NetworkState => ({
    ...state,
    consortium: { ...state.consortium, organizations: [...state.consortium.organizations, { ...later, joined: consenter }] },
    ports: { ...state.ports, c: first as Ports }
  })
  const kinds = (consenter: { consenter?: number }): string[] => nodesOf(joined(consenter), placedOrgs(joined(consenter))).map(({ name }) => name)
  t.same(placedOrgs(joined({ consenter: 7 })).map(({ consenter }) => consenter), [1, 2, 7])
  t.ok(kinds({ consenter: 3 }).includes('c.orderer'))
  t.notOk(kinds({}).includes('c.orderer'))
  t.ok(kinds({}).includes('c.peer'))
  t.same(founders(placedOrgs(joined({}))).map(({ name }) => name), ['a', 'b'])
})

t.test('programs are found, and other releases refused', async (t) => {
  const dir = t.testdir({ config: { 'core.yaml': '', 'orderer.yaml': '' }, bin: {} })
  const program = (name: string, version: string): void => {
    writeFileSync(join(dir, 'bin', name), `#!/bin/sh\necho '${name}:'\necho ' Version: ${version}'\n`)
    chmodSync(join(dir, 'bin', name), 0o755)
  }
  const env = { FABRIC_BIN: join(dir, 'bin'), FABRIC_CFG_PATH: join(dir, 'config') }
  for (const name of ['peer', 'orderer', 'osnadmin']) program(name, 'v3.1.5')
  t.equal(await codeOf(() => findBinaries(env)), 'BINARIES', 'no CA server')
  program('fabric-ca-server', 'v1.5.21')
  t.equal(await codeOf(() => findBinaries({ ...env, FABRIC_CFG_PATH: dir })), 'BINARIES', 'no configuration folder')
  t.equal(findBinaries({ PATH: `/nowhere:${env.FABRIC_BIN}` }).peer, join(dir, 'bin', 'peer'), 'by PATH, its config folder beside it')
  t.same(await checkVersions(findBinaries(env)), { fabric: 'v3.1.5', ca: 'v1.5.21', warnings: [] })
  program('orderer', 'latest')
  t.equal((await checkVersions(findBinaries(env))).warnings.length, 1)
  program('peer', 'v2.5.12')
  t.equal(await codeOf(async () => await checkVersions(findBinaries(env))), 'VERSION')
})

t.test('archives depend on their content alone, and tar reads them', async (t) => {
  const dir = t.testdir()
  const file = fc.record({ name: fc.stringMatching(/^[a-z]{1,20}$/), content: fc.uint8Array({ maxLength: 2000 }) })
  fc.assert(fc.property(fc.uniqueArray(file, { selector: ({ name }) => name, maxLength: 4 }), (files) => {
    const archive = tarGz(files)
    return archive.equals(tarGz(files)) && gunzipSync(archive).length % 512 === 0
  }))
  writeFileSync(join(dir, 'x.tgz'), tarGz([{ name: 'one', content: Buffer.from('1') }, { name: 'two', content: Buffer.alloc(513, '2') }]))
  const [code] = await once(spawn('tar', ['xzf', 'x.tgz'], { cwd: dir, stdio: 'inherit' }), 'exit') as [number]
  t.equal(code, 0)
  t.equal(readFileSync(join(dir, 'two'), 'utf8'), '2'.repeat(513))
})

t.test('a package is known by its code', async (t) => {
  const dir = t.testdir({ cc: { 'package.json': '{}', lib: { 'a.js': '1' }, node_modules: { 'b.js': '2' } }, net: {}, other: {} })
  const layout = layoutOf(join(dir, 'net'))
  const make = (): string => createPackage(layout, { name: 'counter', version: '1.0', sequence: 1, folder: join(dir, 'cc') }).packageId
  const id = make()
  t.match(id, /^counter_1\.0:[0-9a-f]{64}$/)
  t.ok(existsSync(packageFile(layout, { version: '1.0', sequence: 1 })))
  writeFileSync(join(dir, 'cc', 'node_modules', 'b.js'), '3')
  t.equal(make(), id, 'dependencies are not the code')
  writeFileSync(join(dir, 'cc', 'lib', 'a.js'), '2')
  t.not(make(), id)
  t.equal(await codeOf(() => codeDigest(join(dir, 'other'))), 'CHAINCODE')
})

t.test('the builder takes ccaas packages and fills in what is the organization\'s own', async (t) => {
  const dir = t.testdir({
    source: { 'connection.json': JSON.stringify({ address: '{{.address}}', tls_required: true }) },
    metadata: { 'metadata.json': '{"type":"ccaas","label":"x"}' },
    other: { 'metadata.json': '{"type":"golang","label":"x"}' },
    built: {},
    released: {}
  })
  const at = (name: string): string => join(dir, name)
  t.equal(runBuilder(['detect', at('source'), at('metadata')], undefined), 0)
  t.equal(runBuilder(['detect', at('source'), at('other')], undefined), 1)
  t.equal(runBuilder(['build', at('source'), at('metadata'), at('built')], '{"address":"localhost:7"}'), 0)
  t.equal(runBuilder(['release', at('built'), at('released')], undefined), 0)
  const released = join(at('released'), 'chaincode', 'server', 'connection.json')
  t.same(JSON.parse(readFileSync(released, 'utf8')), { address: 'localhost:7', tls_required: true })
  t.throws(() => fillTemplate({ address: '{{.nothing}}' }, {}))
  t.throws(() => runBuilder(['run'], undefined))
})

t.test('a process is ours only by its start time', async (t) => {
  const dir = t.testdir()
  const folders = { run: join(dir, 'run'), logs: join(dir, 'logs') }
  const program = { name: 'sleeper', command: '/bin/sh', args: ['-c', 'echo started; exec sleep 60'], env: {}, cwd: dir }
  t.ok(startProcess(folders, program))
  t.notOk(startProcess(folders, program), 'it runs already')
  const record = runningProcess(folders, 'sleeper')
  t.ok(record !== undefined && isAlive(record))
  t.notOk(isAlive({ pid: process.pid, started: '1' }), 'the same id, another process')
  t.ok(isAlive(ownRecord()))
  t.ok(await stopProcess(folders, 'sleeper'))
  t.notOk(await stopProcess(folders, 'sleeper'))
  t.equal(await codeOf(() => startProcess(folders, { ...program, command: join(dir, 'nothing') })), 'START_FAILED')
})

t.test('one command at a time', async (t) => {
  const layout = layoutOf(t.testdir())
  await withLock(layout, async () => {
    t.equal(await codeOf(async () => { await withLock(layout, async () => {}) }), 'FOLDER_LOCKED')
  })
  mkdirSync(layout.folder, { recursive: true })
  writeFileSync(layout.lock, JSON.stringify({ pid: process.pid, started: '1' }))
  t.equal(await codeOf(async () => { await withLock(layout, async () => {}) }), 'ok', 'the lock of a command that died')
  t.notOk(existsSync(layout.lock))
})

t.test('metrics are read by channel', async (t) => {
  const text = 'ledger_blockchain_height{channel="other"} 9\nledger_blockchain_height{channel="evidence"} 12\n'
  t.equal(metric(text, 'ledger_blockchain_height', 'evidence'), 12)
  t.equal(metric(text, 'ledger_blockchain_height', 'none'), undefined)
})

t.test('an organization\'s part on its own host', async (t) => {
  const root = t.testdir({
    'consortium.yaml': consortium({
      organizations: [{ name: 'court', host: '192.0.2.1', listen: '192.0.2.1' }, { name: 'notary', host: '192.0.2.2', listen: '192.0.2.2', ports: { peer: 8051 } }]
    })
  })
  const make = async (org: string, change: object = {}): Promise<BundleResult> => await makeBundle({
    dir: join(root, org), org, description: join(root, 'consortium.yaml'), chaincode: 'test/ledger/chaincode-fixture', env: { PATH: '' }, ...change
  })
  const [court, notary] = [await make('court'), await make('notary')]
  t.same([court.missing, notary.missing, court.genesis], [['notary'], ['court'], undefined])
  t.notMatch(readFileSync(court.publicPart, 'utf8'), /PRIVATE/)
  const exchange = (from: BundleResult, to: string): void => { copyFileSync(from.publicPart, join(root, to, 'public', from.publicPart.split('/').at(-1) ?? '')) }

  writeFileSync(join(root, 'court', 'public', 'notary.json'), readFileSync(notary.publicPart, 'utf8').replace('NotaryMSP', 'OtherMSP'))
  t.equal(await codeOf(async () => await make('court')), 'FOLDER_DAMAGED', 'a part that is not what its name says')
  writeFileSync(join(root, 'court', 'public', 'notary.json'), readFileSync(notary.publicPart, 'utf8').replace('-----BEGIN CERTIFICATE', '-----BEGIN PRIVATE KEY'))
  t.equal(await codeOf(async () => await make('court')), 'FOLDER_DAMAGED', 'or no certificate')

  exchange(notary, 'court')
  exchange(court, 'notary')
  const both = [await make('court'), await make('notary')]
  t.equal(both[0]?.genesis, both[1]?.genesis)
  t.match(both[0]?.genesis, /^[0-9a-f]{64}$/)
  t.equal(both[0]?.packageId, both[1]?.packageId)
  t.match(await make('court'), { genesis: both[0]?.genesis, missing: [] }, 'again changes nothing')
  const read = (name: string): string => readFileSync(join(root, 'court', 'bundle', name), 'utf8')
  t.match(read('steelyard-court-peer.service'), /^ExecStart=\/usr\/local\/bin\/peer node start$/m)
  t.match(read('README.md'), /192\.0\.2\.2:8051/)
  t.match(read('README.zh-CN.md'), both[0]?.genesis ?? '')
  t.match(read('peer.env'), /^CORE_PEER_LISTENADDRESS='192\.0\.2\.1:7051'$/m)
  t.notOk(existsSync(join(root, 'court', 'bundle', 'steelyard.service')), 'notary, the last one, is the operator')
  t.ok(existsSync(join(root, 'notary', 'bundle', 'steelyard.service')))

  t.equal(await codeOf(async () => await make('notary', { dir: join(root, 'court') })), 'FOLDER_DAMAGED', 'one folder, one organization')
  t.equal(await codeOf(async () => await ensureState(layoutOf(join(root, 'court')), () => parseConsortium(consortium({})))), 'FOLDER_DAMAGED')
  t.equal(await codeOf(async () => await make('nobody', { dir: join(root, 'other') })), 'UNKNOWN_NODE')
  t.equal(await codeOf(async () => await make('court', { dir: join(root, 'other'), description: defaultDescription() })), 'DESCRIPTION', 'localhost is nowhere')
  t.throws(() => environmentFile({ A: "it's" }), RangeError)
})
