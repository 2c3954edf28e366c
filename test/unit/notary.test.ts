/** What the notary promises, commits and proves. */
import { Wallet } from 'ethers'
import t from 'tap'
import { fromHex, toBase64url } from '../../src/core/bytes.js'
import { parseBatchHeader } from '../../src/core/batch.js'
import { checkClaim, claimText, type SignedClaim } from '../../src/core/claim.js'
import { parseProof } from '../../src/core/proof.js'
import { checkReceipt, parseReceipt } from '../../src/core/receipt.js'
import { leafHash, verifyInclusion } from '../../src/core/merkle.js'
import { recordBytes } from '../../src/core/record.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { StoreError } from '../../src/store/errors.js'
import { openStore, type Store } from '../../src/store/store.js'
import { allFinal, BY, deposit, digests, noop, silent, spki, world } from '../support/notary-world.js'
import { until } from '../support/service.js'

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
  const store = await openStore(folder, noop, { log: silent })
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

t.test('a start that fails begins nothing', async (t) => {
  const before = await world(t, { sealAgeMs: 3_600_000 })
  await deposit(before, 3)
  await before.close()
  const store = await openStore(before.folder, noop, { log: silent })
  t.teardown(async () => { await store.close() })
  const uploads = { ...store.uploads, entries: () => { throw new StoreError({ code: 'UNREADABLE', message: 'no' }) } }
  await t.rejects(world(t, { store: { ...store, uploads }, folder: before.folder, ledger: before.ledger }), { code: 'UNREADABLE' })
  await new Promise(setImmediate)
  t.same(await store.batches.sealed(), { batches: 0, sequence: 0 })
  t.equal(before.ledger.anchors, 0)
})
