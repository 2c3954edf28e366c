/** What the verifier says of the ledger's evidence, and of the history by which a trust bundle judges it. */
import t from 'tap'
import { applicationPolicy } from '../../network/shared/proto.js'
import { fromBase64url, toBase64url } from '../../src/core/bytes.js'
import type { FindingCode } from '../../src/core/findings.js'
import { jcs, jcsBytes } from '../../src/core/jcs.js'
import { keysKey } from '../../src/core/ledger-values.js'
import { type TrustBundle, trustBundleBytes } from '../../src/core/trust-bundle.js'
import { LEDGER_ATTACKS } from '../support/attacks.js'
import { EvidenceWorld, LOG, type Made, type WorldQuery } from '../support/evidence-world.js'
import { platformAlone } from '../support/platform-policy.js'
import { check, code, good, otherwise, world } from '../support/verified-world.js'
import { configEnvelope, member, type Member, type Organization, organization } from './fabric-forge.js'

t.test('the ledger\'s evidence, signed by the right keys and still wrong', (t) => {
  const attacked = new EvidenceWorld()
  const made = LEDGER_ATTACKS.map(([name, expected, options]) => {
    const [one] = attacked.anchor([{}], options(attacked))
    return [name, expected, one as Made] as const
  })
  const trust = { bundle: attacked.bundleBytes(), pins: [{ fingerprint: attacked.fingerprint }] }
  for (const [name, expected, one] of made) {
    const report = check(one, trust)
    t.equal(code(report, 'ledger'), expected, name)
    t.equal(report.exitCode === 0, expected === 'LEDGER_ENDORSED', name)
  }
  t.end()
})

t.test('a change of the configuration', (t) => {
  const before = new EvidenceWorld()
  const [made] = before.anchor([{}]) as [Made]
  const number = before.takeBlock()
  const config = (organizations: readonly Organization[], keys: readonly Member[]): FindingCode | undefined => {
    const block = before.network.block(number, [configEnvelope(organizations, 1)], { lastConfig: number })
    const { data, identities } = before.query('getKeys', [LOG], keysKey(LOG), 3000, { endorsers: keys })
    const bundle = trustBundleBytes(before.bundle({ configs: [block], keys: data, identities }))
    return code(check(made, { bundle, pins: [{ fingerprint: before.fingerprint }] }), 'ledger')
  }
  const [court, ...rest] = before.network.organizations as [Organization, ...Organization[]]
  t.equal(config([court, ...rest], before.peers()), 'LEDGER_ENDORSED', 'old proofs verify under a newer bundle')
  // Court has other CAs now: whoever has its old keys could go on signing for the past.
  const renewed = organization('Court')
  t.equal(config([renewed, ...rest], [renewed.peer, ...rest.slice(0, 2).map(({ peer }) => peer)]), 'RETIRED_NOT_LINKED')
  // Keys of before the change cannot attest the register after it.
  t.equal(config([renewed, ...rest], before.peers()), 'BUNDLE_INVALID')
  t.end()
})

t.test('who sufficed by an earlier policy no longer does', (t) => {
  const grown = new EvidenceWorld()
  const { network } = grown
  const platform = network.peers(3)
  const reference = new applicationPolicy.ApplicationPolicy()
  reference.setChannelConfigPolicyReference('/Channel/Application/Endorsement')
  const weak = { block: network.block(1, [network.definitionEnvelope(1, undefined, { policy: platformAlone() })]), transaction: '0' }
  const strong = (number: number): TrustBundle['history']['definitions'][number] => (
    { block: network.block(number, [network.definitionEnvelope(2, 1, { policy: reference })]), transaction: '0' })
  const [alone] = grown.anchor([{}], { anchorEndorsers: platform, readEndorsers: platform }) as [Made]
  const [all] = grown.anchor([{}], { anchorEndorsers: network.peers(0, 1, 2, 3), readEndorsers: network.peers(0, 1, 2, 3) }) as [Made]
  const after = grown.takeBlock()
  const ledger = (made: Made, change: (read: WorldQuery) => Partial<TrustBundle['history']>, read: WorldQuery): FindingCode | undefined =>
    code(check(made, { bundle: trustBundleBytes(grown.bundle(change(read))), pins: [{ fingerprint: grown.fingerprint }] }), 'ledger')
  const told = (definitions: TrustBundle['history']['definitions']) => (read: WorldQuery): Partial<TrustBundle['history']> => {
    const { data, identities } = grown.query('getKeys', [LOG], keysKey(LOG), 3000, read)
    return { definitions, keys: data, identities }
  }
  const at = (number: number): WorldQuery => ({ version: '2', lifecycleAt: number })
  t.equal(ledger(alone, told([weak]), { endorsers: platform }), 'LEDGER_ENDORSED', 'while it is the policy')
  t.equal(ledger(alone, told([weak, strong(2)]), at(2)), 'LEDGER_ANCHOR_DIFFERS', 'anchored under a superseded definition')
  t.equal(ledger(alone, told([weak, strong(after)]), at(after)), 'RETIRED_NOT_LINKED', 'anchored before it was superseded')
  t.equal(ledger(all, told([weak, strong(after)]), at(after)), 'LEDGER_ENDORSED', 'its readers suffice under the newest as well')
  t.equal(ledger(all, told([weak, strong(after)]), { endorsers: platform }), 'BUNDLE_INVALID', 'keys are read under the newest definition')
  t.end()
})

