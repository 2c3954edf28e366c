/**
 * The service on four organizations of official binaries: from a deposit to a proof that verifies offline, a long upload in constant
 * memory, and through the loss of the leading orderer under load.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { networkReset, networkStatus, networkUp, stopNodes } from '../../network/native/client.js'
import { LEDGER_CLIENTS } from '../../src/ledger/open.js'
import { uploadMegabytes, uploadsInConstantMemory } from '../support/long-upload.js'
import { type RunningService, startService } from '../support/service.js'
import { fabricBinaries } from './binaries.js'

const { skip } = fabricBinaries()
const RATE = 200 // deposits a second while the leader dies
const SECONDS = 6

function folder (t: Test, name: string): string {
  const dir = mkdtempSync(join(tmpdir(), `steelyard-${name}-`))
  t.teardown(() => { rmSync(dir, { recursive: true, force: true }) })
  return dir
}

t.test('the service on official binaries', { skip, timeout: 290_000 }, async (t) => {
  const dir = folder(t, 'native')
  const begun = performance.now()
  const { profile } = await networkUp({ dir, chaincode: 'chaincode' })
  t.teardown(async () => { await networkReset(dir) })
  const since = (): string => `${((performance.now() - begun) / 1000).toFixed(1)} s`
  t.comment(`network up after ${since()}`)

  for (const client of LEDGER_CLIENTS) {
    await t.test(client, async (t) => {
      const service = await startService(folder(t, 'data'), { STEELYARD_LEDGER: profile, STEELYARD_LEDGER_CLIENT: client })
      t.teardown(async () => { await service.stop() })
      await proves(t, service, since)
      await uploadsInConstantMemory(t, service, uploadMegabytes(512))
      await losesItsLeader(t, service, dir)
      t.equal(await service.stop(), 0)
    })
  }
})

async function proves (t: Test, service: RunningService, since: () => string): Promise<void> {
  const work = folder(t, 'work')
  const exhibit = join(work, 'exhibit.txt')
  writeFileSync(exhibit, 'what was agreed')
  const form = new FormData()
  form.set('file', new Blob(['what was agreed']), 'exhibit.txt')
  await ready(service)
  const { status, body } = await service.json('/v1/evidence', { method: 'POST', body: form })
  t.equal(status, 201)
  const number = String((body as { number: string }).number)
  t.match((await service.json(`/v1/evidence/${number}?wait=final&timeout=30`)).body, { state: 'final' })
  t.comment(`first deposit final ${since()} after nothing`)
  const proof = join(work, 'proof.json')
  writeFileSync(proof, Buffer.from(await (await service.call(`/v1/evidence/${number}/proof`)).arrayBuffer()))
  const bundle = await saveBundle(service, join(work, 'bundle.json'))
  const { fingerprint } = (await service.json('/health/ready')).body as { fingerprint: string }
  const good = await verify([exhibit, '--proof', proof, '--trust', bundle, '--pin', fingerprint, '--min-organizations', '2'])
  t.equal(good.code, 0)
  t.match(good.text, /endorsed by 4 of 4 organizations/)

  const other = await startService(folder(t, 'embedded'))
  t.teardown(async () => { await other.stop() })
  await ready(other)
  const wrong = await saveBundle(other, join(work, 'other.json'))
  t.not((await verify([exhibit, '--proof', proof, '--trust', wrong, '--trust-as-given'])).code, 0, 'another network\'s bundle')
  await other.stop()
}

/** Nobody who deposits notices, and everything becomes final. */
async function losesItsLeader (t: Test, service: RunningService, dir: string): Promise<void> {
  const { leader = '' } = await networkStatus(dir)
  const { deposits: { final: earlier } } = (await service.json('/health/ready')).body as { deposits: { final: number } }
  const begun = performance.now()
  const answers: Array<Promise<number>> = []
  let last = ''
  for (let i = 0; i < RATE * SECONDS; i++) {
    const due = begun + i * 1000 / RATE
    while (performance.now() < due) await new Promise((resolve) => { setImmediate(resolve) })
    if (i === RATE * 2) void stopNodes(dir, [leader], { kill: true })
    const sha256 = createHash('sha256').update(`${leader} ${i}`).digest('hex')
    answers.push(service.depositDigests(sha256).then(({ status, body }) => {
      last = (body as { number?: string }).number ?? last
      return status
    }))
  }
  t.same((await Promise.all(answers)).filter((status) => status !== 201), [], 'every deposit was accepted')
  const end = performance.now()
  let state = ''
  while (state !== 'final' && performance.now() - end < 60_000) {
    state = ((await service.json(`/v1/evidence/${last}?wait=final&timeout=30`)).body as { state: string }).state
  }
  t.equal(state, 'final')
  const { body } = await service.json('/health/ready')
  t.match(body, { deposits: { final: RATE * SECONDS + earlier } }, 'all of them')
  t.comment(`${leader} killed at ${RATE} deposits/s: all ${RATE * SECONDS} final ${((performance.now() - end) / 1000).toFixed(1)} s after the last`)
  t.same((await networkUp({ dir })).started, [leader])
}

async function ready (service: RunningService): Promise<void> {
  while ((await service.call('/health/ready', { key: false })).status !== 200) await new Promise((resolve) => { setTimeout(resolve, 50) })
}

async function saveBundle (service: RunningService, path: string): Promise<string> {
  writeFileSync(path, Buffer.from(await (await service.call('/v1/trust-bundle', { key: false })).arrayBuffer()))
  return path
}

async function verify (args: readonly string[]): Promise<{ code: number, text: string }> {
  const child = spawn(process.execPath, ['dist/src/cli/main.js', 'verify', ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
  let text = ''
  child.stdout.on('data', (chunk: Buffer) => { text += chunk.toString() })
  const [code] = await once(child, 'close') as [number]
  return { code, text }
}
