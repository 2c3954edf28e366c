/**
 * The network as a process: started, found, killed, resumed; organizations stopped and started; fabric-network as the client.
 */
import { once } from 'node:events'
import { cpSync, existsSync, readFileSync, rmSync, statSync } from 'node:fs'
import { connect } from 'node:net'
import { join } from 'node:path'
import { Gateway, Wallets, type Contract, type Identity } from 'fabric-network'
import t, { type Test } from 'tap'
import {
  ensureNetwork, type EnsureOptions, type NetworkFacts, type NetworkHandle, networkStatus, networkStop, setOrg
} from '../../network/embedded/client.js'
import { openStore } from '../../network/embedded/ledger/store.js'
import { headerHash, parseBlock } from '../../src/core/fabric/block.js'
import { nodeCrypto } from '../../src/platform/node.js'

const chaincode = { name: 'counter', folder: 'test/ledger/chaincode-fixture' }

interface Profile { readonly 'x-steelyard': { readonly mspId: string, readonly channel: string, readonly chaincode: string } }

async function start (t: Test, dir: string, options: Partial<EnsureOptions> = {}): Promise<NetworkHandle> {
  const network = await ensureNetwork({ dir, chaincode, withParent: true, ...options })
  t.teardown(async () => { await network.close() })
  return network
}

async function contractOf (
  t: Test, dir: string, network: NetworkHandle, org: string, discovery = true
): Promise<{ contract: Contract, gateway: Gateway }> {
  const profile = JSON.parse(readFileSync(network.profilePath(org), 'utf8')) as Profile
  const extension = profile['x-steelyard']
  const wallet = await Wallets.newInMemoryWallet()
  const crypto = join(dir, 'crypto', org)
  const credentials = {
    certificate: readFileSync(join(crypto, 'admin-cert.pem'), 'utf8'), privateKey: readFileSync(join(crypto, 'admin-key.pem'), 'utf8')
  }
  await wallet.put('admin', { type: 'X.509', mspId: extension.mspId, credentials } as Identity)
  const gateway = new Gateway()
  await gateway.connect({ ...profile }, { wallet, identity: 'admin', discovery: { enabled: discovery, asLocalhost: true } })
  t.teardown(() => { gateway.disconnect() })
  return { contract: (await gateway.getNetwork(extension.channel)).getContract(extension.chaincode), gateway }
}

/** Resolves when nobody listens on the port any more. */
async function silent (address: string): Promise<void> {
  const [host = '', port = ''] = address.split(':')
  for (;;) {
    const socket = connect(Number(port), host)
    try {
      await once(socket, 'connect')
    } catch {
      return
    } finally {
      socket.destroy()
    }
    await new Promise<void>((resolve) => { setTimeout(resolve, 20) })
  }
}

const text = (bytes: Uint8Array): string => Buffer.from(bytes).toString()