t.test('a closed range whose readers are too few by now', (t) => {
  const grown = new EvidenceWorld()
  const { network } = grown
  network.genesis = configEnvelope(network.organizations, 0, undefined, ['Platform'])
  grown.identity = { ...grown.identity, genesis: network.identity.genesis }
  const platform = { endorsers: network.peers(3), creator: network.organization(3).client }
  const definition = { block: network.block(1, [network.definitionEnvelope(1, undefined, platform)]), transaction: '0' }
  const [made] = grown.anchor([{}], {
    anchorEndorsers: platform.endorsers, readEndorsers: platform.endorsers, anchorQuery: { creator: platform.creator }
  }) as [Made]
  const number = grown.takeBlock()
  const ledger = (configs: TrustBundle['history']['configs'], read: WorldQuery): FindingCode | undefined => {
    const { data, identities } = grown.query('getKeys', [LOG], keysKey(LOG), 3000, read)
    const bundle = trustBundleBytes(grown.bundle({ configs, definitions: [definition], keys: data, identities }))
    return code(check(made, { bundle, pins: [{ fingerprint: grown.fingerprint }] }), 'ledger')
  }
  t.equal(ledger([], platform), 'LEDGER_ENDORSED')
  // Platform is still a member, and three are needed now.
  const block = network.block(number, [configEnvelope(network.organizations, 1)], { lastConfig: number })
  t.equal(ledger([block], {}), 'RETIRED_NOT_LINKED')
  t.end()
})

t.test('a bundle that is older than the proof could not check it', (t) => {
  const report = otherwise({ lastConfig: 4 })
  t.equal(code(report, 'ledger'), 'BUNDLE_OLDER')
  t.equal(report.exitCode, 2)
  t.match(report.findings[2]?.evidence, { bundleBlock: '1', block: '6' })
  t.end()
})

t.test('an expired certificate of an endorser is a statement of its own', (t) => {
  const other = new EvidenceWorld()
  const { ca } = other.network.organization(0)
  const peer = member('CourtMSP', { commonName: 'peer1', units: ['peer'], issuer: ca, notBefore: '250102000000Z', notAfter: '260101000000Z' })
  const report = otherwise({ anchorEndorsers: [peer, ...other.network.peers(1, 2)] }, other)
  t.equal(report.exitCode, 0)
  t.match(report.remarks, [{ code: 'ENDORSER_CERTIFICATE_EXPIRED', evidence: { organization: 'Court', notAfter: '2026-01-01T00:00:00.000Z' } }])
  t.end()
})

t.test('the history of a bundle is authenticated from the identity on', (t) => {
  const ledger = (change: (history: Record<string, any>, identity: Record<string, any>) => void): [FindingCode | undefined, number] => {
    const changed = JSON.parse(jcs(world.bundle())) as Record<string, any>
    change(changed.history, changed.identity)
    const report = check(good, { bundle: jcsBytes(changed), pins: [], trustAsGiven: true })
    return [code(report, 'ledger'), report.exitCode]
  }
  t.same(ledger(() => { /* unchanged */ }), ['LEDGER_ENDORSED', 0])
  t.same(ledger((_, identity) => { identity.genesis = '00'.repeat(32) }), ['BUNDLE_INVALID', 2])
  t.same(ledger((_, identity) => { identity.channel = 'other' }), ['BUNDLE_INVALID', 2])
  t.same(ledger((history) => { history.genesis.data[0] = toBase64url(fromBase64url(history.genesis.data[0]).map((b, i) => i === 900 ? b ^ 1 : b)) }), ['BUNDLE_INVALID', 2])
  t.same(ledger((history) => { history.definitions = [] }), ['BUNDLE_INVALID', 2]) // the keys were read under it
  t.same(ledger((history) => { delete history.keys; delete history.identities }), ['RECEIPT_KEY_UNKNOWN', 2])
  t.same(ledger((history) => { history.keys.endorsements.pop() }), ['BUNDLE_INVALID', 2])
  t.same(ledger((history) => { history.identities['11'.repeat(32)] = 'AAAA' }), ['BUNDLE_INVALID', 2])
  t.same(ledger((history) => { delete history.keys }), ['BUNDLE_INVALID', 2])
  t.end()
})
