import { generateKeyPairSync, randomBytes, sign } from 'node:crypto'
import { cp } from 'node:fs/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import addFormats from 'ajv-formats'
import { Wallet } from 'ethers'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { fromBase64url, fromHex, fromUtf8, toBase64url } from '../../src/core/bytes.js'
import { parseBatchHeader } from '../../src/core/batch.js'
import { checkClaim, claimText, type SignedClaim } from '../../src/core/claim.js'
import { parseProof } from '../../src/core/proof.js'
import { checkReceipt, ed25519PublicKey, parseReceipt, receiptKeyId } from '../../src/core/receipt.js'
import { leafHash, verifyInclusion } from '../../src/core/merkle.js'
import { recordBytes } from '../../src/core/record.js'
import { createApp } from '../../src/http/app.js'
import type { Clock, Signer } from '../../src/notary/context.js'
import type { Deposited } from '../../src/notary/intake.js'
import { createNotary, type Notary } from '../../src/notary/notary.js'
import { nodeCrypto } from '../../src/platform/node.js'
import type { ApiKey } from '../../src/store/api-keys.js'
import { StoreError } from '../../src/store/errors.js'
import { openStore, type Store } from '../../src/store/store.js'
import { FakeLedger } from '../support/memory-ledger.js'
import { until } from '../support/service.js'

const ORIGIN = 'test.example/0011223344556677'
const BY: ApiKey = { id: '0011223344556677', organization: '8899aabbccddeeff', label: 'test', scopes: ['deposit', 'read'] }
const noop = (): void => undefined

const { privateKey, publicKey } = generateKeyPairSync('ed25519')
const spki = new Uint8Array(publicKey.export({ format: 'der', type: 'spki' }))
const signer: Signer = {
  keyId: receiptKeyId(nodeCrypto, spki), spki, publicKey: ed25519PublicKey(spki) as Uint8Array, sign: (message) => sign(null, message, privateKey)
}

interface World { notary: Notary, ledger: FakeLedger, store: Store, folder: string, close (): Promise<void>, restart (): Promise<World> }

async function world (t: Test, options: { ledger?: FakeLedger, clock?: Clock, folder?: string, queueLimit?: number, store?: Store, sealSize?: number } = {}): Promise<World> {
  const { clock = Date.now, folder = t.testdir({}), queueLimit = 1000, sealSize = 8192 } = options
  const ledger = options.ledger ?? new FakeLedger(ORIGIN, clock)
  const store = options.store ?? await openStore(folder, noop)
  const notary: Notary = await createNotary({
    context: {
      crypto: nodeCrypto, clock, random: randomBytes, signer, checkpoint: noop, log: { info: noop, warn: noop, error: noop }, origin: ORIGIN, deadlineMs: 3_600_000
    },
    store,
    connect: async () => await Promise.resolve(ledger),
    facts: () => ({ kind: 'embedded-single', entities: [{ name: 'operator', operator: true, peers: ['OperatorMSP'], orderers: ['OperatorOrdererMSP'] }] }),
    skewMs: 30_000,
    sealAgeMs: 10,
    sealSize,
    queueLimit,
    uploads: { maxFileSize: 1000, expiryMs: 60_000, perKey: 2 },
    onBundle: noop,
    trusting: {
      locate: ({ responsePayload }) => ({ block: String(ledger.blockOfBatch(fromUtf8(fromBase64url(responsePayload)))), transaction: 0 }),
      selfCheck: async (sequence) => { parseProof(await notary.prover.prove({ sequence })) }
    }
  })
  let isClosed = false
  const close = async (): Promise<void> => {
    if (isClosed) return
    isClosed = true
    await notary.close(0)
    await store.close()
  }
  t.teardown(close)
  return {
    notary,
    ledger,
    store,
    folder,
    close,
    async restart () {
      await close()
      return await world(t, { ledger, clock, folder, queueLimit, sealSize })
    }
  }
}

const digests = (): { sha256: string, sm3: string } => ({ sha256: randomBytes(32).toString('hex'), sm3: randomBytes(32).toString('hex') })
const deposit = async ({ notary }: World, count: number): Promise<Deposited[]> =>
  await Promise.all(Array.from({ length: count }, () => notary.intake.digests(BY, { digests: digests() })))
const allFinal = async ({ notary: { progress } }: World): Promise<void> => {
  await until(async () => await Promise.resolve(progress.final.sequence === progress.received))
}
const stage = ({ notary }: World, name: string): ReturnType<Notary['stages'][number]['status']> =>
  notary.stages.map((each) => each.status()).find((status) => status.name === name) as never

