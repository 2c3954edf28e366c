/**
 * The attacks of PROOF.md on a running consortium, each carried out with the powers of an operator that has turned: its organization's
 * keys, its identity at the contract, its receipt key. Where an attack is given more, it says whose. What comes of each is real bytes, which the
 * offline verifier must see through, by the code that is named here. One network and one log for all of them, one after the other.
 *
 * STEELYARD_CAPTURE=FILE also writes proofs and verdicts as vectors, so that they are tried again where no binaries are.
 */
import { cpSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { common } from '../../network/embedded/proto.js'
import { dropOldRoot, networkReset, renewRoot, restartNodes, rotateOrderer, stopNodes, upgradeChaincode } from '../../network/native/client.js'
import { concat, fromBase64url, fromHex, toBase64url, utf8 } from '../../src/core/bytes.js'
import { parseSerializedIdentity } from '../../src/core/fabric/msp.js'
import { parseEndorserTransaction } from '../../src/core/fabric/transaction.js'
import type { FindingCode } from '../../src/core/findings.js'
import { jcs } from '../../src/core/jcs.js'
import { type FabricBlock, type Proof, proofBytes } from '../../src/core/proof.js'
import { createVerifier } from '../../src/core/verify/verifier.js'
import { transactionPayload } from '../../src/ledger/fabric/messages.js'
import type { CurrentBundle } from '../../src/notary/bundle.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { networkInOrder } from '../support/ordered-approvals.js'
import { until } from '../support/service.js'
import { type Adversary, type Deposit, found, keysOf, openAdversary, operatorOf, type Place, resigned, signedBy, startCutOff } from './adversary.js'
import { attested, blockOf, compact, envelopeOf, forgedReadback, readbackOf, unread, withBlock, withReadback } from './attack-proofs.js'
import { capture, type Verdict } from './attack-vectors.js'
import { fabricBinaries } from './binaries.js'
import { makeSecondChannel, sameHeight } from './second-channel.js'

const { skip } = fabricBinaries()
const COURT_MSP = 'CourtMSP'
/** Organizations by their place in the description. */
const COURT = 0
const NOTARY = 1
const PLATFORM = 3
/** A later read-back than this is worth a remark of the verifier. */
const LONG_MS = 60_000

t.test('attacks on a consortium', { skip, timeout: 500_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'steelyard-attacks-'))
  t.teardown(async () => {
    await networkReset(dir)
    rmSync(dir, { recursive: true, force: true })
  })
  const { profile } = await networkInOrder({ dir, chaincode: 'chaincode' })
  const operator = operatorOf(dir)
  const verdicts: Verdict[] = []

  const open: Adversary[] = []
  t.teardown(async () => { for (const one of open) await one.close() })
  const notary = async (name: string, ledger?: string): Promise<Adversary> => {
    const adversary = await openAdversary(operator, join(dir, 'notaries', name), ledger)
    open.push(adversary)
    return adversary
  }
  const close = async (adversary: Adversary): Promise<void> => {
    open.splice(open.indexOf(adversary), 1)
    await adversary.close()
  }
  const copy = (from: string, to: string): void => { cpSync(join(dir, 'notaries', from), join(dir, 'notaries', to), { recursive: true }) }

  /** The verifier's finding about the ledger, and by which rule, must be these. */
  const judge = (t: Test, name: string, { proof, exhibit }: Judged, code: FindingCode, { bundle, reason, remark }: Expected): void => {
    const now = new Date().toISOString()
    const report = createVerifier(nodeCrypto, { bundle: bundle.bytes, bundleSource: 'given', pins: [{ fingerprint: bundle.fingerprint }] })
      .verify({ proof: proofBytes(proof), exhibit, now })
    const finding = report.findings.find(({ name }) => name === 'ledger')
    const found = finding?.evidence as { reason?: string } | undefined
    t.same([finding?.code, found?.reason], [code, reason], name)
    t.equal(report.exitCode === 0, code === 'LEDGER_ENDORSED', `${name}: exit ${report.exitCode}`)
    if (remark !== undefined) t.ok(report.remarks.some((one) => one.code === remark), `${name}: ${remark}`)
    verdicts.push({ name, proof, exhibit, bundle, now, report })
  }

  // One batch, sealed before there is a ledger, so that both channels can be given it.
  const draft = await notary('first')
  const original = await draft.deposit()
  await draft.proof(original, 'sealed')
  await close(draft)
  copy('first', 'second')

  let honest: Proof
  let operating: Adversary
  await t.test('a second channel with the same organizations', async (t) => {
    const elsewhere = await makeSecondChannel(dir, 'sandbox')
    await sameHeight(profile, elsewhere, operator.wallet)
    operating = await notary('first', profile)
    const sandbox = await notary('second', elsewhere)
    honest = await operating.proof(original)
    const twin = await sandbox.proof(original)
    const [bundle, other] = [operating, sandbox].map((one) => one.notary.bundles.current()) as [CurrentBundle, CurrentBundle]
    await close(sandbox)
    const { exhibit } = original
    const keys = keysOf(dir)

    judge(t, 'honest evidence', { proof: honest, exhibit }, 'LEDGER_ENDORSED', { bundle })
    judge(t, 'the second channel\'s own evidence by its own bundle', { proof: twin, exhibit }, 'LEDGER_ENDORSED', { bundle: other })
    t.same([twin.header, blockOf(twin).number, blockOf(twin).transaction], [honest.header, blockOf(honest).number, blockOf(honest).transaction],
      'the same batch, in the same place of both channels')

    judge(t, 'evidence of the second channel', { proof: twin, exhibit }, 'LEDGER_BLOCK_DIFFERS', { bundle, reason: 'CHANNEL' })
    judge(t, 'the second channel\'s block under the first one\'s number and chain',
      { proof: withBlock(twin, { number: blockOf(honest).number, previousHash: blockOf(honest).previousHash }), exhibit },
      'LEDGER_BLOCK_DIFFERS', { bundle, reason: 'CHANNEL' })
    const spliced = withReadback(honest, readbackOf(twin), twin.identities)
    judge(t, 'the second channel\'s read-back', { proof: spliced, exhibit }, 'LEDGER_READ_BACK_DIFFERS', { bundle, reason: 'CHANNEL' })
    // Without its question only the contract's own answer says what channel it is of.
    judge(t, 'the second channel\'s read-back without its question', { proof: compact(spliced), exhibit }, 'LEDGER_READ_BACK_DIFFERS', { bundle, reason: 'CHANNEL' })

    // From here on three orderers sign a block that was never ordered: the operator's own, and with the keys of Court and Notary.
    const ordered = (data: Uint8Array): Proof => withBlock(honest, keys.block(Number(blockOf(honest).number), [data], {
      signers: [COURT, NOTARY, PLATFORM], previousHash: fromHex(blockOf(honest).previousHash)
    }))
    const foreign = parseEndorserTransaction(envelopeOf(twin)).endorsements
    judge(t, 'its endorsements on the first one\'s transaction, with the orderer keys of Court and Notary',
      { proof: ordered(await resigned(operator, envelopeOf(honest), () => ({ endorsements: foreign }))), exhibit },
      'LEDGER_ANCHOR_DIFFERS', { bundle, reason: 'ENDORSER_SIGNATURE' })
    const relabelled = await resigned(operator, envelopeOf(twin), ({ channelHeader: { bytes } }) => {
      const header = common.ChannelHeader.deserializeBinary(bytes)
      header.setChannelId(bundle.bundle.identity.channel)
      return { channelHeader: header.serializeBinary() }
    })
    judge(t, 'its transaction under the first one\'s name, with the orderer keys of Court and Notary',
      { proof: ordered(relabelled), exhibit }, 'LEDGER_ANCHOR_DIFFERS', { bundle, reason: 'PROPOSAL_HASH' })
  })

  let rival: Proof
  await t.test('a held-back endorsement, and a peer that stays behind meanwhile', async (t) => {
    // A rival of the next batch, never anchored.
    await close(operating)
    copy('first', 'rival')
    const draft = await notary('rival')
    const unlucky = await draft.deposit()
    rival = await draft.proof(unlucky, 'sealed')
    await close(draft)
    operating = await notary('first', profile)
    await until(() => Promise.resolve(operating.notary.link.isUp))

    const held = operating.hold('broadcast')
    const deposit = await operating.deposit()
    await held.reached
    const since = Date.now()
    await stopNodes(dir, ['court.peer'])
    startCutOff(dir, 'court')
    const client = operating.client()
    const ask = async (number: string): Promise<Uint8Array> => {
      const proposal = await client.propose('steelyard', ['readBatch', operator.origin, number])
      return (await proposal.ask(COURT_MSP)).responsePayload
    }
    await until(async () => await ask('0').then(() => true, () => false))
    await until(() => Promise.resolve(Date.now() - since > LONG_MS + 2000))
    held.release()
    const proof = await operating.proof(deposit)
    const bundle = operating.notary.bundles.current()
    judge(t, 'an endorsed transaction that was held back for a minute', { proof, exhibit: deposit.exhibit }, 'LEDGER_ENDORSED', { bundle, remark: 'READ_BACK_LATE' })

    // Court's peer knows nothing of that batch, and believes that the rival is next.
    await t.rejects(ask('1'), /NOT_FOUND/, 'a peer that is behind signs nothing about what it does not have')
    const proposal = await client.propose('steelyard', ['anchor', operator.origin, JSON.stringify([toBase64url(utf8(jcs(rival.header)))])])
    const stale = await proposal.ask(COURT_MSP)
    const payload = transactionPayload(proposal, [stale])
    await client.broadcast({ txId: proposal.txId, payload, signature: await signedBy(operator, payload) })
    await until(async () => await operating.ledger().transaction(proposal.txId) !== undefined)
    t.equal((await operating.ledger().transaction(proposal.txId))?.code, 10, 'the peers refuse it: ENDORSEMENT_POLICY_FAILURE')
    const { block, index } = await found(operating, proposal.txId)
    judge(t, 'what only a peer that is behind endorsed', {
      proof: attested(rival, { block: { ...block, transaction: String(index) }, readback: readbackOf(proof), identities: proof.identities }), exhibit: unlucky.exhibit
    }, 'LEDGER_ANCHOR_DIFFERS', { bundle, reason: 'ENDORSEMENT_POLICY' })

    // What is never changed, the peer that is behind answers as the others do: that is why a read-back reads one batch and not the head.
    const { attestation, identities } = await operating.ledger().attestBatch('0')
    const endorsers = Object.values(identities).map((identity) => parseSerializedIdentity(fromBase64url(identity)).mspId)
    t.ok(endorsers.includes(COURT_MSP), 'it is among the endorsers of an older batch')
    judge(t, 'an older batch, read back with the peer that is behind', { proof: withReadback(honest, attestation, identities), exhibit: original.exhibit }, 'LEDGER_ENDORSED', { bundle })
    await stopNodes(dir, ['court.peer'])
    await restartNodes(dir, ['court.peer'])
  })

  let lost: { proof: Proof, block: FabricBlock, index: number, winner: Proof } & Deposit
  await t.test('rival endorsed batches', async (t) => {
    const race = await bothEndorsed(operating)
    operating = race.left
    const [{ proof: winner }, loser] = race.winner
    lost = { ...loser, winner }
    const bundle = operating.notary.bundles.current()
    const { exhibit, proof, block, index } = lost
    const evidence = { readback: readbackOf(winner), identities: winner.identities }
    t.equal(block.number, blockOf(winner).number, 'both were ordered in one block')

    judge(t, 'the rival that lost, its own transaction', { proof: attested(proof, { block: { ...block, transaction: String(index) }, ...evidence }), exhibit },
      'LEDGER_READ_BACK_DIFFERS', { bundle, reason: 'READ_VERSION' })
    judge(t, 'the rival that lost, the winner\'s transaction', { proof: attested(proof, { block: blockOf(winner), ...evidence }), exhibit }, 'LEDGER_HEADER_DIFFERS', { bundle })
    judge(t, 'the rival that lost, without a read-back', { proof: unread(proof, { ...block, transaction: String(index) }), exhibit },
      'LEDGER_INCOMPLETE', { bundle })
    // Joined, the two are still the bytes that the orderers signed, and read as the later one in the winner's place (CVE-2023-46132).
    const [first, second] = block.data.map(fromBase64url) as [Uint8Array, Uint8Array]
    const joined = { ...block, data: [toBase64url(concat(first, second))], transaction: '0' }
    judge(t, 'two transactions joined to one', { proof: attested(proof, { block: joined, ...evidence }), exhibit }, 'LEDGER_BLOCK_DIFFERS', { bundle, reason: 'MALFORMED' })
    const lie = forgedReadback(keysOf(dir), bundle, lost, [PLATFORM])
    judge(t, 'the rival that lost, read back by the operator\'s own peer alone',
      { proof: attested(proof, { block: { ...block, transaction: String(index) }, ...lie }), exhibit }, 'LEDGER_READ_BACK_DIFFERS', { bundle, reason: 'ENDORSEMENT_POLICY' })
  })

  let before: CurrentBundle
  await t.test('the contract is upgraded between anchor and read-back', async (t) => {
    before = operating.notary.bundles.current()
    const question = operating.hold('readBatch')
    const read = await operating.deposit()
    await question.reached
    const transaction = operating.hold('broadcast')
    const sent = await operating.deposit()
    await transaction.reached
    const txId = operating.sent.at(-1) ?? ''
    await upgradeChaincode({ dir, version: '2.0' })
    transaction.release()
    question.release()
    const [proof, again] = [await operating.proof(read), await operating.proof(sent)]
    const bundle = operating.notary.bundles.current()
    judge(t, 'anchored by one version of the contract, read back by the next', { proof, exhibit: read.exhibit }, 'LEDGER_ENDORSED', { bundle })
    judge(t, 'the same by a bundle from before the upgrade', { proof, exhibit: read.exhibit }, 'BUNDLE_OLDER', { bundle: before })
    const { block, index, code } = await found(operating, txId)
    t.not(code, 0, `endorsed before the upgrade and ordered after it: refused with code ${code}`)
    judge(t, 'endorsed before the upgrade and ordered after it', {
      proof: attested(again, { block: { ...block, transaction: String(index) }, readback: readbackOf(again), identities: again.identities }), exhibit: sent.exhibit
    }, 'LEDGER_ANCHOR_DIFFERS', { bundle, reason: 'CHAINCODE' })
  })

  await t.test('the keys of a consenter that was removed', async (t) => {
    const old = keysOf(dir)
    await rotateOrderer({ dir, org: 'court' })
    await renewRoot({ dir, org: 'court' })
    await dropOldRoot({ dir, org: 'court' })
    const deposit = await operating.deposit()
    await until(() => Promise.resolve(operating.notary.bundles.current().bundle.history.configs.length === 3))
    const proof = await operating.proof(deposit)
    const bundle = operating.notary.bundles.current()
    const { exhibit } = deposit
    judge(t, 'honest evidence after the change', { proof, exhibit }, 'LEDGER_ENDORSED', { bundle })

    // A later block, signed by the operator's orderer, with Notary's key, and with the key that Court's orderer had.
    const signers = [COURT, NOTARY, PLATFORM]
    const { number, previousHash, data } = blockOf(proof)
    const lastConfig = Number(bundle.bundle.history.configs.at(-1)?.number)
    const later = old.block(Number(number), data.map(fromBase64url), { signers, lastConfig, previousHash: fromHex(previousHash) })
    judge(t, 'a later block with the key that Court\'s orderer had', { proof: withBlock(proof, later), exhibit }, 'LEDGER_BLOCK_DIFFERS', { bundle, reason: 'ORDERER_SIGNATURE' })
    const backdated = old.block(Number(number), data.map(fromBase64url), { signers, lastConfig: 0, previousHash: fromHex(previousHash) })
    judge(t, 'a later block under the old configuration', { proof: withBlock(proof, backdated), exhibit }, 'LEDGER_BLOCK_DIFFERS', { bundle, reason: 'LAST_CONFIG' })

    // The past written anew: the rival that lost takes the winner's place in its block, which the retired set of orderers signs again.
    const { block, index, winner } = lost
    const swapped = old.block(Number(block.number), [...block.data].reverse().map(fromBase64url), { signers, lastConfig: 0, previousHash: fromHex(block.previousHash) })
    const rewritten = { ...swapped, data: [...swapped.data], transaction: String(1 - index) }
    judge(t, 'the rival that lost in the winner\'s place, with retired and stolen orderer keys',
      { proof: attested(lost.proof, { block: rewritten, readback: readbackOf(winner), identities: winner.identities }), exhibit: lost.exhibit }, 'LEDGER_ENTRY_DIFFERS', { bundle })
    // And the peers' keys of the same three, of which Court's root was dropped: only the newest configuration says no.
    const lie = forgedReadback(old, bundle, { ...lost, index: 1 - index }, signers)
    const forged = { proof: attested(lost.proof, { block: rewritten, ...lie }), exhibit: lost.exhibit }
    judge(t, 'the past written anew with the orderer and peer keys of three organizations, one of them retired', forged, 'RETIRED_NOT_LINKED', { bundle })
    judge(t, 'the same by a bundle that does not know yet that they are retired', forged, 'LEDGER_ENDORSED', { bundle: before })
  })

  capture(verdicts)

  /** Two notaries of one log each get a next batch endorsed, and hand both over at once, until both are in one block. */
  async function bothEndorsed (from: Adversary): Promise<{ left: Adversary, winner: [{ proof: Proof }, Omit<typeof lost, 'winner'>] }> {
    let left = from
    for (let attempt = 1; ; attempt++) {
      await close(left)
      copy('first', `rival ${attempt}`)
      const pair = [await notary('first', profile), await notary(`rival ${attempt}`, profile)] as const
      await until(() => Promise.resolve(pair.every((one) => one.notary.link.isUp)))
      const held = pair.map((one) => one.hold('broadcast'))
      const deposits = await Promise.all(pair.map(async (one) => await one.deposit()))
      await Promise.all(held.map(async ({ reached }) => { await reached }))
      const ids = pair.map((one) => one.sent.at(-1) ?? '')
      for (const { release } of held) release()
      await until(async () => (await Promise.all(ids.map(async (id) => await pair[0].ledger().transaction(id)))).every((status) => status !== undefined))
      const places = await Promise.all(ids.map(async (id) => await found(pair[0], id)))
      t.same(places.map(({ code }) => code).sort((a, b) => a - b), [0, 11], 'one is VALID, the other MVCC_READ_CONFLICT')
      const won = places.findIndex(({ code }) => code === 0) as 0 | 1
      const [winner, loser] = [pair[won], pair[1 - won] as Adversary]
      const proof = await loser.proof(deposits[1 - won] as Deposit, 'sealed')
      const winning = await winner.proof(deposits[won] as Deposit)
      await close(loser)
      if (won === 1) { // whoever won is the operator from now on
        await close(winner)
        rmSync(join(dir, 'notaries', 'first'), { recursive: true })
        copy(`rival ${attempt}`, 'first')
        left = await notary('first', profile)
        await until(() => Promise.resolve(left.notary.bundles.fingerprint !== undefined))
      } else left = winner
      const { block, index } = places[1 - won] as Place
      if (block.number === blockOf(winning).number && block.data.length === 2) {
        return { left, winner: [{ proof: winning }, { proof, block: { ...block, transaction: String(index) }, index, ...deposits[1 - won] as Deposit }] }
      }
      t.comment(`attempt ${attempt}: in blocks ${block.number} and ${blockOf(winning).number}`)
    }
  }
})

interface Judged { readonly proof: Proof, readonly exhibit: Deposit['exhibit'] }
interface Expected { readonly bundle: CurrentBundle, readonly reason?: string, readonly remark?: string }
