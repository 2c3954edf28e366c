/** What is read over HTTP: content, keys and scopes, the log, health, metrics, the trust bundle. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { Agent, type IncomingMessage, request } from 'node:http'
import { join } from 'node:path'
import t from 'tap'
import { setBatchTimeout } from '../../network/shared/config-edits.js'
import { fromBase64url, fromHex, toHex, utf8 } from '../../src/core/bytes.js'
import { parseCheckpoint, verifyCheckpoint } from '../../src/core/checkpoint.js'
import { parseConfigEnvelope } from '../../src/core/fabric/config.js'
import { printEvidenceNumber } from '../../src/core/evidence-number.js'
import { jcsBytes, type Json } from '../../src/core/jcs.js'
import { verifyConsistency } from '../../src/core/merkle.js'
import { ed25519PublicKey } from '../../src/core/receipt.js'
import { verify } from '../../src/core/verify.js'
import { readProfile } from '../../src/ledger/profile.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { administrators, broadcast, signedUpdate, updateOf } from '../support/config-changes.js'
import { receiptKeyOf } from '../support/receipt-key.js'
import { dataFolder, type RunningService, startService, until, untilReady } from '../support/service.js'
import { END, formOf, hash, part } from '../support/forms.js'

const data = dataFolder(t)
let service: RunningService
t.before(async () => {
  service = await startService(data, { STEELYARD_RATE_LIMIT: '0' })
  await untilReady(service)
})
t.teardown(async () => { await service.stop() })

t.test('a part of a content, and what a client already has', async (t) => {
  const file = randomBytes(280_000)
  const { body: { number } } = await service.json('/v1/evidence', formOf(part('file', file, 'a'), END))
  const tag = `"${hash('sha256', file)}"`
  const get = async (headers: Record<string, string>): Promise<[number, Headers, Buffer]> => {
    const response = await service.call(`/v1/evidence/${number as string}/content`, { headers })
    return [response.status, response.headers, Buffer.from(await response.arrayBuffer())]
  }
  const [whole, headers, bytes] = await get({})
  t.same([whole, headers.get('etag'), headers.get('accept-ranges'), bytes.equals(file)], [200, tag, 'bytes', true])
  const [partial, partHeaders, part_] = await get({ range: 'bytes=262100-262200' })
  t.same([partial, partHeaders.get('content-range'), part_.equals(file.subarray(262_100, 262_201))], [206, 'bytes 262100-262200/280000', true])
  t.same((await get({ range: 'bytes=-5', 'if-range': tag }))[2], file.subarray(-5))
  t.equal((await get({ range: 'bytes=-5', 'if-range': '"another"' }))[2].length, file.length, 'another content: all of this one')
  const [none, noneHeaders] = await get({ range: 'bytes=280000-' })
  t.same([none, noneHeaders.get('content-range'), noneHeaders.get('etag')], [416, 'bytes */280000', null])
  t.same((await get({ 'if-none-match': tag })).map((each) => each instanceof Headers ? each.get('etag') : each), [304, tag, Buffer.alloc(0)])

  const sha256 = hash('sha256', file)
  const path = join(data, 'content', sha256.slice(0, 2), sha256.slice(2, 4), sha256)
  await writeFile(path, Buffer.concat([file.subarray(0, -1), Buffer.from([(file.at(-1) as number) ^ 1])]))
  const damaged = await service.json(`/v1/evidence/${number as string}/content`, { headers: { range: 'bytes=0-9' } })
  t.match(damaged, { status: 500, body: { code: 'CONTENT_DAMAGED' } }, 'also when another part is damaged')
  await writeFile(path, file)
})

t.test('what one request on a connection has shown says nothing of the next', async (t) => {
  const { body: { number } } = await service.depositDigests(randomBytes(32).toString('hex'))
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  t.teardown(() => { agent.destroy() })
  const ports = new Set<number | undefined>()
  const ask = async (authorization?: string): Promise<number | undefined> => {
    const sent = request(`${service.url}/v1/evidence/${number}`, { agent, headers: authorization === undefined ? {} : { authorization } }).end()
    const [response] = await once(sent, 'response') as [IncomingMessage]
    ports.add(response.socket.localPort)
    await once(response.resume(), 'end')
    return response.statusCode
  }
  const { demo, admin } = service
  t.same([await ask(`Bearer ${demo}`), await ask(`Bearer ${demo}`), await ask(`bearer ${demo}`)], [200, 200, 200])
  t.same([await ask(`Bearer ${admin}`), await ask(`Bearer ${demo.slice(0, -1)}`), await ask(), await ask(`Bearer ${demo}`)], [404, 401, 401, 200])
  t.equal(ports.size, 1, 'all of it was one connection')
})

