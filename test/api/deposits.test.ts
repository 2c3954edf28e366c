/** Deposits over HTTP: what is taken, what is refused, and that nothing is kept of that. */
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { readdir } from 'node:fs/promises'
import { type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { fromHex, fromUtf8, utf8 } from '../../src/core/bytes.js'
import { printEvidenceNumber } from '../../src/core/evidence-number.js'
import { jcsBytes } from '../../src/core/jcs.js'
import { parseProof } from '../../src/core/proof.js'
import { checkReceipt, parseReceipt } from '../../src/core/receipt.js'
import { parseTrustBundle, fingerprint } from '../../src/core/trust-bundle.js'
import { verify } from '../../src/core/verify.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { receiptKeyOf } from '../support/receipt-key.js'
import { dataFolder, type RunningService, startService, until, untilReady } from '../support/service.js'
import { BOUNDARY, END, formOf, hash, part, post } from '../support/forms.js'

const LIMIT = 300_000
const data = dataFolder(t)
let service: RunningService
t.before(async () => {
  service = await startService(data, { STEELYARD_MAX_FILE_SIZE: String(LIMIT), STEELYARD_RATE_LIMIT: '0' })
  await untilReady(service)
})
t.teardown(async () => { await service.stop() })

async function contentFiles (): Promise<string[]> {
  const entries = await readdir(join(data, 'content'), { recursive: true, withFileTypes: true })
  return entries.filter((entry) => entry.isFile()).map(({ name }) => name)
}

t.test('deposits of digests do not pay for the headers of pages, everything else has them', async (t) => {
  const policy = 'content-security-policy'
  const headersOf = async (path: string, init?: RequestInit): Promise<Headers> => (await service.call(path, init)).headers
  const digests = await headersOf('/v1/evidence/digests', post({ sha256: hash('sha256', randomBytes(8)) }))
  const bulk = await headersOf('/v1/evidence/bulk', { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body: `{"sha256":"${hash('sha256', randomBytes(8))}"}` })
  const refused = await headersOf('/v1/evidence/digests', post({ sha256: 'x' }))
  for (const headers of [digests, bulk, refused]) {
    t.equal(headers.get('x-content-type-options'), 'nosniff')
    t.notOk(headers.has(policy))
  }
  for (const path of ['/health/live', '/v1/log/head', '/openapi.json']) t.match((await headersOf(path)).get(policy), /default-src 'none'/, path)
})

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
  const { spki } = await receiptKeyOf(service)
  t.equal(checkReceipt(nodeCrypto, receipt, receipt.record, spki), 'ok')

  t.ok(Buffer.from(await (await service.call(`/v1/evidence/${number}/content`)).arrayBuffer()).equals(file), 'the content comes back')
  const upgraded = await service.call('/v1/proofs/upgrade', { ...post(JSON.parse(fromUtf8(proofFile))), key: false })
  t.same(new Uint8Array(await upgraded.arrayBuffer()), proofFile, 'nothing to add to a complete proof')

  const byNumber = await service.json('/v1/verify', { ...formOf(part('file', file, 'a'), part('number', typed), END), key: false })
  t.match(byNumber.body, { match: true, report: { number, findings: [{ name: 'integrity', state: 'consistent' }] } })
  const byProof = await service.json('/v1/verify', { ...formOf(part('proof', proofFile, 'p.json'), part('file', file, 'a'), END), key: false })
  t.match(byProof.body, { match: true, report: { number, findings: [{ name: 'integrity', state: 'consistent' }] } })
  const other = await service.json('/v1/verify', { ...post({ sha256: hash('sha256', utf8('other')), proof: proof as unknown }), key: false })
  t.match(other.body, { match: false, report: { exitCode: 1, findings: [{ name: 'integrity', state: 'differs' }] } }, 'another file')
  for (const [what, proof] of [['garbage', randomBytes(500)], ['another document', utf8('{"type":"x"}')], ['a cut proof', proofFile.subarray(0, -9)]] as const) {
    const answer = await service.json('/v1/verify', { ...formOf(part('proof', proof, 'p.json'), part('file', file, 'a'), END), key: false })
    t.not(answer.body.match, true, what)
    if (answer.status === 200) t.equal(answer.body.match, false, what)
  }
})

t.test('what does not match and what is unknown get the same answer', async (t) => {
  const sha256 = randomBytes(32).toString('hex')
  const { body: { number } } = await service.depositDigests(sha256)
  const wrong = await service.json('/v1/verify', { ...post({ sha256: randomBytes(32).toString('hex'), number }), key: false })
  const unknown = await service.json('/v1/verify', { ...post({ sha256, number: '00000000000000000000' }), key: false })
  t.equal(wrong.body.match, false)
  t.same(wrong.body, unknown.body)
  t.match(await service.json('/v1/verify', { ...post({ sha256 }), key: false }), { status: 400, body: { code: 'REQUEST_INVALID' } })
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
  await refused('not a form', post({ file: 'x' }), 415, 'MEDIA_TYPE_UNSUPPORTED')
  t.match(await service.json('/v1/evidence/digests', post({ sha256: 'no' })), { status: 400, body: { code: 'REQUEST_INVALID' } })
  t.match(await service.json('/v1/evidence/digests', post({ sha256: 'ab'.repeat(32), more: 1 })), { status: 400, body: { code: 'REQUEST_INVALID' } })
  t.match(await service.json('/v1/evidence/digests', post({ sha256: 'ab'.repeat(32), size: 0 })), { status: 400, body: { code: 'CONTENT_EMPTY' } })
  t.match(await service.json('/v1/evidence/digests', post({ sha256: hash('sha256', utf8('')) })), { status: 400, body: { code: 'CONTENT_EMPTY' } })
  const twice = { ...post({}), body: `{"sha256":"${'ab'.repeat(32)}","metadata":{"case":"1","case":"2"}}` }
  t.match(await service.json('/v1/evidence/digests', twice), { status: 400, body: { code: 'JSON_MEMBER_TWICE' } })
  t.same(await contentFiles(), before, 'no file was left')
  t.equal((await service.json('/health/ready')).body.deposits.received, received, 'no deposit was made')
})

t.test('a refusal says what would have been taken', async (t) => {
  const detail = async (path: string, init: RequestInit): Promise<string> => (await service.json(path, init)).body.detail
  t.match(await detail('/v1/evidence', formOf(part('file', 'hello'), END)), /-F file=@/)
  t.match(await detail('/v1/evidence', formOf(part('file', randomBytes(LIMIT + 1), 'a'), END)), String(LIMIT))
  t.match(await detail('/v1/evidence/digests', post({ more: 'x'.repeat(200_000) })), /131072/)
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
  const { status, body } = await service.json('/v1/evidence/digests', post(upper))
  t.match({ status, body }, { status: 201, body: { digests, receipt: { record: { content: { digests } } } } })
  await service.json(`/v1/evidence/${body.number as string}?wait=final`)
  t.match((await service.json('/v1/verify', { ...post({ ...upper, number: body.number as string }), key: false })).body, { match: true })
  const line = await service.call('/v1/evidence/bulk', { method: 'POST', headers: { 'content-type': 'application/x-ndjson' }, body: JSON.stringify(upper) })
  t.match(JSON.parse(await line.text()), { digests })
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