t.test('one organization: start, find, kill, resume', async (t) => {
  const whole = t
  const dir = join(t.testdir(), 'network')
  const network = await start(t, dir)
  t.equal(network.started, true)
  t.match(network.status, { ready: true, kind: 'embedded-single', channel: 'evidence', height: 3, quorum: { endorsement: true, ordering: true } })

  t.test('what is secret is the owner\'s', async (t) => {
    for (const path of ['runtime.json', 'network.json', 'crypto/operator/ca-key.pem', 'crypto/operator/registrar-secret', 'profiles/operator.json']) {
      t.equal(statSync(join(dir, path)).mode & 0o777, 0o600, path)
    }
    const { port } = JSON.parse(readFileSync(join(dir, 'runtime.json'), 'utf8')) as { port: number }
    t.equal((await fetch(`http://127.0.0.1:${port}/status`)).status, 401)
  })

  t.test('a second call finds it, and its close leaves it running', async (t) => {
    const found = await ensureNetwork({ dir, chaincode })
    t.equal(found.started, false)
    t.equal(found.status.pid, network.status.pid)
    await found.close()
    t.equal((await networkStatus(dir))?.pid, network.status.pid)
    await t.rejects(ensureNetwork({ dir, chaincode: { name: 'other', folder: '.' } }), { code: 'DESCRIPTION' })
    await t.rejects(setOrg(dir, 'nobody', false), { code: 'CONTROL' })
  })

  t.test('the same blocks and state after kill -9', async (t) => {
    const first = await contractOf(t, dir, network, 'operator')
    t.equal(text(await first.contract.submitTransaction('increment', 'n')), '1')
    t.equal(text(await first.contract.submitTransaction('increment', 'n')), '2')
    const discoveryOff = await contractOf(t, dir, network, 'operator', false)
    t.equal(text(await discoveryOff.contract.submitTransaction('increment', 'n')), '3', 'with discovery off')
    const [height, ports] = [(await networkStatus(dir))?.height, network.status.organizations[0]?.ports]
    discoveryOff.gateway.disconnect()
    first.gateway.disconnect()
    process.kill(network.status.pid, 'SIGKILL')
    await silent(network.status.chaincodes[0]?.address ?? '') // the chaincode goes with it
    t.ok(existsSync(join(dir, 'runtime.json')), 'a killed process leaves its file')
    t.equal(await networkStatus(dir), undefined)
    t.equal(await networkStop(dir), false)

    const again = await start(whole, dir)
    t.equal(again.started, true)
    t.equal(again.status.height, height)
    t.same(again.status.organizations[0]?.ports, ports)
    const { contract, gateway } = await contractOf(t, dir, again, 'operator')
    t.equal(text(await contract.evaluateTransaction('read', 'n')), '3')
    t.equal(text(await contract.submitTransaction('increment', 'n')), '4')

    const qscc = (await gateway.getNetwork('evidence')).getContract('qscc')
    const genesis = await qscc.evaluateTransaction('GetBlockByNumber', 'evidence', '0')
    const facts = JSON.parse(readFileSync(again.factsPath, 'utf8')) as NetworkFacts
    t.same(facts, {
      kind: 'embedded-single',
      channel: 'evidence',
      genesis: Buffer.from(headerHash(nodeCrypto, parseBlock(genesis).header)).toString('hex'),
      organizations: [{ name: 'operator', mspId: 'OperatorMSP', ordererMspId: 'OperatorOrdererMSP', operator: true }],
      chaincode: 'counter'
    })
  })

  t.test('a chaincode that dies is started again', async (t) => {
    const current = await ensureNetwork({ dir, chaincode })
    const [{ pid = Number.NaN, address } = { address: '' }] = current.status.chaincodes
    process.kill(pid, 'SIGKILL')
    await silent(address)
    const { contract } = await contractOf(t, dir, current, 'operator')
    for (;;) {
      const value = await contract.evaluateTransaction('read', 'n').catch(() => undefined)
      if (value === undefined) continue
      t.equal(text(value), '4')
      break
    }
    t.ok(((await networkStatus(dir))?.chaincodes[0]?.restarts ?? 0) > 0)
  })

  t.test('a stop that was asked for', async (t) => {
    t.equal(await networkStop(dir), true)
    t.notOk(existsSync(join(dir, 'runtime.json')))
    t.equal(await networkStatus(dir), undefined)
    await t.rejects(setOrg(dir, 'operator', false), { code: 'NOT_RUNNING' })
    await t.rejects(ensureNetwork({ dir, chaincode, withParent: true, orgs: 4 }), { code: 'DESCRIPTION' })
    t.equal(await networkStatus(dir), undefined, 'a network of another kind was stopped again')
  })

  t.test('a folder that is being left is taken over', async (t) => {
    const holder = await openStore(join(dir, 'ledger'))
    const wanted = ensureNetwork({ dir, chaincode, withParent: true })
    while (!readFileSync(join(dir, 'network.log'), 'utf8').includes('FOLDER_LOCKED')) {
      await new Promise<void>((resolve) => { setTimeout(resolve, 20) })
    }
    await holder.close()
    const network = await wanted
    t.equal(network.started, true)
    await network.close()
  })

  t.test('two at once: one starts it, both use it', async (t) => {
    const both = await Promise.all([ensureNetwork({ dir, chaincode, withParent: true }), ensureNetwork({ dir, chaincode, withParent: true })])
    t.equal(both.filter(({ started }) => started).length, 1)
    t.equal(both[0].status.pid, both[1].status.pid)
    await Promise.all(both.map(async (each) => { await each.close() }))
    t.equal(await networkStatus(dir), undefined)
  })

  t.test('a copy of its folder is another network: nobody finds, or stops, this one through it', async (t) => {
    const copy = join(t.testdir(), 'network')
    const original = await start(t, dir)
    cpSync(dir, copy, { recursive: true })
    t.equal(await networkStatus(copy), undefined)
    t.equal(await networkStop(copy), false)
    const other = await start(t, copy)
    t.equal(other.started, true)
    t.not(other.status.pid, original.status.pid)
    t.not(other.status.organizations[0]?.ports.peer, original.status.organizations[0]?.ports.peer)
    t.equal(other.status.height, original.status.height, 'with the ledger as it was copied')
    t.equal(await networkStop(copy), true)
    t.equal((await networkStatus(dir))?.pid, original.status.pid, 'the original runs on')
  })

  t.test('it ends when its folder is gone', async (t) => {
    const lost = join(t.testdir(), 'network')
    const { status } = await start(t, lost)
    rmSync(lost, { recursive: true, force: true, maxRetries: 5 })
    await silent(status.chaincodes[0]?.address ?? '')
    await silent(`localhost:${status.organizations[0]?.ports.peer ?? 0}`)
    t.equal(await networkStatus(lost), undefined)
  })

  t.test('a start that fails says why', async (t) => {
    await t.rejects(ensureNetwork({ dir, chaincode: { name: 'counter', folder: dir }, withParent: true }), { code: 'START_FAILED', message: /no package\.json/ })
  })
})

t.test('four organizations, one stopped and started', async (t) => {
  const dir = join(t.testdir(), 'network')
  const network = await start(t, dir, { orgs: 4 })
  t.same(network.status.organizations.map(({ name, operator }) => operator ? `${name}*` : name), ['court', 'notary', 'forensic', 'platform*'])
  t.equal(network.status.kind, 'embedded-development')
  t.match(network.profilePath(), /platform\.json$/)
  const { contract } = await contractOf(t, dir, network, 'platform')
  t.equal(text(await contract.submitTransaction('increment', 'n')), '1')

  const one = await setOrg(dir, 'court', false)
  t.match(one, { quorum: { endorsement: true, ordering: true }, organizations: [{ name: 'court', running: { peer: false, orderer: false, ca: false } }] })
  t.equal(text(await contract.submitTransaction('increment', 'n')), '2', 'three of four endorse and sign')

  t.match(await setOrg(dir, 'notary', false), { quorum: { endorsement: false, ordering: false } })
  await t.rejects(contract.submitTransaction('increment', 'n'), 'two of four do not')
  t.equal(text(await contract.evaluateTransaction('read', 'n')), '2', 'reading goes on')

  await setOrg(dir, 'court', true)
  t.match(await setOrg(dir, 'notary', true), { quorum: { endorsement: true, ordering: true } })
  const all = await contractOf(t, dir, network, 'platform')
  t.equal(text(await all.contract.submitTransaction('increment', 'n')), '3')
})
