import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { Agent, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { setBatchTimeout } from '../../network/shared/config-edits.js'
import { fromBase64url, fromHex, fromUtf8, toHex, utf8 } from '../../src/core/bytes.js'
import { parseCheckpoint, verifyCheckpoint } from '../../src/core/checkpoint.js'
import { parseConfigEnvelope } from '../../src/core/fabric/config.js'
import { printEvidenceNumber } from '../../src/core/evidence-number.js'
import { jcsBytes, type Json } from '../../src/core/jcs.js'
import { verifyConsistency } from '../../src/core/merkle.js'
import { parseProof } from '../../src/core/proof.js'
import { checkReceipt, ed25519PublicKey, parseReceipt } from '../../src/core/receipt.js'
import { parseTrustBundle, fingerprint } from '../../src/core/trust-bundle.js'
import { verify } from '../../src/core/verify.js'
import { readProfile } from '../../src/ledger/profile.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { administrators, broadcast, signedUpdate, updateOf } from '../support/config-changes.js'
import { dataFolder, type RunningService, startService, until, untilReady } from '../support/service.js'

const LIMIT = 300_000
const data = dataFolder(t)
let service: RunningService
t.before(async () => {
  service = await startService(data, { STEELYARD_MAX_FILE_SIZE: String(LIMIT), STEELYARD_RATE_LIMIT: '0' })
  await untilReady(service)
})
t.teardown(async () => { await service.stop() })

const hash = (algorithm: string, bytes: Uint8Array): string => createHash(algorithm).update(bytes).digest('hex')
const post = (path: string, body: unknown): RequestInit => ({
  method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(body)
})

/** A form by hand, so that it can be wrong. */
const BOUNDARY = 'xxBOUNDARYxx'
function part (name: string, value: string | Uint8Array, filename?: string): Buffer {
  const head = `--${BOUNDARY}\r\nContent-Disposition: form-data; name="${name}"${filename === undefined ? '' : `; filename="${filename}"`}\r\n` +
    `${filename === undefined ? '' : 'Content-Type: application/octet-stream\r\n'}\r\n`
  return Buffer.concat([Buffer.from(head), Buffer.from(value), Buffer.from('\r\n')])
}
const END = Buffer.from(`--${BOUNDARY}--\r\n`)
const formOf = (...parts: Uint8Array[]): RequestInit => ({
  method: 'POST', headers: { 'content-type': `multipart/form-data; boundary=${BOUNDARY}` }, body: Buffer.concat(parts)
})
async function contentFiles (): Promise<string[]> {
  const entries = await readdir(join(data, 'content'), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}

t.test('a file, from the deposit to an offline verification', async (t) => {
  const file = randomBytes(100_000)
  const digests = { sha256: hash('sha256', file), sm3: hash('sm3', file) }
  const { status, body } = await service.json('/v1/evidence', formOf(
    part('sm3', digests.sm3), part('file', file, '合同.pdf'), part('metadata', '{"fileName":"合同.pdf","case":"42"}'), part('sha256', digests.sha256), END
  ))
  t.equal(status, 201)
  t.match(body, { state: 'received', digests, number: /^[0-9A-Z]{20}$/, sequence: /^\d+$/, secret: /^[\w-]{43}$/ })
  const { number } = body
  const typed = printEvidenceNumber(number).toLowerCase()

  const { body: bundleText } = await service.json('/v1/trust-bundle')
  const bundle = parseTrustBundle(jcsBytes(bundleText))
  const key = await service.json(`/v1/evidence/${typed}?wait=final&timeout=20`)
  t.match(key.body, { state: 'final', number, digests, size: '100000' })

  const receiptFile = new Uint8Array(await (await service.call(`/v1/evidence/${number}/receipt`)).arrayBuffer())
  t.same(receiptFile, jcsBytes(body.receipt), 'the receipt file is what the answer held')
  const receipt = parseReceipt(receiptFile)

  const proofFile = new Uint8Array(await (await service.call(`/v1/evidence/${number}/proof?disclose=case`)).arrayBuffer())
  const proof = parseProof(proofFile)
  t.same(proof.disclosures?.map(({ name, value }) => [name, value]), [['case', '42']])
  t.equal(proof.attestations?.length, 2)
  const report = verify(nodeCrypto, {
    proof: proofFile,
    receipt: receiptFile,
    bundle: jcsBytes(bundleText),
    bundleSource: 'given',
    pins: [{ fingerprint: fingerprint(nodeCrypto, bundle.identity) }],
    exhibit: { sha256: fromHex(digests.sha256), sm3: fromHex(digests.sm3), size: 100_000n },
    now: new Date().toISOString()
  })
  t.equal(report.exitCode, 0)
  t.match(report.findings.find(({ name }) => name === 'promise'), { code: 'PROMISE_KEPT' })
  const { spki } = await headKey(proof.header.log)
  t.equal(checkReceipt(nodeCrypto, receipt, receipt.record, spki), 'ok')

  t.ok(Buffer.from(await (await service.call(`/v1/evidence/${number}/content`)).arrayBuffer()).equals(file), 'the content comes back')
  const upgraded = await service.call('/v1/proofs/upgrade', { ...post('', JSON.parse(fromUtf8(proofFile))), key: false })
  t.same(new Uint8Array(await upgraded.arrayBuffer()), proofFile, 'nothing to add to a complete proof')

  const byNumber = await service.json('/v1/verify', { ...formOf(part('file', file, 'a'), part('number', typed), END), key: false })
  t.match(byNumber.body, { match: true, report: { number, findings: [{ name: 'integrity', state: 'consistent' }] } })
  const byProof = await service.json('/v1/verify', { ...formOf(part('proof', proofFile, 'p.json'), part('file', file, 'a'), END), key: false })
  t.match(byProof.body, { match: true, report: { number, findings: [{ name: 'integrity', state: 'consistent' }] } })
  const other = await service.json('/v1/verify', { ...post('', { sha256: hash('sha256', utf8('other')), proof: proof as unknown }), key: false })
  t.match(other.body, { match: false, report: { exitCode: 1, findings: [{ name: 'integrity', state: 'differs' }] } }, 'another file')
  for (const [what, proof] of [['garbage', randomBytes(500)], ['another document', utf8('{"type":"x"}')], ['a cut proof', proofFile.subarray(0, -9)]] as const) {
    const answer = await service.json('/v1/verify', { ...formOf(part('proof', proof, 'p.json'), part('file', file, 'a'), END), key: false })
    t.not(answer.body.match, true, what)
    if (answer.status === 200) t.equal(answer.body.match, false, what)
  }
})

async function headKey (log: string): Promise<{ spki: Uint8Array }> {
  const { body } = await service.json('/v1/trust-bundle')
  const text = Buffer.from(body.history.keys.responsePayload, 'base64url').toString('latin1')
  const spki = /"spki":"([\w-]{59})"/.exec(text)?.[1]
  t.ok(spki !== undefined && log.length > 0)
  return { spki: new Uint8Array(Buffer.from(spki ?? '', 'base64url')) }
}

t.test('what does not match and what is unknown get the same answer', async (t) => {
  const sha256 = randomBytes(32).toString('hex')
  const { body: { number } } = await service.depositDigests(sha256)
  const wrong = await service.json('/v1/verify', { ...post('', { sha256: randomBytes(32).toString('hex'), number }), key: false })
  const unknown = await service.json('/v1/verify', { ...post('', { sha256, number: '00000000000000000000' }), key: false })
  t.equal(wrong.body.match, false)
  t.same(wrong.body, unknown.body)
  t.match(await service.json('/v1/verify', { ...post('', { sha256 }), key: false }), { status: 400, body: { code: 'REQUEST_INVALID' } })
})

t.test('digest deposits, their sequences and their states', async (t) => {
  const answers = await Promise.all(Array.from({ length: 40 }, () => service.depositDigests(randomBytes(32).toString('hex'), { size: 5 })))
  t.ok(answers.every(({ status }) => status === 201))
  const sequences = answers.map(({ body }) => Number(body.sequence)).sort((a, b) => a - b)
  t.same(sequences, sequences.map((_, i) => (sequences[0] as number) + i), 'gap-free')
  const own = answers.map(({ body }) => Number(body.receipt.record.submitter.sequence)).sort((a, b) => a - b)
  t.same(own, own.map((_, i) => (own[0] as number) + i), 'and so in the organization')
  t.match(answers[0]?.body.digests, { sha256: /./ })
  const { number } = answers[0]?.body as { number: string }
  t.match(await service.json(`/v1/evidence/${number}/content`), { status: 404, body: { code: 'CONTENT_NOT_STORED' } })
  t.match(await service.json(`/v1/evidence/${number}/proof?disclose=x`), { body: { code: /FIELD_UNKNOWN|PROOF_NOT_READY/ } })
})

t.test('what is refused keeps nothing', async (t) => {
  const before = await contentFiles()
  const received = (await service.json('/health/ready')).body.deposits.received
  const file = randomBytes(5000)
  const refused = async (what: string, init: RequestInit, status: number, code: string): Promise<void> => {
    t.match(await service.json('/v1/evidence', init), { status, body: { code, status, type: /^urn:/ } }, what)
  }
  await refused('empty file', formOf(part('file', '', 'a'), END), 400, 'CONTENT_EMPTY')
  await refused('no file', formOf(part('metadata', '{}'), END), 400, 'FILE_MISSING')
  await refused('too large', formOf(part('file', randomBytes(LIMIT + 1), 'a'), END), 413, 'FILE_TOO_LARGE')
  await refused('no closing boundary', formOf(part('file', file, 'a')), 400, 'MULTIPART_INVALID')
  await refused('cut in the header', formOf(part('file', file, 'a').subarray(0, 40)), 400, 'MULTIPART_INVALID')
  await refused('nothing at all', formOf(), 400, 'FILE_MISSING')
  await refused('other digest', formOf(part('file', file, 'a'), part('sha256', 'ab'.repeat(32)), END), 422, 'DIGEST_MISMATCH')
  await refused('other sm3 first', formOf(part('sm3', 'ab'.repeat(32)), part('file', file, 'a'), END), 422, 'DIGEST_MISMATCH')
  await refused('no digest', formOf(part('sha256', 'xyz'), part('file', file, 'a'), END), 400, 'FIELD_INVALID')
  await refused('metadata is no JSON', formOf(part('file', file, 'a'), part('metadata', '{'), END), 400, 'FIELD_INVALID')
  await refused('metadata is empty', formOf(part('file', file, 'a'), part('metadata', '{}'), END), 400, 'METADATA_INVALID')
  await refused('metadata with null', formOf(part('file', file, 'a'), part('metadata', '{"a":null}'), END), 400, 'METADATA_INVALID')
  await refused('metadata with a member twice', formOf(part('file', file, 'a'), part('metadata', '{"case":"1","case":"2"}'), END), 400, 'JSON_MEMBER_TWICE')
  await refused('metadata that no proof could disclose', formOf(part('file', file, 'a'), part('metadata', `{"a":${'['.repeat(17)}1${']'.repeat(17)}}`), END), 400, 'METADATA_INVALID')
  await refused('metadata of brackets', formOf(part('file', file, 'a'), part('metadata', `{"a":${'['.repeat(30_000)}${']'.repeat(30_000)}}`), END), 400, 'METADATA_INVALID')
  await refused('a field that should be a file', formOf(part('file', 'hello'), END), 400, 'FILE_MISSING')
  await refused('two files', formOf(part('file', file, 'a'), part('file', file, 'b'), END), 400, 'MULTIPART_INVALID')
  await refused('another part', formOf(part('file', file, 'a'), part('color', 'red'), END), 400, 'FIELD_INVALID')
  await refused('not a form', post('', { file: 'x' }), 415, 'MEDIA_TYPE_UNSUPPORTED')
  t.match(await service.json('/v1/evidence/digests', post('', { sha256: 'no' })), { status: 400, body: { code: 'REQUEST_INVALID' } })
  t.match(await service.json('/v1/evidence/digests', post('', { sha256: 'ab'.repeat(32), more: 1 })), { status: 400, body: { code: 'REQUEST_INVALID' } })
  t.match(await service.json('/v1/evidence/digests', post('', { sha256: 'ab'.repeat(32), size: 0 })), { status: 400, body: { code: 'CONTENT_EMPTY' } })
  t.match(await service.json('/v1/evidence/digests', post('', { sha256: hash('sha256', utf8('')) })), { status: 400, body: { code: 'CONTENT_EMPTY' } })
  const twice = { ...post('', {}), body: `{"sha256":"${'ab'.repeat(32)}","metadata":{"case":"1","case":"2"}}` }
  t.match(await service.json('/v1/evidence/digests', twice), { status: 400, body: { code: 'JSON_MEMBER_TWICE' } })
  t.same(await contentFiles(), before, 'no file was left')
  t.equal((await service.json('/health/ready')).body.deposits.received, received, 'no deposit was made')
})

t.test('a refusal says what would have been taken', async (t) => {
  const detail = async (path: string, init: RequestInit): Promise<string> => (await service.json(path, init)).body.detail
  t.match(await detail('/v1/evidence', formOf(part('file', 'hello'), END)), /-F file=@/)
  t.match(await detail('/v1/evidence', formOf(part('file', randomBytes(LIMIT + 1), 'a'), END)), String(LIMIT))
  t.match(await detail('/v1/evidence/digests', post('', { more: 'x'.repeat(200_000) })), /131072/)
  const announced = request(`${service.url}/v1/evidence/bulk`, {
    method: 'POST', headers: { authorization: `Bearer ${service.demo}`, 'content-type': 'application/x-ndjson', 'content-length': 2 ** 24 + 1 }
  })
  announced.flushHeaders()
  const [answer] = await once(announced, 'response') as [IncomingMessage]
  t.match(JSON.parse(Buffer.concat(await answer.toArray() as Buffer[]).toString()), { status: 413, detail: /16777216/ })
  announced.destroy()
})

t.test('digests of either case are the same digests', async (t) => {
  const file = randomBytes(100)
  const digests = { sha256: hash('sha256', file), sm3: hash('sm3', file) }
  const upper = { sha256: digests.sha256.toUpperCase(), sm3: digests.sm3.toUpperCase() }
  t.match(await service.json('/v1/evidence', formOf(part('sha256', upper.sha256), part('sm3', upper.sm3), part('file', file, 'a'), END)), { status: 201, body: { digests } })
  const { status, body } = await service.json('/v1/evidence/digests', post('', upper))
  t.match({ status, body }, { status: 201, body: { digests, receipt: { record: { content: { digests } } } } })
  await service.json(`/v1/evidence/${body.number as string}?wait=final`)
  t.match((await service.json('/v1/verify', { ...post('', { ...upper, number: body.number as string }), key: false })).body, { match: true })
  const line = await service.call('/v1/evidence/bulk', { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body: JSON.stringify(upper) })
  t.match(JSON.parse(await line.text()), { digests })
})

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

t.test('a connection that is cut in the middle of a file keeps nothing', async (t) => {
  const before = await contentFiles()
  const { hostname, port } = new URL(service.url)
  const socket = connect(Number(port), hostname)
  const head = part('file', randomBytes(200_000), 'a')
  socket.write(`POST /v1/evidence HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${service.demo}\r\n` +
    `content-type: multipart/form-data; boundary=${BOUNDARY}\r\ncontent-length: ${head.length + 1000}\r\n\r\n`)
  socket.write(head)
  await until(async () => (await contentFiles()).length > before.length) // it is being received
  socket.destroy()
  await until(async () => (await contentFiles()).length === before.length)
  t.same(await contentFiles(), before)
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
  const { spki } = await headKey(origin)
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

t.test('bulk: a receipt for each line, in order, and a line that fails spoils no other', async (t) => {
  const good = (): Record<string, unknown> => ({ sha256: hash('sha256', randomBytes(8)), sm3: hash('sm3', randomBytes(8)), size: 5 })
  const lines = Array.from({ length: 700 }, () => JSON.stringify(good()))
  lines[3] = '{"sha256":'
  lines[300] = JSON.stringify({ ...good(), sha256: 'no digest' })
  lines[301] = JSON.stringify({ ...good(), metadata: {} })
  lines[699] = JSON.stringify({ ...good(), metadata: { fileName: 'a.pdf' } })
  const bulk = async (body: string, type = 'application/x-ndjson'): Promise<Response> =>
    await service.call('/v1/evidence/bulk', { method: 'POST', headers: { 'content-type': type }, body })
  const response = await bulk(lines.join('\n') + '\n')
  t.equal(response.status, 200)
  t.equal(response.headers.get('content-type'), 'application/x-ndjson')
  const answers = (await response.text()).trimEnd().split('\n').map((line) => JSON.parse(line))
  t.same(answers.map(({ line }) => line), lines.map((_, i) => i + 1))
  const failed = new Map(answers.filter(({ problem }) => problem !== undefined).map(({ line, problem }) => [line, problem.code]))
  t.same([...failed], [[4, 'REQUEST_INVALID'], [301, 'REQUEST_INVALID'], [302, 'METADATA_INVALID']])
  const deposited = answers.filter(({ problem }) => problem === undefined)
  const first = Number(deposited[0].sequence)
  t.same(deposited.map(({ sequence }) => Number(sequence)), deposited.map((_, i) => first + i), 'their order is kept')
  for (const { number, receipt, line } of [deposited[0], deposited.at(-1)]) {
    const parsed = parseReceipt(jcsBytes(receipt))
    t.equal(parsed.record.number, number)
    t.equal(parsed.record.content.digests.sha256, JSON.parse(lines[line - 1] as string).sha256)
    t.equal((await service.json(`/v1/evidence/${number as string}?wait=final`)).body.state, 'final')
  }

  t.match(await (await bulk('')).json(), { code: 'REQUEST_INVALID' })
  t.match(await (await bulk('{}\n'.repeat(10_001))).json(), { code: 'BODY_TOO_LARGE' })
  for (const type of ['text/plain', 'application/json', 'multipart/form-data; boundary=x']) {
    t.match(await (await bulk(`${lines[0] as string}\n${lines[1] as string}\n`, type)).json(), { status: 415, code: 'MEDIA_TYPE_UNSUPPORTED', detail: /application\/x-ndjson/ }, type)
  }
  const twice = JSON.parse(await (await bulk(`{"sha256":"${'ab'.repeat(32)}","metadata":{"case":"1","case":"2"}}`)).text())
  t.match(twice, { line: 1, problem: { code: 'JSON_MEMBER_TWICE' } })
})
