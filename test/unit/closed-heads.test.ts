/** Heads of the log at the ends of closed ranges: what they link, and what the keys that were retired cannot put below them. */
import t from 'tap'
import { fromHex } from '../../src/core/bytes.js'
import type { FindingCode, FindingName, Report } from '../../src/core/findings.js'
import { type TrustBundle, trustBundleBytes } from '../../src/core/trust-bundle.js'
import type { VerifyInput } from '../../src/core/verify/input.js'
import { verify } from '../../src/core/verify/verifier.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { type AnchorOptions, EvidenceWorld, type Made, NOW, time } from '../support/evidence-world.js'
import { configEnvelope, type Member, type Organization, organization } from './fabric-forge.js'

function check (made: Pick<Made, 'bytes' | 'exhibit'>, input: Pick<VerifyInput, 'bundle' | 'pins'> & Partial<VerifyInput>): Report {
  return verify(nodeCrypto, { proof: made.bytes, exhibit: made.exhibit, bundleSource: 'given', now: NOW, ...input })
}

function code (report: Report, name: FindingName): FindingCode | undefined {
  return report.findings.find((one) => one.name === name)?.code
}

t.test('retired keys, and heads of the log that those in force attest', (t) => {
  const past = new EvidenceWorld()
  const [made] = past.anchor([{}], { promised: 35_000 }) as [Made]
  past.anchor([{}], { at: 1000, readAt: 2500 })
  const number = past.takeBlock()
  const [court, ...rest] = past.network.organizations as [Organization, ...Organization[]]
  const renewed = organization('Court')
  const today = [renewed.peer, ...rest.slice(0, 2).map(({ peer }) => peer)]
  const block = past.network.block(number, [configEnvelope([renewed, ...rest], 1)], { lastConfig: number })
  const ledger = (proof: Made, heads: Partial<TrustBundle['history']>): Report => {
    const given = trustBundleBytes(past.bundle({ configs: [block], ...heads }))
    return check(proof, { bundle: given, pins: [{ fingerprint: past.fingerprint }], receipt: made.receiptBytes })
  }
  const head = past.withHeads(['1'], { endorsers: today })
  const linked = ledger(past.included(made, '1'), head)
  t.equal(linked.exitCode, 0)
  t.equal(code(linked, 'ledger'), 'LEDGER_ENDORSED')
  t.match(linked.remarks, [{ code: 'RETIRED_LINKED', evidence: { block: '6' } }])
  // T and T2 of the batch are the retired keys' word, who can sign an earlier one: the log is over headers, which do not hold T.
  const byHead = { ledgerTime: time(1000), by: time(31_000), foundBy: time(33_000) }
  t.match(linked.findings.find(({ name }) => name === 'time')?.evidence, byHead, 'the time is that of the head')
  t.equal(code(linked, 'promise'), 'PROMISE_FOUND_LATE', 'and so is when it was found: half a second after what was promised')
  t.equal(code(check(made, { bundle: past.bundleBytes(), pins: [{ fingerprint: past.fingerprint }], receipt: made.receiptBytes }), 'promise'), 'PROMISE_KEPT')
  const earlier = new EvidenceWorld()
  Object.assign(earlier, { network: past.network, identity: past.identity, key: past.key })
  const [backdated] = earlier.anchor([{}], { at: -900, sealedAt: -1000, readAt: -800 }) as [Made]
  t.same(backdated.proof.header, made.proof.header)
  t.match(ledger(past.included(backdated, '1'), head).findings.find(({ name }) => name === 'time')?.evidence, byHead, 'whatever T they sign')
  t.match(ledger(past.included(backdated, '1'), head).findings.find(({ name }) => name === 'ledger')?.evidence, { foundBy: time(33_000) })
  t.equal(code(ledger(made, head), 'ledger'), 'RETIRED_NOT_LINKED', 'without a path')
  t.equal(code(ledger(past.included(made, '0', []), head), 'ledger'), 'CLOSED_HEAD_UNKNOWN', 'a head that the bundle does not have')
  t.equal(code(ledger(past.included(made, '1', [new Uint8Array(32)]), head), 'ledger'), 'LEDGER_CLOSED_HEAD_DIFFERS', 'another path')
  t.equal(code(ledger(past.included(made, '1', []), head), 'ledger'), 'LEDGER_CLOSED_HEAD_DIFFERS', 'no path at all')
  // What was retired attests nothing, not even with those who stayed.
  t.equal(code(ledger(past.included(made, '1'), past.withHeads(['1'], { endorsers: [court.peer, ...today.slice(1)] })), 'ledger'), 'BUNDLE_INVALID')
  const both = past.withHeads(['0', '1'], { endorsers: today })
  t.equal(ledger(past.included(made, '0'), both).exitCode, 0)
  t.equal(code(ledger(made, { ...both, heads: [...both.heads ?? []].reverse() }), 'ledger'), 'BUNDLE_INVALID', 'heads out of order')
  t.equal(code(ledger(made, { ...both, heads: (both.heads ?? []).map(({ read }) => ({ batch: '0', read })) }), 'ledger'), 'BUNDLE_INVALID', 'a head of another batch')
  t.end()
})

