/**
 * The consortium on official binaries: from nothing to ready, repaired after a crash, stopped and started by organization, several
 * beside each other.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { pathToFileURL } from 'node:url'
import t, { type Test } from 'tap'
import {
  NativeNetworkError, networkDown, networkReset, networkStatus, networkUp, nodeLog, profilePath, restartNodes, stopNodes,
  upgradeChaincode, waitUntilReady
} from '../../network/native/client.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { headerHash, parseBlock } from '../../src/core/fabric/block.js'
import { toHex } from '../../src/core/bytes.js'
import { fabricBinaries } from './binaries.js'

const { skip } = fabricBinaries()
const chaincode = 'test/ledger/chaincode-fixture'

/** A folder whose network, if any, goes with the test. */
function networkFolder (t: Test): string {
  const dir = mkdtempSync(join(tmpdir(), 'steelyard-native-'))
  t.teardown(async () => {
    await networkReset(dir)
    rmSync(dir, { recursive: true, force: true })
  })
  return dir
}

function describe (dir: string, organizations: readonly unknown[]): string {
  const path = join(dir, 'consortium.yaml')
  writeFileSync(path, JSON.stringify({ format: 1, channel: 'evidence', chaincode: { name: 'counter', version: '1.0' }, organizations }))
  return path
}

/** Every file below a folder. */
function filesBelow (folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
}

async function codeOf (work: Promise<unknown>): Promise<string> {
  try {
    await work
    return 'ok'
  } catch (error) {
    return error instanceof NativeNetworkError ? error.code : String(error)
  }
}

t.test('four organizations', { skip, timeout: 200_000 }, async (t) => {
  const dir = networkFolder(t)
  const description = describe(dir, ['court', 'notary', 'forensic', 'platform'].map((name) => ({ name })))
  const up = await networkUp({ dir, description, chaincode })

  await t.test('is up, healthy and led', async (t) => {
    const status = await networkStatus(dir)
    t.equal(up.started.length, 16)
    t.same(status.nodes.filter((node) => !node.healthy), [])
    t.ok(status.height >= 3, 'approvals and the commit are on the ledger')
    t.match(status.leader, /\.orderer$/)
    t.match(status.chaincode, { name: 'counter', version: '1.0', sequence: 1 })
  })

  await t.test('up again starts nothing', async (t) => {
    t.same((await networkUp({ dir })).started, [])
  })

  await t.test('keys stay in their organization\'s folder, readable by their owner alone', async (t) => {
    const keys = filesBelow(dir).filter((path) => /PRIVATE KEY/.test(readFileSync(path, 'latin1')))
    t.ok(keys.length >= 4 * 10)
    t.same(keys.filter((path) => !path.startsWith(join(dir, 'orgs'))), [])
    t.same(keys.filter((path) => (statSync(path).mode & 0o077) !== 0 && !path.includes(join('ca', 'data'))), [])
    const bodies = (org: string): string[] => keys.filter((path) => path.startsWith(join(dir, 'orgs', org))).map((path) => readFileSync(path, 'utf8'))
    t.same(bodies('court').filter((key) => bodies('notary').includes(key)), [])
  })

  await t.test('its facts name the genesis block', async (t) => {
    const facts = JSON.parse(readFileSync(up.facts, 'utf8')) as Record<string, unknown>
    const block = parseBlock(new Uint8Array(readFileSync(join(dir, 'channel', 'genesis.block'))))
    t.match(facts, { kind: 'consortium', channel: 'evidence', genesis: toHex(headerHash(nodeCrypto, block.header)), chaincode: 'counter' })
    t.equal(profilePath(dir), up.profile)
    t.match(JSON.parse(readFileSync(profilePath(dir, 'court'), 'utf8')), { 'x-steelyard': { mspId: 'CourtMSP', caName: 'ca-court' } })
  })

  await t.test('an organization stops and starts', async (t) => {
    t.equal((await stopNodes(dir, ['court'])).length, 4)
    const without = await networkStatus(dir)
    t.same(without.nodes.filter((node) => node.running).map((node) => node.organization).includes('court'), false)
    t.equal(await codeOf(stopNodes(dir, ['nobody'])), 'UNKNOWN_NODE')
    t.equal((await restartNodes(dir, ['court'])).length, 4)
    await waitUntilReady(dir)
    t.same((await networkStatus(dir)).nodes.filter((node) => !node.healthy), [])
    t.match(nodeLog(dir, 'court.orderer'), /Starting orderer/)
  })

  await t.test('a killed leader is replaced', async (t) => {
    const { leader = '' } = await networkStatus(dir)
    await stopNodes(dir, [leader], { kill: true })
    await upgradeChaincode({ dir, version: '1.1' })
    const after = await networkStatus(dir)
    t.not(after.leader, leader)
    t.match(after.chaincode, { version: '1.1', sequence: 2 })
    t.same((await networkUp({ dir })).started, [leader])
  })

  await t.test('down stops all of it, and up brings it back', async (t) => {
    const { height } = await networkStatus(dir)
    t.equal((await networkDown(dir)).length, 16)
    t.same((await networkStatus(dir)).nodes.filter((node) => node.running), [])
    t.equal((await networkUp({ dir })).started.length, 16)
    t.ok((await networkStatus(dir)).height >= height)
  })
})

t.test('two networks beside each other, and a crash half-way', { skip, timeout: 200_000 }, async (t) => {
  const [first, second] = [networkFolder(t), networkFolder(t)]
  const start = async (dir: string): Promise<void> => {
    await networkUp({ dir, description: describe(dir, [{ name: 'solo' }]), chaincode })
  }
  await start(first)

  // a command that is killed while it deploys the chaincode
  const child = runUp(second, describe(second, [{ name: 'solo' }]))
  for await (const line of createInterface({ input: child.stdout as NodeJS.ReadableStream })) {
    if (line.startsWith('approving')) break
  }
  child.kill('SIGKILL')
  await once(child, 'exit')
  await start(second)
  t.match(await networkStatus(second), { chaincode: { sequence: 1 }, leader: 'solo.orderer' })

  // a process id that now belongs to somebody else is not ours to kill
  const bystander = spawn('sleep', ['60'])
  t.teardown(() => { bystander.kill() })
  await stopNodes(first, ['solo.ca'])
  writeFileSync(join(first, 'run', 'solo.ca.json'), JSON.stringify({ pid: bystander.pid, started: '1' }))
  await networkDown(first)
  t.equal(bystander.exitCode ?? bystander.signalCode, null)
  t.same((await networkStatus(second)).nodes.filter((node) => !node.healthy), [], 'the other network goes on')

  await networkReset(second)
  t.equal(await codeOf(networkStatus(second)), 'NO_NETWORK')
  t.same(readdirSync(second), ['consortium.yaml'], 'only what is not the network\'s stays')
})

/** `networkUp` in a process of its own. */
function runUp (dir: string, description: string): ChildProcess {
  const client = pathToFileURL('dist/network/native/client.js').href
  const options = JSON.stringify({ dir, description, chaincode })
  const script = `import { networkUp } from ${JSON.stringify(client)}\nawait networkUp({ ...${options}, log: console.log })`
  return spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] })
}