t.test('groups of any size: receipts bind, sequences have no gaps, proofs lead to the log', async (t) => {
  const at = await world(t, { queueLimit: 5000, sealSize: 700 })
  let next = 0
  for (const count of [1, 2, 3, 64, 1500]) {
    const deposited = await deposit(at, count)
    for (const { sequence, receipt } of deposited) {
      const parsed = parseReceipt(Buffer.from(receipt.join('')))
      t.equal(sequence, next++)
      if (checkReceipt(nodeCrypto, parsed, parsed.record, spki) !== 'ok') t.fail(`receipt of ${sequence}`)
    }
  }
  await allFinal(at)
  for (const sequence of [0, 1, 5, 69, 70, 600, 1569]) {
    const proof = parseProof(await at.notary.prover.prove({ sequence }))
    const { header } = proof
    t.ok(verifyInclusion(nodeCrypto, leafHash(nodeCrypto, recordBytes(proof.record)), sequence - Number(header.first), Number(header.size),
      proof.batchPath.map(fromHex), fromHex(header.root)))
    t.equal(checkReceipt(nodeCrypto, proof.receipt, proof.record, spki), 'ok', 'receipt made again from the store')
  }
  t.ok(at.notary.progress.sealed.batches >= 3)
})

t.test('what was acknowledged survives a restart in every state', async (t) => {
  let at = await world(t)
  at.ledger.isUp = false
  const deposited = await deposit(at, 20)
  at = await at.restart()
  t.equal(at.notary.progress.received, 20)
  t.same(await at.notary.prover.receipt(7), parseReceipt(Buffer.from(deposited[7]?.receipt.join('') ?? '')))
  at.ledger.isUp = true
  await allFinal(at)
  at = await at.restart()
  t.equal(at.notary.progress.state(19), 'final')
  const [more] = await deposit(at, 1)
  t.equal(more?.sequence, 20)
  t.equal(parseReceipt(Buffer.from(more?.receipt.join('') ?? '')).record.submitter.sequence, '20')
  await allFinal(at)
})

for (const fault of ['unsent', 'lost', 'answer-lost', 'committed-late'] as const) {
  t.test(`anchoring: ${fault}`, async (t) => {
    let at = await world(t)
    at.ledger.faults.push(fault)
    await deposit(at, 3)
    await until(async () => await Promise.resolve(at.ledger.faults.length === 0))
    if (fault !== 'unsent') at = await at.restart() // in the middle of it
    await allFinal(at)
    for (let number = 0; number < at.notary.progress.sealed.batches; number++) {
      t.ok(at.ledger.blockOfBatch(String(number)) > 0, 'the batch is there')
    }
    t.equal(stage(at, 'anchoring').alarm, undefined)
  })
}

t.test('a ledger that answers and takes nothing: the service says that it is not ready, what waits and why', async (t) => {
  const at = await world(t)
  const app = await createApp({
    notary: at.notary, logger: pino({ level: 'silent' }), maxFileSize: 1000, rateLimit: 0, version: '0'
  })
  t.teardown(async () => { await app.close() })
  const ready = async (): Promise<{ status: number, body: any }> => {
    const response = await app.inject('/health/ready')
    return { status: response.statusCode, body: response.json() }
  }
  await until(async () => (await ready()).status === 200)
  t.match((await ready()).body, { ledger: 'up', reasons: [] })

  at.ledger.faults.push(...Array.from({ length: 10_000 }, () => 'unsent' as const))
  const [deposited] = await deposit(at, 1)
  await until(async () => await Promise.resolve(stage(at, 'anchoring').failures >= 2))
  t.ok(at.notary.link.isUp, 'one peer answers')
  t.match(await ready(), {
    status: 503,
    body: {
      status: 'not-ready',
      intake: 'open',
      ledger: 'stalled',
      reasons: ['ANCHORING_STALLED'],
      stalled: { code: 'ANCHORING_STALLED', stage: 'anchoring', error: 'UNAVAILABLE', message: /nothing was sent/ }
    }
  })
  const metrics = (await app.inject('/metrics')).body
  t.match(metrics, /^steelyard_ledger_up 0$/m)
  t.match(metrics, /^steelyard_stage_failures_total\{stage="anchoring"\} [1-9]/m)
  t.match(metrics, /^steelyard_stage_last_error_timestamp_seconds\{stage="anchoring",code="UNAVAILABLE"\} \d/m)
  const key = at.notary.keys.newToken()
  await at.notary.keys.register(key, { organization: BY.organization, label: 'test', scopes: ['read'] })
  const evidence = async (): Promise<any> => (await app.inject({
    url: `/v1/evidence/${parseReceipt(Buffer.from(deposited?.receipt.join('') ?? '')).record.number}`, headers: { authorization: `Bearer ${key}` }
  })).json()
  t.match(await evidence(), { waiting: { stage: 'anchoring', code: 'UNAVAILABLE', since: /^20/ } })

  at.ledger.faults.length = 0
  await allFinal(at)
  await until(async () => (await ready()).status === 200)
  t.match((await ready()).body, { ledger: 'up', reasons: [] })
  const { state, waiting } = await evidence()
  t.same([state, waiting], ['final', undefined])
})