t.test('keys, scopes and numbers', async (t) => {
  const { body: { number } } = await service.depositDigests(randomBytes(32).toString('hex'))
  t.match(await service.json(`/v1/evidence/${number}`, { key: false }), { status: 401, body: { code: 'UNAUTHENTICATED' } })
  t.match(await service.json(`/v1/evidence/${number}`, { key: `${service.demo}x` }), { status: 401 })
  t.match(await service.json(`/v1/evidence/${number}`, { key: service.admin }), { status: 404, body: { code: 'NUMBER_UNKNOWN' } }, 'another organization')
  for (const what of ['proof', 'receipt', 'content']) {
    t.match(await service.json(`/v1/evidence/${number}/${what}`, { key: service.admin }), { status: 404, body: { code: 'NUMBER_UNKNOWN' } })
  }
  const wrong = (number[4] === '7' ? '8' : '7')
  const typo = `${number.slice(0, 4)}${wrong}${number.slice(5)}`
  t.match(await service.json(`/v1/evidence/${typo}`), {
    status: 400, body: { code: 'NUMBER_TYPO', position: 5, proposal: printEvidenceNumber(number) }
  })
  t.match(await service.json('/v1/evidence/123'), { status: 400, body: { code: 'NUMBER_MALFORMED' } })
  t.match(await service.json('/v1/nothing'), { status: 404, body: { code: 'ROUTE_UNKNOWN' } })
  const received = await service.depositDigests(randomBytes(32).toString('hex'))
  const early = await service.json(`/v1/evidence/${received.body.number}/proof`)
  if (early.status !== 200) t.match([early.status, early.body.code, early.headers.get('retry-after')], [409, 'PROOF_NOT_READY', '1'])
})

t.test('the log in the open', async (t) => {
  const { body: deposited } = await service.depositDigests(randomBytes(32).toString('hex'))
  await service.json(`/v1/evidence/${deposited.number}?wait=final&timeout=20`)
  const head = parseCheckpoint(utf8(await (await service.call('/v1/log/head', { key: false })).text()))
  const { origin, size, root } = head.checkpoint
  const { spki } = await receiptKeyOf(service)
  t.ok(verifyCheckpoint(nodeCrypto, head, { name: origin, publicKey: ed25519PublicKey(spki) as Uint8Array }))
  t.ok(size >= 2n)
  const { body: { header } } = await service.json('/v1/batches/1', { key: false })
  const consistency = await service.json(`/v1/log/consistency?first=1&second=${size}`, { key: false })
  t.ok(verifyConsistency(nodeCrypto, { size: 1, root: fromHex(header.previousHead) }, { size: Number(size), root }, consistency.body.path.map(fromHex)))
  const tile = new Uint8Array(await (await service.call('/v1/tiles/batch/0/0', { key: false })).arrayBuffer())
  t.equal(tile.length % 32, 0)
  const logTile = new Uint8Array(await (await service.call('/v1/tiles/log/0/0', { key: false })).arrayBuffer())
  t.ok(logTile.length >= Number(size) * 32)
  t.equal(toHex(nodeCrypto.sha256(Buffer.concat([Buffer.of(0), jcsBytes(header)]))), toHex(logTile.subarray(32, 64)))
  t.match(await service.json('/v1/batches/999999'), { status: 404, body: { code: 'BATCH_UNKNOWN' } })
  t.match(await service.json('/v1/tiles/batch/0/9'), { status: 404, body: { code: 'TILE_UNKNOWN' } })
  t.match(await service.json('/v1/log/consistency?first=5&second=4'), { status: 404, body: { code: 'HEAD_UNKNOWN' } })
  t.match(await service.json('/v1/batches/-1'), { status: 400, body: { code: 'REQUEST_INVALID' } })
})

