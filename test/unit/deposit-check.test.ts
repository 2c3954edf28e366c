/** What the command line refuses of a receipt that is properly signed: anything that was not sent, and times that are not those of the deposit. */
import { sign } from 'node:crypto'
import t from 'tap'
import { Wallet } from 'ethers'
import { fromHex, toBase64url, toHex } from '../../src/core/bytes.js'
import { claimMembers, claimText } from '../../src/core/claim.js'
import { commitMetadata } from '../../src/core/metadata.js'
import { type CommitGroup, commitGroupSigningInput, receiptBytes } from '../../src/core/receipt.js'
import { type EvidenceRecord, recordBytes } from '../../src/core/record.js'
import { leafHash } from '../../src/core/merkle.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { type Asked, checkDeposit } from '../../src/cli/deposit-check.js'
import { EvidenceWorld, type Made, T0, time } from '../support/evidence-world.js'

const DAY = 86_400_000
const world = new EvidenceWorld(1)
const [made] = world.anchor([{}]) as [Made]
const { sha256, sm3 = new Uint8Array(), size = 0n } = made.exhibit
const secret = new Uint8Array(32).fill(7)
const fields = [{ name: 'case', value: '2026-114' }]
const committed = commitMetadata(nodeCrypto, secret, fields)
const asked: Asked = {
  digests: { sha256, sm3, size }, metadata: undefined, claim: undefined, digestOnly: false, bundle: world.bundleBytes(), pins: []
}

/** A receipt of one record that the log's own key signed, whatever it says. */
function receiptOf (change: Partial<EvidenceRecord>, promise: Partial<CommitGroup> = {}): Uint8Array {
  const record = { ...made.proof.record, ...change }
  const statement = { ...made.receipt.statement, ...promise, groupRoot: toHex(leafHash(nodeCrypto, recordBytes(record))) }
  const signature = toBase64url(new Uint8Array(sign(null, commitGroupSigningInput(statement), world.key.privateKey)))
  return receiptBytes({ type: 'steelyard/receipt/v1', record, statement, path: [], signature })
}

const check = (change: Partial<EvidenceRecord>, { ask = {}, promise = {}, now = T0 }: { ask?: Partial<Asked>, promise?: Partial<CommitGroup>, now?: number } = {}): unknown =>
  checkDeposit({ ...asked, ...ask }, { number: made.proof.record.number, secret: toBase64url(secret), receipt: receiptOf(change, promise) }, now)
const refuses = (t: Tap, name: string, ...given: Parameters<typeof check>): void => { t.throws(() => check(...given), { code: 'CHECK' }, name) }
type Tap = Pick<typeof t, 'throws'>

t.test('a receipt holds what was sent, and nothing else', async (t) => {
  const { content } = made.proof.record
  t.match(check({}), { record: { sequence: '0' } })
  t.ok(check({ digestedBy: 'submitter' }, { ask: { digestOnly: true } }))
  t.ok(check({ metadata: committed }, { ask: { metadata: { case: '2026-114' } } }))

  refuses(t, 'metadata that was not sent', { metadata: committed })
  refuses(t, 'no metadata', {}, { ask: { metadata: { case: '2026-114' } } })
  refuses(t, 'other metadata', { metadata: committed }, { ask: { metadata: { case: '2026-115' } } })
  refuses(t, 'a file whose digests the submitter stated', { digestedBy: 'submitter' })
  refuses(t, 'digests that the notary computed of nothing', { digestedBy: 'notary' }, { ask: { digestOnly: true } })
  refuses(t, 'another size', { content: { ...content, size: '1' } })
  refuses(t, 'no size', { content: { digests: content.digests } })
  refuses(t, 'another SM3', { content: { ...content, digests: { ...content.digests, sm3: '00'.repeat(32) } } })
  refuses(t, 'no SM3', { content: { ...content, digests: { sha256: content.digests.sha256 } } })
  refuses(t, 'links', { links: [{ rel: 'replaces', target: '00'.repeat(32) }] })
  refuses(t, 'a manifest', { manifest: { size: '1', root: '00'.repeat(32), algorithm: 'sha256' } })
  refuses(t, 'an account', { submitter: { ...made.proof.record.submitter, account: 'court-42' } })
  refuses(t, 'an assurance', { submitter: { ...made.proof.record.submitter, assurance: 'identity card seen' } })
  refuses(t, 'other stored bytes', { stored: { digests: content.digests, size: '1' } })
})

t.test('a claim is the one that was signed', async (t) => {
  const wallet = Wallet.createRandom()
  const text = claimText(toHex(sha256))
  const claim = { text, address: wallet.address.toLowerCase(), signature: await wallet.signMessage(text) }
  const members = claimMembers({ claim: text, keyId: claim.address, value: toBase64url(fromHex(claim.signature.slice(2))) })
  t.ok(check(members, { ask: { claim } }))
  refuses(t, 'a claim that was not sent', members)
  refuses(t, 'a claim without its signature', { claim: members.claim })
  refuses(t, 'no claim', {}, { ask: { claim } })
  refuses(t, 'another claim', { ...members, claim: toBase64url(new Uint8Array([1])) }, { ask: { claim } })
  refuses(t, 'another signer', { ...members, signature: { ...members.signature, keyId: `0x${'00'.repeat(20)}` } }, { ask: { claim } })
})

t.test('times are those of the deposit', async (t) => {
  const refusesTime = (name: string, receivedAt: number, signedAt: number, deadline: number, now?: number): void => {
    refuses(t, name, { receivedAt: time(receivedAt) }, { promise: { signedAt: time(signedAt), deadline: time(deadline) }, ...(now !== undefined && { now }) })
  }
  t.ok(check({ receivedAt: time(-290_000) }, { promise: { signedAt: time(290_000), deadline: time(290_000 + DAY) } }), 'at the bounds')
  refusesTime('received long ago', -400_000, 0, DAY)
  refusesTime('received in the future', 400_000, 0, DAY)
  refusesTime('signed long ago', 0, -400_000, DAY)
  refusesTime('signed in the future', 0, 400_000, DAY)
  refusesTime('this clock is wrong', 0, 0, DAY, T0 + DAY)
  refusesTime('due at once', 0, 0, 0)
  refusesTime('due before', 0, 0, -1)
  refusesTime('due later than the ledger allows', 0, 0, DAY + 1)
  refusesTime('due in years', 0, 0, 31 * DAY)
})