t.test('another batch under our number stops sealing and intake, with an alarm', async (t) => {
  const clock = Date.now
  const ledger = new FakeLedger(ORIGIN, clock)
  const folder = t.testdir({ first: {}, second: {} })
  const [other, at] = [await world(t, { ledger, folder: `${folder}/first` }), await world(t, { ledger, folder: `${folder}/second` })]
  await until(async () => await Promise.resolve(other.notary.link.isUp && at.notary.link.isUp)) // both while the log is empty
  await deposit(other, 1)
  await allFinal(other)
  await deposit(at, 2)
  await alarmed(t, at, 'LEDGER_FORK')
})

const alarmed = async (t: Test, at: World, code: string): Promise<void> => {
  await until(async () => await Promise.resolve(stage(at, 'anchoring').alarm !== undefined))
  t.same([stage(at, 'anchoring').alarm, stage(at, 'sealing').alarm], [code, code])
  await t.rejects(deposit(at, 1), { code })
}

t.test('a ledger that holds more than this folder: an alarm at the connection, before anything is sent', async (t) => {
  const ledger = new FakeLedger(ORIGIN, Date.now)
  const folder = t.testdir({ newer: {}, older: {} })
  const other = await world(t, { ledger, folder: `${folder}/newer` })
  await deposit(other, 1)
  await allFinal(other)
  const at = await world(t, { ledger, folder: `${folder}/older` })
  await alarmed(t, at, 'LEDGER_AHEAD')
  t.equal(ledger.anchors, 1)
})

t.test('a ledger that holds another batch than this folder: likewise', async (t) => {
  const ledger = new FakeLedger(ORIGIN, Date.now)
  const folder = t.testdir({ first: {}, second: {} })
  const other = await world(t, { ledger, folder: `${folder}/first` })
  await deposit(other, 1)
  await allFinal(other)
  ledger.isUp = false
  const at = await world(t, { ledger, folder: `${folder}/second` })
  await deposit(at, 2) // nothing speaks against the folder
  await until(async () => await Promise.resolve(at.notary.progress.sealed.batches === 1))
  ledger.isUp = true
  await alarmed(t, at, 'LEDGER_FORK')
  t.equal(ledger.anchors, 1)
})

t.test('a ledger that lost what it had is not used, and deposits wait', async (t) => {
  let at = await world(t)
  await deposit(at, 1)
  await allFinal(at)
  const before = new Map(at.ledger.state.state)
  for (const key of before.keys()) at.ledger.state.state.delete(key)
  at = await at.restart()
  await until(async () => await Promise.resolve(stage(at, 'ledger').lastError?.code === 'GAP'))
  await deposit(at, 1)
  t.same([at.notary.link.isUp, stage(at, 'anchoring').alarm], [false, undefined])
  for (const [key, value] of before) at.ledger.state.state.set(key, value) // it has caught up
  await allFinal(at)
})

t.test('a folder that was copied takes nothing and seals nothing before its ledger agrees', async (t) => {
  const root = t.testdir({ first: {} })
  const first = await world(t, { folder: `${root}/first` })
  await deposit(first, 3)
  await allFinal(first)
  first.ledger.isUp = false
  await deposit(first, 1)
  await first.close()
  const folder = `${root}/copy`
  await cp(first.folder, folder, { recursive: true })
  let at = await world(t, { ledger: first.ledger, folder })
  await t.rejects(deposit(at, 1), { code: 'LOG_UNCONFIRMED', retryAfter: 60 })
  at = await at.restart()
  await t.rejects(deposit(at, 1), { code: 'LOG_UNCONFIRMED' }, 'a second start does not make it the place where the log is')
  at.ledger.isUp = true
  await allFinal(at)
  await deposit(at, 1)
  at.ledger.isUp = false
  at = await at.restart()
  await deposit(at, 1) // it is where the log goes on
})