t.test('health, metrics and the description of the API', async (t) => {
  t.same((await service.json('/health/live', { key: false })).body, { status: 'live' })
  t.match((await service.json('/health/ready', { key: false })).body, { status: 'ready', intake: 'open', ledger: 'up', reasons: [] })
  const metrics = await (await service.call('/metrics', { key: false })).text()
  for (const name of ['deposits_final', 'commit_queue', 'unanchored_age_seconds', 'ledger_up', 'stage_depth', 'stage_failures_total', 'stage_last_success_timestamp_seconds',
    'stage_failing_seconds']) {
    t.match(metrics, new RegExp(`^steelyard_${name}`, 'm'))
  }
  const { body } = await service.json('/openapi.json', { key: false })
  t.match(body, { openapi: '3.1.0' })
  const manual = await readFile('docs/operations.md', 'utf8')
  const told = [...metrics.matchAll(/^# HELP (steelyard_\w+)/gm)].map(([, name]) => name as string)
    .concat(Object.keys(body.paths['/health/ready'].get.responses['200'].content['application/json'].schema.properties as object))
  for (const name of told) t.ok(manual.includes(`\`${name}\``), `${name} is explained in docs/operations.md`)
  const operations = Object.values(body.paths as Record<string, Record<string, { responses: object }>>).flatMap((path) => Object.values(path))
  t.ok(operations.length >= 16)
  t.ok(operations.every(({ responses }) => Object.keys(responses).length > 0))
})

t.test('a change of the channel is followed: the bundle gains a range and the log\'s head at its end, and its fingerprint stays', async (t) => {
  const early = randomBytes(10)
  const { body: { number: earlier } } = await service.depositDigests(hash('sha256', early), { sm3: hash('sm3', early), size: 10 })
  t.equal((await service.json(`/v1/evidence/${earlier as string}?wait=final`)).body.state, 'final')
  const before = (await service.json('/v1/trust-bundle')).body
  const config = parseConfigEnvelope(nodeCrypto, fromBase64url(before.history.genesis.data[0]))
  const profile = await readProfile(join(data, 'network', 'profiles', 'operator.json'))
  const signers = administrators(join(data, 'network', 'crypto', 'operator'), { mspId: 'OperatorMSP', ordererMspId: 'OperatorOrdererMSP' })
  const raw = profile.raw as { orderers: Record<string, { url: string, tlsCACerts: { pem: string } }> }
  const [{ url, tlsCACerts }] = Object.values(raw.orderers) as [{ url: string, tlsCACerts: { pem: string } }]
  const update = updateOf(config, (channel) => { setBatchTimeout(channel, '99ms') })
  t.same([...await broadcast(url.replace('grpcs://', ''), tlsCACerts.pem, signedUpdate(config.channelId, update, signers))], [8, 200, 1], 'SUCCESS')

  await until(async () => (await service.json('/v1/trust-bundle')).body.history.heads?.length === 1)
  const bundle = (await service.json('/v1/trust-bundle')).body
  t.same(bundle.identity, before.identity)
  t.equal(bundle.history.configs.length, 1)
  const file = randomBytes(10)
  const { body: { number } } = await service.depositDigests(hash('sha256', file), { sm3: hash('sm3', file), size: 10 })
  t.equal((await service.json(`/v1/evidence/${number as string}?wait=final`)).body.state, 'final')
  const proof = new Uint8Array(await (await service.call(`/v1/evidence/${number as string}/proof`)).arrayBuffer())
  const terms = { proof, exhibit: { sha256: fromHex(hash('sha256', file)), sm3: fromHex(hash('sm3', file)), size: 10n }, bundleSource: 'given', trustAsGiven: true } as const
  t.equal(verify(nodeCrypto, { ...terms, bundle: jcsBytes(bundle), now: new Date().toISOString() }).exitCode, 0)
  const ledger = (given: { proof: Uint8Array }, bundle: Json): unknown => verify(nodeCrypto, { ...terms, ...given, bundle: jcsBytes(bundle), now: new Date().toISOString() })
    .findings.find(({ name }) => name === 'ledger')
  t.match(ledger({ proof }, before), { code: 'BUNDLE_OLDER' })
  const old = { proof: new Uint8Array(await (await service.call(`/v1/evidence/${earlier as string}/proof`)).arrayBuffer()) }
  t.match(JSON.parse(new TextDecoder().decode(old.proof)), { closedHead: { size: String(Number(bundle.history.heads[0].batch) + 1) } })
  t.match(ledger(old, bundle), { code: 'LEDGER_ONE_OPERATOR' })
  t.match(ledger(old, before), { code: 'CLOSED_HEAD_UNKNOWN' })
})

t.test('a long poll whose client leaves holds nothing', async (t) => {
  const { body: { number } } = await service.depositDigests(randomBytes(32).toString('hex'))
  const waiting = request(`${service.url}/v1/evidence/${number}?wait=final&timeout=60`, { headers: { authorization: `Bearer ${service.demo}` } })
  waiting.on('error', () => undefined).end()
  waiting.destroy()
  await until(async () => /^steelyard_waiting_requests 0$/m.test(await (await service.call('/metrics')).text()))
  t.pass('gone')
})
