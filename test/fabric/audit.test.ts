/**
 * A real channel replayed from its genesis block, after its configuration, its members and its contract changed, with refused transactions
 * in it: the peers' codes and commit hashes and every proof agree with the blocks alone.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import {
  addOrganization, changeBatchTimeout, networkReset, networkUp, rotateOrderer, upgradeChaincode
} from '../../network/native/client.js'
import { readBlocks } from '../../src/ops/audit/block-files.js'
import { readLogIdentity } from '../../src/ops/fsck/service.js'
import { ed25519Spki } from '../../src/core/receipt.js'
import { openLedger } from '../../src/ledger/open.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { withDatabase } from '../support/damage.js'
import { type RunningService, startService, untilReady } from '../support/service.js'
import { fabricBinaries } from './binaries.js'

const { skip } = fabricBinaries()

t.test('a replay of a real channel agrees with every proof', { skip, timeout: 290_000 }, async (t) => {
  const dir = folder(t, 'native')
  const work = folder(t, 'audit')
  const proofs = join(work, 'proofs')
  mkdirSync(proofs)
  const { profile } = await networkUp({ dir, chaincode: 'chaincode' })
  t.teardown(async () => { await networkReset(dir) })
  const data = folder(t, 'data')
  const service = await startService(data, { STEELYARD_LEDGER: profile })
  t.teardown(async () => { await service.stop() })
  await untilReady(service)
  await deposit(service, proofs, 'before')
  await changeBatchTimeout({ dir, timeout: '40ms' })
  await deposit(service, proofs, 'after a change of the configuration')
  await rotateOrderer({ dir, org: 'notary' })
  await addOrganization({ dir, name: 'archive' })
  await deposit(service, proofs, 'after an organization joined')
  await upgradeChaincode({ dir, version: '1.1' })
  await untilReady(service)
  await deposit(service, proofs, 'after the contract was upgraded')
  const bundle = join(work, 'bundle.json')
  writeFileSync(bundle, Buffer.from(await (await service.call('/v1/trust-bundle', { key: false })).arrayBuffer()))
  t.equal(await service.stop(), 0)
  await contend(profile, data)

  const kept = join(work, 'channel.blocks')
  const given = ['--trust', bundle, '--trust-as-given', '--proofs', proofs]
  const online = await audit(['--ledger', profile, '--data', data, '--save', kept, ...given])
  t.match(online, { code: 0, json: { outcome: 'clean', differences: 0, couldNotCheck: [], checked: { proofs: 4 } } })
  t.ok(online.json.configurations.length >= 4, 'the changes are among the blocks')
  t.ok(online.json.outcomes.MVCC_READ_CONFLICT > 0, 'and what was refused')
  t.ok(online.json.checked['batches of the data folder'] >= 4)
  t.comment(`${online.json.height} blocks, ${JSON.stringify(online.json.outcomes)}`)

  const offline = await audit(['--blocks', kept, ...given])
  t.match(offline, { code: 0, json: { lastBlock: online.json.lastBlock, logs: online.json.logs } }, 'the same, years later and without anybody')

  const liar = join(work, 'liar')
  mkdirSync(liar)
  let number = 0
  for await (const bytes of readBlocks(kept)) writeFileSync(join(liar, `evidence_${number++}.block`), bytes)
  const last = join(liar, `evidence_${number - 1}.block`)
  const damaged = readFileSync(last)
  damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1 // the last byte of the commit hash
  writeFileSync(last, damaged)
  t.match(await audit(['--blocks', liar, ...given]), { code: 1, json: { first: { object: `block ${number - 1}`, code: 'COMMIT_HASH_DIFFERS' }, differences: 1 } })
})

function folder (t: Test, name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `steelyard-${name}-`))
  t.teardown(() => { rmSync(dir, { recursive: true, force: true }) })
  return dir
}

async function deposit (service: RunningService, proofs: string, what: string): Promise<void> {
  const { body } = await service.depositDigests(createHash('sha256').update(what).digest('hex'))
  const number = String((body as { number: string }).number)
  let state = ''
  while (state !== 'final') state = ((await service.json(`/v1/evidence/${number}?wait=final&timeout=30`)).body as { state: string }).state
  writeFileSync(join(proofs, `${number}.proof.json`), Buffer.from(await (await service.call(`/v1/evidence/${number}/proof`)).arrayBuffer()))
}

/** Changes of one value, endorsed side by side: the ledger accepts the first that is ordered. */
async function contend (profile: string, data: string): Promise<void> {
  const log = await withDatabase(data, async (db) => (await readLogIdentity(db))?.origin ?? '')
  const ledger = await openLedger({ client: 'fabric-gateway', profile, wallet: join(data, 'wallet'), log, crypto: nodeCrypto, clock: Date.now })
  await Promise.allSettled([1, 2, 3, 4].map(async (seed) => { await ledger.registerKey(ed25519Spki(new Uint8Array(32).fill(seed)), '1000') }))
  await ledger.close()
}

async function audit (args: readonly string[]): Promise<{ code: number, json: any }> {
  const child = spawn(process.execPath, ['dist/src/cli/main.js', 'audit', '--from-genesis', '--json', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => { text += chunk.toString() })
  const [code] = await once(child, 'close') as [number]
  return { code, json: JSON.parse(text) }
}