t.test('nothing is promised when the ledger is too far behind', async (t) => {
  let offset = 0
  const at = await world(t, { clock: () => Date.now() + offset })
  at.ledger.isUp = false
  await deposit(at, 1)
  offset += 1_700_000
  await deposit(at, 1)
  offset += 200_000
  await t.rejects(deposit(at, 1), { code: 'LEDGER_BACKLOG', retryAfter: 60 })
  at.ledger.isUp = true
  await allFinal(at)
  await deposit(at, 1)
})

t.test('a clock that steps back delays nothing and orders nothing wrongly', async (t) => {
  let offset = 0
  const at = await world(t, { clock: () => Date.now() + offset })
  at.ledger.now = Date.now // the endorsers' clocks do not step
  await deposit(at, 1)
  await allFinal(at)
  offset -= 20_000
  await deposit(at, 1)
  await allFinal(at)
  const [first, second] = await Promise.all([0, 1].map(async (n) => parseBatchHeader(await at.store.batches.header(n) as Buffer)))
  t.ok((second?.sealedAt ?? '') >= (first?.sealedAt ?? ''))
})

t.test('a write that fails fails its whole group and changes no counter, also when it is there all the same', async (t) => {
  const folder = t.testdir({})
  const store = await openStore(folder, noop)
  let fails = false
  const { commit, retract } = store.deposits
  const failing: Store = {
    ...store,
    deposits: {
      ...store.deposits,
      commit: async (group) => {
        await commit(group)
        if (fails) throw new StoreError({ code: 'STORE_FULL', message: 'disk full' })
      },
      retract: async (...group) => {
        if (fails) throw new StoreError({ code: 'WRITE_FAILED', message: 'still' })
        await retract(...group)
      }
    }
  }
  const at = await world(t, { store: failing, folder })
  await deposit(at, 2)
  fails = true
  const results = await Promise.allSettled(Array.from({ length: 5 }, () => at.notary.intake.digests(BY, { digests: digests() })))
  t.ok(results.every((result) => result.status === 'rejected' && (result.reason as { code: string }).code === 'STORE_FULL'))
  t.equal(at.notary.progress.received, 2)
  await t.rejects(deposit(at, 1), { code: /^STORE_/ }, 'refused at once')
  await until(async () => await Promise.resolve(at.notary.committer.failure?.code === 'STORE_FAILED'))
  fails = false
  await until(async () => await Promise.resolve(at.notary.committer.failure === undefined))
  t.equal(await store.deposits.nextSequence(), 2, 'what was left was taken back')
  t.equal((await store.deposits.organizations()).get(BY.organization), 2)
  const [next] = await deposit(at, 1)
  t.equal(next?.sequence, 2)
  t.equal(parseReceipt(Buffer.from(next?.receipt.join('') ?? '')).record.submitter.sequence, '2')
})

t.test('a full queue pushes back', async (t) => {
  const at = await world(t, { queueLimit: 10 })
  const results = await Promise.allSettled(Array.from({ length: 30 }, () => at.notary.intake.digests(BY, { digests: digests() })))
  const codes = results.flatMap((result) => result.status === 'rejected' ? [(result.reason as { code: string }).code] : [])
  t.equal(codes.length, 20)
  t.ok(codes.every((code) => code === 'OVERLOADED'))
  t.equal(at.notary.progress.received, 10)
})

t.test('of many at once as many are taken as the queue has room for', async (t) => {
  const at = await world(t, { queueLimit: 10 })
  const { intake, committer } = at.notary
  const answers = intake.bulk(BY, Array.from({ length: 25 }, () => ({ digests: digests() })))
  t.equal(committer.depth, 10, 'no more wait than may')
  t.throws(() => { intake.assertOpen() }, { code: 'OVERLOADED', retryAfter: 1 }, 'to be known before a body is read')
  t.same((await answers).map((answer) => answer instanceof Error ? answer.code : 'taken'), [...Array(10).fill('taken'), ...Array(15).fill('OVERLOADED')])
  t.equal(at.notary.progress.received, 10)
})

t.test('metadata is committed to and disclosed field by field', async (t) => {
  const at = await world(t)
  const { sequence, receipt, secret } = await at.notary.intake.digests(BY, { digests: digests(), size: 5, metadata: { name: 'a.pdf', case: { id: 7 }, 合: ['x'] } })
  t.equal(Buffer.from(secret, 'base64url').length, 32)
  t.equal(parseReceipt(Buffer.from(receipt.join(''))).record.metadata?.size, '3')
  await allFinal(at)
  const proof = parseProof(await at.notary.prover.prove({ sequence }, ['合', 'case']))
  t.same(proof.disclosures?.map(({ name, value }) => [name, value]), [['case', { id: 7 }], ['合', ['x']]])
  await t.rejects(at.notary.prover.prove({ sequence }, ['nothing']), { code: 'FIELD_UNKNOWN' })
  await t.rejects(at.notary.intake.digests(BY, { digests: digests(), size: 5, metadata: {} }), { code: 'METADATA_INVALID' })
})