t.test('retired keys put no other entry below an attested head', (t) => {
  // Signed later by all who were there then, for a block and a time of their choice: the head has another batch there.
  const past = new EvidenceWorld()
  const forged = (header: { root?: string }, at: number): Made => {
    const world = new EvidenceWorld()
    Object.assign(world, { network: past.network, identity: past.identity })
    return (world.anchor([{}], { header, at }) as [Made])[0]
  }
  const [made] = past.anchor([{}]) as [Made]
  const head = past.withHeads(['0'])
  const given = trustBundleBytes(past.bundle(head))
  const ledger = (proof: Made): FindingCode | undefined => code(check(proof, { bundle: given, pins: [{ fingerprint: past.fingerprint }] }), 'ledger')
  t.equal(ledger(past.included(made, '0')), 'LEDGER_ENDORSED')
  t.equal(ledger(past.included(forged({ root: 'ab'.repeat(32) }, 0), '0')), 'LEDGER_CLOSED_HEAD_DIFFERS', 'another batch')
  t.equal(ledger(past.included(forged({}, 1), '0')), 'LEDGER_CLOSED_HEAD_DIFFERS', 'the same batch, later than the head')
  t.equal(ledger(past.included(forged({}, -500), '0')), 'LEDGER_CLOSED_HEAD_DIFFERS', 'the head\'s own batch, earlier')
  t.end()
})