t.test('a wallet\'s claim is in the record when it holds, and refused when it does not', async (t) => {
  const { notary } = await world(t)
  const wallet = new Wallet(`0x${'11'.repeat(32)}`)
  const content = digests()
  const sign = async (text: string): Promise<SignedClaim> => ({
    claim: text, keyId: wallet.address.toLowerCase(), value: toBase64url(fromHex((await wallet.signMessage(text)).slice(2)))
  })
  const claim = await sign(claimText(content.sha256))
  const { receipt } = await notary.intake.digests(BY, { digests: content, claim })
  const { record } = parseReceipt(Buffer.from(receipt.join('')))
  t.equal(checkClaim(nodeCrypto, record), 'ok')
  t.equal(record.signature?.keyId, wallet.address.toLowerCase())
  await t.rejects(notary.intake.digests(BY, { digests: digests(), claim }), { code: 'CLAIM_INVALID' })
  await t.rejects(notary.intake.digests(BY, { digests: content, claim: { ...claim, keyId: `0x${'22'.repeat(20)}` } }), { code: 'CLAIM_INVALID' })
  t.equal(notary.progress.received, 1, 'what was refused left nothing')
})

t.test('the description of the API is complete and valid', async (t) => {
  const at = await world(t)
  const app = await createApp({ notary: at.notary, logger: pino({ level: 'silent' }), maxFileSize: 1000, rateLimit: 0, version: '0' })
  t.teardown(async () => { await app.close() })
  const api = (await app.inject('/openapi.json')).json()
  t.match(api.openapi, /^3\.1\./)
  const parts = (path: string, type: string): string[] => Object.keys(api.paths[path].post.requestBody.content[type].schema.properties)
  t.same(parts('/v1/evidence', 'multipart/form-data'), ['file', 'metadata', 'sha256', 'sm3', 'claim'])
  t.same(parts('/v1/verify', 'multipart/form-data'), ['file', 'sha256', 'sm3', 'number', 'proof'])
  t.ok(parts('/v1/verify', 'application/json').includes('proof'))
  t.same(Object.keys(api.paths['/v1/evidence/bulk'].post.requestBody.content), ['application/x-ndjson'])
  t.same(Object.keys(api.paths['/v1/evidence'].post.responses), ['201', '400', '401', '403', '413', '415', '422', '500', '503', '507'])
  t.ok(api.paths['/metrics'].get.responses['200'].content['text/plain'])
  t.ok(api.components.schemas.Problem.properties.code.enum.includes('DIGEST_MISMATCH'))
  t.ok(api.components.responses.Problem503.headers['Retry-After'])

  // What 3.1 demands of the parts that we use: references that lead somewhere, unique ids, path parameters declared, schemas of 2020-12.
  const ajv = new Ajv2020({ strict: false })
  addFormats.default(ajv)
  const resolve = (pointer: string): any => pointer.split('/').slice(1).reduce((value, key) => value?.[key], api)
  const visit = (value: any, key = ''): void => {
    if (typeof value !== 'object' || value === null) return
    if (typeof value.$ref === 'string') t.ok(resolve(value.$ref), value.$ref)
    if (key === 'schema') t.ok(ajv.validateSchema(value), JSON.stringify(value).slice(0, 80))
    if (key === 'content') t.ok(Object.keys(value).every((type) => /^[a-z]+\/[a-z+-]+$/.test(type)))
    for (const [name, child] of Object.entries(value)) visit(child, name)
  }
  visit(api)
  const operations = Object.entries(api.paths as Record<string, Record<string, any>>)
    .flatMap(([path, methods]) => Object.values(methods).map((operation) => ({ path, ...operation })))
  t.equal(new Set(operations.map(({ operationId }) => operationId)).size, operations.length)
  for (const { path, operationId, parameters = [], responses } of operations) {
    t.type(operationId, 'string', path)
    const declared = parameters.filter((each: any) => each.in === 'path' && each.required === true).map(({ name }: any) => name)
    t.same(declared.sort(), [...path.matchAll(/\{(\w+)\}/g)].map(([, name]) => name).sort(), path)
    t.ok(Object.entries<any>(responses).every(([status, { $ref, description }]) => /^[1-5]\d\d$/.test(status) && ($ref ?? description) !== undefined), path)
  }
})