t.test('attacks with paths to closed heads', (t) => {
  // Three ranges: batches 0 and 1 in blocks 6 and 7, a block without any, 2 and 3 in blocks 10 and 11, and 4 in block 13. Court is renewed in blocks 9 and 12.
  const world = new EvidenceWorld()
  const configs: TrustBundle['history']['configs'][number][] = []
  const renewCourt = (): void => {
    const number = world.takeBlock()
    const organizations = [organization('Court'), ...world.network.organizations.slice(1)]
    configs.push(world.network.block(number, [configEnvelope(organizations, configs.length + 1)], { lastConfig: number }))
    Object.assign(world.network, { organizations })
  }
  const anchored = (lastConfig: number): Made => (world.anchor([{}], { lastConfig }) as [Made])[0]
  const [a0, a1] = [anchored(0), anchored(0)]
  world.takeBlock()
  const first = world.network.organizations
  renewCourt()
  const [b2] = [anchored(9), anchored(9)]
  const second = world.network.organizations
  renewCourt()
  const c4 = anchored(12)

  const given = (history: Partial<TrustBundle['history']>): Uint8Array => trustBundleBytes(world.bundle({ configs, ...history }))
  const bundle = given(world.withHeads(['1', '3']))
  const ledger = (made: Made, by = bundle): FindingCode | undefined => code(check(made, { bundle: by, pins: [{ fingerprint: world.fingerprint }] }), 'ledger')
  const pathOf = (made: Made, batch: string): Uint8Array[] => (world.included(made, batch).proof.closedHead?.path ?? []).map(fromHex)
  /** Another world on the first range's keys: it signs what it likes, for the past. */
  const forged = (before: (past: EvidenceWorld) => void, options: AnchorOptions = {}): Made => {
    const past = new EvidenceWorld()
    Object.assign(past.network, { organizations: first, genesis: world.network.genesis })
    Object.assign(past, { identity: world.identity, key: world.key })
    before(past)
    return (past.anchor([{}], options) as [Made])[0]
  }

  t.equal(ledger(world.included(a0, '1')), 'LEDGER_ENDORSED', 'a batch below the head of its range')
  t.equal(ledger(world.included(a0, '3')), 'LEDGER_ENDORSED', 'or below a later one')
  t.equal(ledger(world.included(b2, '3')), 'LEDGER_ENDORSED')
  t.equal(ledger(c4), 'LEDGER_ENDORSED', 'keys in force need no head')

  t.equal(ledger(world.included(a0, '1', pathOf(a0, '3'))), 'LEDGER_CLOSED_HEAD_DIFFERS', 'the path to the head of another range')
  t.equal(ledger(world.included(a0, '3', pathOf(a0, '1'))), 'LEDGER_CLOSED_HEAD_DIFFERS', 'and the other way round')
  t.equal(ledger(world.included(a0, '1', pathOf(a1, '1'))), 'LEDGER_CLOSED_HEAD_DIFFERS', 'the path of the batch beside it')
  t.equal(ledger(world.included(a0, '0')), 'CLOSED_HEAD_UNKNOWN', 'a head before the end of the range')
  t.equal(ledger(world.included(b2, '4')), 'CLOSED_HEAD_UNKNOWN', 'a head of the range that is open')
  t.equal(ledger(world.included(b2, '1', pathOf(a0, '1'))), 'LEDGER_CLOSED_HEAD_DIFFERS', 'a batch beyond the end of the range')
  t.equal(ledger(world.included(b2, '1', [])), 'LEDGER_CLOSED_HEAD_DIFFERS')

  const fromThen = (past: EvidenceWorld): void => { past.anchor([{}]) }
  const other = forged(fromThen, { header: { root: 'ab'.repeat(32) } })
  t.equal(ledger(world.included(other, '1')), 'LEDGER_CLOSED_HEAD_DIFFERS', 'another batch in the place of one')
  const late = forged((past) => { fromThen(past); past.takeBlock() })
  t.same(late.proof.header, a1.proof.header)
  t.equal(ledger(world.included(late, '1')), 'LEDGER_CLOSED_HEAD_DIFFERS', 'the head\'s batch in a block after the head\'s, of the same range')
  const third = forged((past) => { fromThen(past); fromThen(past) }, { header: { root: 'ab'.repeat(32) } })
  t.equal(ledger(world.included(third, '1', [])), 'LEDGER_CLOSED_HEAD_DIFFERS', 'one batch more than the range had')
  t.equal(ledger(world.included(third, '3')), 'LEDGER_CLOSED_HEAD_DIFFERS', 'as a batch of the next range')

  const peersOf = (organizations: readonly Organization[]): Member[] => organizations.slice(0, 3).map(({ peer }) => peer)
  for (const organizations of [first, second]) {
    const [retired, today] = [world.withHeads(['1', '3'], { endorsers: peersOf(organizations) }), world.withHeads(['1', '3'])]
    const heads = [...today.heads?.slice(0, 1) ?? [], ...retired.heads?.slice(1) ?? []]
    const mixed = { ...today, heads, identities: { ...retired.identities, ...today.identities } }
    t.equal(ledger(world.included(b2, '3'), given(mixed)), 'BUNDLE_INVALID', 'a head that the keys of a closed range sign')
  }
  t.end()
})
