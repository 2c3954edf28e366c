import t from 'tap'
import { fromBase64url, toBase64url, toHex, utf8 } from '../../src/core/bytes.js'
import type { FindingCode, FindingName, Report } from '../../src/core/findings.js'
import { applicationPolicy, mspPrincipal, policies } from '../../network/shared/proto.js'
import { keysKey } from '../../src/core/ledger-values.js'
import { jcs, jcsBytes, type Json } from '../../src/core/jcs.js'
import { receiptBytes } from '../../src/core/receipt.js'
import { type TrustBundle, trustBundleBytes } from '../../src/core/trust-bundle.js'
import type { VerifyInput } from '../../src/core/verify/input.js'
import { compareReceipts } from '../../src/core/verify/promise.js'
import { createVerifier, verify } from '../../src/core/verify/verifier.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { DEADLINE_MS, EvidenceWorld, LOG, type Made, NOW, receiptKeyPair, T0, time, type WorldQuery } from '../support/evidence-world.js'
import { LEDGER_ATTACKS, PROOF_EDITS } from '../support/attacks.js'
import { configEnvelope, member, type Member, type Organization, organization } from './fabric-forge.js'

const world = new EvidenceWorld()
const FIELDS = [{ name: 'case', value: '(2026) 1' }, { name: 'created', value: '2026-11-20' }, { name: 'fileName', value: '合同.pdf' }]
const batch = world.anchor([{}, { fields: FIELDS, disclose: ['created', 'fileName'] }, {}, {}, {}])
const later = world.anchor([{}, {}, {}])
const good = batch[1] as Made
const bundle = world.bundleBytes()
const pins = [{ fingerprint: world.fingerprint, pinnedOn: '2026-10-01', from: 'court' }]

function check (made: Pick<Made, 'bytes' | 'exhibit'>, input: Partial<VerifyInput> = {}): Report {
  return verify(nodeCrypto, { proof: made.bytes, exhibit: made.exhibit, bundle, bundleSource: 'given', pins, now: NOW, ...input })
}

function code (report: Report, name: FindingName): FindingCode | undefined {
  return report.findings.find((one) => one.name === name)?.code
}

function edit (made: Made, change: (proof: Record<string, any>) => void): Made {
  const proof = JSON.parse(jcs(made.proof)) as Record<string, any>
  change(proof)
  return { ...made, bytes: jcsBytes(proof) }
}

/** One batch more, made otherwise; its first proof and a bundle that knows it. */
function otherwise (options: Parameters<EvidenceWorld['anchor']>[1], in_ = new EvidenceWorld()): Report {
  const [made] = in_.anchor([{}], options)
  return check(made as Made, { bundle: in_.bundleBytes(), pins: [{ fingerprint: in_.fingerprint }] })
}

t.test('a proof of four organizations is consistent', (t) => {
  const report = check(good)
  t.equal(report.exitCode, 0)
  t.match(report, { outcome: 'consistent', number: good.proof.record.number, sequence: '1', trust: { state: 'pinned', fingerprint: world.fingerprint } })
  t.same(report.findings.map((one) => one.code), ['EXHIBIT_EQUAL', 'TIME_BOUND', 'LEDGER_ENDORSED', 'DEPOSITOR_KEY_ONLY', 'BEFORE_CREATED'])
  t.match(report.findings[0]?.evidence, { name: '合同.pdf', sm3Compared: true, size: '100' })
  t.match(report.findings[1]?.evidence, {
    ledgerTime: time(0), by: time(30_000), foundBy: time(32_000), organizations: ['Court', 'Notary', 'Forensic']
  })
  t.match(report.findings[2]?.evidence, { endorsed: ['Court', 'Notary', 'Forensic'], organizations: 4, independent: 3, orderers: 3, consenters: 4, quorum: 3 })
  t.match(report.findings[4]?.evidence, { created: '2026-11-20', days: 3 })
  t.same(report.remarks, [])
  for (const made of [...batch, ...later]) t.equal(check(made).exitCode, 0)
  t.end()
})

t.test('one organization: one operator holds every key', (t) => {
  const one = new EvidenceWorld(1)
  const [made] = one.anchor([{}, {}])
  const input = { bundle: one.bundleBytes(), pins: [{ fingerprint: one.fingerprint }] }
  const report = check(made as Made, input)
  t.equal(report.exitCode, 0)
  t.equal(code(report, 'ledger'), 'LEDGER_ONE_OPERATOR')
  t.match(report.findings[2]?.sentences.en, /1 of 1 organization endorsed, 1 of 1 orderer signed: one operator holds every key/)
  t.match(check(made as Made, { ...input, pins: [] }).findings[2]?.sentences.en, new RegExp(`one operator holds every key.*${one.fingerprint}`))
  t.equal(code(check(made as Made, { ...input, minimumOrganizations: 1 }), 'ledger'), 'TOO_FEW_ORGANIZATIONS')
  t.end()
})

t.test('a development network says so, and a certificate of another kind differs', (t) => {
  const development = new EvidenceWorld()
  development.identity = { ...development.identity, kind: 'embedded-development' }
  const report = otherwise({}, development)
  t.equal(report.exitCode, 0)
  t.same(report.remarks.map((one) => one.code), ['DEVELOPMENT_NETWORK'])
  const sandbox = new EvidenceWorld()
  const { ca } = sandbox.network.organization(0)
  const peer = member('CourtMSP', { commonName: 'peer9', units: ['peer', 'embedded-development'], issuer: ca })
  t.equal(code(otherwise({ anchorEndorsers: [peer, ...sandbox.network.peers(1, 2)] }, sandbox), 'ledger'), 'LEDGER_KIND_DIFFERS')
  t.end()
})

t.test('the exhibit', (t) => {
  const other = nodeCrypto.sha256(utf8('other'))
  const { exhibit } = good
  const integrity = (change: object, made = good): FindingCode | undefined => code(check(made, { exhibit: { ...exhibit, ...change } }), 'integrity')
  t.equal(integrity({ sha256: other, sm3: other }), 'EXHIBIT_DIFFERS')
  t.equal(check(good, { exhibit: { sha256: other } }).exitCode, 1)
  t.equal(integrity({ sha256: other }), 'DIGESTS_DISAGREE')
  t.equal(integrity({ sm3: other }), 'DIGESTS_DISAGREE')
  t.equal(integrity({ size: 101n }), 'SIZE_DIFFERS')
  const without = verify(nodeCrypto, { proof: good.bytes, bundle, bundleSource: 'given', pins, now: NOW })
  t.equal(code(without, 'integrity'), 'EXHIBIT_MISSING')
  t.equal(without.exitCode, 2)
  t.ok(without.notChecked.some((one) => one.code === 'EXHIBIT'))
  const only = check(good, { exhibit: { sha256: exhibit.sha256 } })
  t.equal(only.exitCode, 0)
  t.same(only.remarks.map((one) => one.code), ['SM3_NOT_RECOMPUTED'])
  const sealed = new EvidenceWorld()
  const [encrypted] = sealed.anchor([{ change: { stored: { digests: { sha256: toHex(other) }, size: '9', encryption: 'age' } } }])
  const report = check(encrypted as Made, {
    bundle: sealed.bundleBytes(), pins: [{ fingerprint: sealed.fingerprint }], exhibit: { sha256: other }
  })
  t.equal(code(report, 'integrity'), 'EXHIBIT_IS_STORED_FORM')
  t.equal(report.exitCode, 2)
  t.end()
})

t.test('who is trusted', (t) => {
  const state = (input: Partial<VerifyInput>): unknown[] => {
    const report = check(good, input)
    return [report.trust.state, code(report, 'ledger'), report.exitCode]
  }
  t.same(state({ pins: [] }), ['given', 'TRUST_NOT_PINNED', 2])
  t.same(state({ pins: [], bundleSource: 'operator' }), ['operator', 'TRUST_NOT_PINNED', 2])
  t.same(state({ pins: [], bundleSource: 'proof' }), ['proof', 'TRUST_NOT_PINNED', 2])
  t.equal(code(check(good, { pins: [] }), 'time'), 'TIME_BY_UNKNOWN_CLOCKS')
  t.notMatch(JSON.stringify(check(good, { pins: [] }).findings.map(({ sentences }) => sentences)), /Court|Notary/)
  t.same(state({ pins: [], trustAsGiven: true }), ['as-given', 'LEDGER_ENDORSED', 0])
  t.same(state({ pins: [{ fingerprint: '00'.repeat(32) }] }), ['pin-differs', 'TRUST_PIN_DIFFERS', 2])
  t.same(state({ pins: [{ fingerprint: '00'.repeat(32) }], trustAsGiven: true }), ['pin-differs', 'TRUST_PIN_DIFFERS', 2])
  t.same(state({ pins: [{ fingerprint: world.fingerprint.toUpperCase().replace(/(.{4})/g, '$1 ') }] }), ['pinned', 'LEDGER_ENDORSED', 0])
  t.same(state({ pins: [{ fingerprint: world.fingerprint.slice(0, 16) }] }), ['pin-differs', 'TRUST_PIN_DIFFERS', 2])
  const differs = check(good, { pins: [{ fingerprint: '00'.repeat(32) }] }).findings.find(({ name }) => name === 'ledger')?.sentences
  for (const text of [differs?.en, differs?.zh]) {
    t.ok(text?.includes(world.fingerprint) && text.includes('00'.repeat(32)), 'both fingerprints in full: their beginnings can be made to agree')
  }
  t.match(check(good, { pins: [{ fingerprint: world.fingerprint }] }).trust.sentences.zh, /^[^A-Za-z]*[0-9a-f ]+[^A-Za-z]*$/, 'no English in the Chinese report')
  const missing = verify(nodeCrypto, { proof: good.bytes, exhibit: good.exhibit, bundleSource: 'given', now: NOW })
  t.same([missing.trust.state, code(missing, 'ledger'), missing.exitCode], ['none', 'BUNDLE_MISSING', 2])
  t.equal(code(missing, 'integrity'), 'EXHIBIT_EQUAL_TO_PROOF', 'nothing in the proof was authenticated')
  t.equal(code(check(good, { minimumOrganizations: 3 }), 'ledger'), 'LEDGER_ENDORSED')
  t.equal(code(check(good, { minimumOrganizations: 4 }), 'ledger'), 'TOO_FEW_ORGANIZATIONS')
  t.end()
})

t.test('a bundle of another network', (t) => {
  const other = new EvidenceWorld()
  // The same log name on another network: nothing of it verifies.
  const same = check(good, { bundle: other.bundleBytes(), pins: [{ fingerprint: other.fingerprint }] })
  t.not(same.exitCode, 0)
  const renamed = { ...other.bundle(), identity: { ...other.identity, log: 'other.example/0000000000000000' } }
  const report = check(good, { bundle: trustBundleBytes(renamed), pins: [], trustAsGiven: true })
  t.equal(report.exitCode, 2)
  t.equal(code(report, 'ledger'), 'BUNDLE_INVALID') // its keys are of another log
  const { keys, identities, ...history } = renamed.history
  const unkeyed = check(good, { bundle: trustBundleBytes({ ...renamed, history }), pins: [], trustAsGiven: true })
  t.equal(code(unkeyed, 'ledger'), 'BUNDLE_OF_ANOTHER_LOG')
  t.ok(keys !== undefined && identities !== undefined)
  t.equal(unkeyed.exitCode, 2)
  t.end()
})

t.test('documents that cannot be read are findings with codes of their own', (t) => {
  const pretty = utf8(JSON.stringify(good.proof, null, 2))
  const codes: [Uint8Array, FindingCode][] = [
    [pretty, 'DOCUMENT_RESAVED'],
    [Uint8Array.of(0xef, 0xbb, 0xbf, ...good.bytes), 'DOCUMENT_RESAVED'],
    [Uint8Array.of(...good.bytes, 10), 'DOCUMENT_RESAVED'],
    [good.bytes.subarray(1), 'DOCUMENT_UNREADABLE'],
    [Uint8Array.of(0xff), 'DOCUMENT_UNREADABLE'],
    [utf8('['.repeat(100) + ']'.repeat(100)), 'DOCUMENT_TOO_LARGE'],
    [utf8('{}'), 'DOCUMENT_OF_ANOTHER_KIND'],
    [utf8('null'), 'DOCUMENT_OF_ANOTHER_KIND'],
    [good.receiptBytes, 'DOCUMENT_OF_ANOTHER_KIND'],
    [jcsBytes({ ...good.proof, extra: 1 }), 'DOCUMENT_MALFORMED'],
    [edit(good, (proof) => { proof.record.sequence = '01' }).bytes, 'DOCUMENT_MALFORMED'],
    [edit(good, (proof) => { proof.type = 'steelyard/proof/v2' }).bytes, 'DOCUMENT_OF_ANOTHER_KIND'],
    [utf8(jcs(good.proof).replace('"type"', '"type":"x","type"')), 'DOCUMENT_RESAVED']
  ]
  for (const [bytes, expected] of codes) {
    const report = check({ ...good, bytes })
    t.equal(code(report, 'integrity'), expected)
    t.equal(report.exitCode, 2)
  }
  t.equal(code(check(good, { bundle: utf8('{') }), 'ledger'), 'DOCUMENT_UNREADABLE')
  t.equal(code(check(good, { bundle: utf8(JSON.stringify(world.bundle(), null, 1)) }), 'ledger'), 'DOCUMENT_RESAVED')
  const nothing = verify(nodeCrypto, { bundle, bundleSource: 'given', pins, now: NOW })
  t.equal(code(nothing, 'integrity'), 'NOTHING_TO_VERIFY')
  t.equal(nothing.exitCode, 2)
  t.end()
})

t.test('links inside a proof', (t) => {
  const others = (batch[2] as Made).proof
  for (const [name, expected, change] of PROOF_EDITS) {
    const report = check(edit(good, (proof) => { change(proof, others) }))
    t.equal(code(report, name), expected, expected)
    t.not(report.exitCode, 0)
  }
  // Elements of another good proof of the same log and network.
  const replay = later[0] as Made
  for (const part of ['attestations', 'header', 'record', 'receipt', 'logPath', 'batchPath', 'identities'] as const) {
    if (jcs(replay.proof[part]) === jcs(good.proof[part])) continue
    t.not(check(edit(good, (p) => { p[part] = replay.proof[part] })).exitCode, 0, part)
  }
  const swapped = check(edit(good, (p) => { p.attestations = [p.attestations[0], (replay.proof.attestations ?? [])[1]] }))
  t.equal(code(swapped, 'ledger'), 'LEDGER_READ_BACK_DIFFERS')
  t.end()
})

t.test('an unknown attestation could not be checked, and the rest goes on', (t) => {
  const report = check(edit(good, (p) => { p.attestations.push({ type: 'rfc3161/v1', target: 'head', data: { token: 'x' } }) }))
  t.equal(report.exitCode, 0)
  t.match(report.remarks, [{ code: 'ATTESTATION_UNKNOWN', evidence: { type: 'rfc3161/v1' } }])
  // ... and is never a way to hide a known one.
  t.equal(check(edit(good, (p) => { p.attestations[1].type = 'fabric-readback/v2' })).exitCode, 2)
  t.end()
})

t.test('the compact form of a read-back suffices', (t) => {
  t.equal(check(edit(good, (p) => { delete p.attestations[1].data.proposal })).exitCode, 0)
  t.end()
})

t.test('times', (t) => {
  t.equal(code(otherwise({ receivedAt: -500, signedAt: -500, sealedAt: -1000 }), 'time'), 'TIME_RECEIVED_AFTER_SEALED')
  t.equal(code(otherwise({ signedAt: -3001 }), 'time'), 'RECEIPT_BEFORE_RECEIVED')
  t.equal(code(otherwise({ signedAt: 30_001 }), 'time'), 'TIME_RECEIPT_AFTER_LEDGER')
  t.equal(otherwise({ signedAt: 30_000 }).exitCode, 0)
  // A receipt of today that says it is of long ago, with a deadline that the anchor keeps.
  const back = { receivedAt: -40 * DEADLINE_MS, signedAt: -40 * DEADLINE_MS }
  t.equal(code(otherwise({ ...back, promised: 80 * DEADLINE_MS }), 'time'), 'RECEIPT_DEADLINE_BEYOND_LOG')
  t.equal(code(otherwise({ promised: DEADLINE_MS + 1 }), 'time'), 'RECEIPT_DEADLINE_BEYOND_LOG')
  t.equal(code(otherwise({ promised: -1 }), 'time'), 'RECEIPT_DEADLINE_BEYOND_LOG')
  t.same(otherwise(back).remarks.map((one) => one.code), ['RECEIVED_LONG_BEFORE', 'DEADLINE_MISSED'])
  t.same(otherwise({ at: 4000, readAt: 5000 }).remarks.map((one) => one.code), ['KEYS_READ_BEFORE_LEDGER'])
  t.match(check(good).notChecked.find((one) => one.code === 'KEY_REVOCATION')?.evidence, { after: time(3000) })
  t.equal(code(otherwise({ readAt: -61_000 }), 'time'), 'TIME_READ_BEFORE_ANCHOR')
  t.equal(otherwise({ readAt: 75_000 }).remarks[0]?.code, 'READ_BACK_LATE')
  t.same(otherwise({ receivedAt: -DEADLINE_MS - 1, signedAt: 0 }).remarks.map((one) => one.code), ['RECEIVED_LONG_BEFORE'])
  t.same(otherwise({ signedAt: -DEADLINE_MS - 31_000, receivedAt: -DEADLINE_MS - 31_000 }).remarks.map((one) => one.code),
    ['RECEIVED_LONG_BEFORE', 'DEADLINE_MISSED'])
  t.same(check(good, { now: time(-31_000) }).remarks.map((one) => one.code), ['NOW_BEFORE_LEDGER'])
  t.end()
})

t.test('before the deposit', (t) => {
  const before = (created: Json): FindingCode | undefined => {
    const other = new EvidenceWorld()
    const [made] = other.anchor([{ fields: [{ name: 'created', value: created }], disclose: ['created'] }])
    return code(check(made as Made, { bundle: other.bundleBytes(), pins: [{ fingerprint: other.fingerprint }] }), 'before')
  }
  t.equal(before('2026-11-23T10:00:00Z'), 'BEFORE_CREATED')
  t.equal(before('2027-01-01'), 'BEFORE_CREATED_AFTER_DEPOSIT')
  const hidden = new EvidenceWorld()
  const [undisclosed] = hidden.anchor([{ fields: FIELDS }])
  t.equal(code(check(undisclosed as Made, { bundle: hidden.bundleBytes(), pins: [{ fingerprint: hidden.fingerprint }] }), 'before'), 'BEFORE_NOT_DISCLOSED')
  t.equal(before('yesterday'), 'BEFORE_NOT_STATED')
  t.equal(before(20261120), 'BEFORE_NOT_STATED')
  t.equal(before('2026-99-99'), 'BEFORE_NOT_STATED')
  t.end()
})

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

/** The rule that one peer of Platform suffices. */
function platformAlone (): applicationPolicy.ApplicationPolicy {
  const role = new mspPrincipal.MSPRole()
  role.setMspIdentifier('PlatformMSP')
  role.setRole(mspPrincipal.MSPRole.MSPRoleType.PEER)
  const principal = new mspPrincipal.MSPPrincipal()
  principal.setPrincipal(role.serializeBinary())
  const rule = new policies.SignaturePolicy()
  rule.setSignedBy(0)
  const envelope = new policies.SignaturePolicyEnvelope()
  envelope.setRule(rule)
  envelope.addIdentities(principal)
  const policy = new applicationPolicy.ApplicationPolicy()
  policy.setSignaturePolicy(envelope)
  return policy
}

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

t.test('receipt keys are valid by batch', (t) => {
  const other = new EvidenceWorld()
  const next = receiptKeyPair()
  other.register(next, 1)
  const [early] = other.anchor([{}], { key: next })
  const [fits] = other.anchor([{}], { key: next, at: 10, readAt: 20 })
  other.revoke(next, 2, time(-1000), 50)
  const [late] = other.anchor([{}], { key: next, at: 60, readAt: 70 })
  const input = { bundle: other.bundleBytes(), pins: [{ fingerprint: other.fingerprint }] }
  t.equal(code(check(early as Made, input), 'ledger'), 'RECEIPT_KEY_OUT_OF_RANGE')
  t.equal(code(check(late as Made, input), 'ledger'), 'RECEIPT_KEY_OUT_OF_RANGE')
  const report = check(fits as Made, input)
  t.equal(report.exitCode, 0)
  t.match(report.remarks, [{ code: 'KEY_COMPROMISED', evidence: { from: time(-1000), registeredAt: time(50) } }])
  t.end()
})

t.test('the promise of a receipt', (t) => {
  const other = new EvidenceWorld()
  const [made] = other.anchor([{}])
  const promised = made as Made
  const trust = { bundle: other.bundleBytes(), bundleSource: 'given' as const, pins: [{ fingerprint: other.fingerprint }] }
  const promise = (input: Partial<VerifyInput>): FindingCode | undefined =>
    code(verify(nodeCrypto, { ...trust, now: NOW, receipt: promised.receiptBytes, ...input }), 'promise')
  const deadline = T0 - 2500 + DEADLINE_MS
  t.equal(promise({ proof: promised.bytes }), 'PROMISE_KEPT')
  t.equal(promise({}), 'PROMISE_OPEN')
  t.equal(promise({ now: new Date(deadline + 1).toISOString() }), 'PROMISE_OVERDUE')
  t.equal(promise({ pins: [] }), 'PROMISE_NOT_PINNED', 'the key is known, whose it is is not')
  t.equal(promise({ pins: [], status: other.status(1000), proof: promised.bytes }), 'PROMISE_NOT_PINNED', 'nothing is judged by such a bundle')
  t.equal(promise({ pins: [], bundle: world.bundleBytes() }), 'PROMISE_KEY_UNKNOWN', 'a bundle of another log')
  t.equal(promise({ pins: [{ fingerprint: '00'.repeat(32) }] }), 'PROMISE_KEY_UNKNOWN', 'a bundle that is not used')
  t.equal(promise({ receipt: utf8('x') }), 'PROMISE_RECEIPT_UNREADABLE')
  t.equal(promise({ status: other.status(1000) }), 'PROMISE_POSITION_FILLED')
  const [longer] = other.receipts([promised.proof.record], { promised: DEADLINE_MS + 1 })
  t.equal(promise({ receipt: receiptBytes(longer as NonNullable<typeof longer>), proof: promised.bytes }), 'RECEIPT_DEADLINE_BEYOND_LOG')
  // Records that the ledger never got.
  const [lost] = other.receipts([{ ...promised.proof.record, sequence: '1' }])
  const dropped = receiptBytes(lost as NonNullable<typeof lost>)
  t.equal(promise({ receipt: dropped, status: other.status(1000) }), 'PROMISE_NOT_YET_DUE')
  t.equal(promise({ receipt: dropped, status: other.status(DEADLINE_MS + 60_000) }), 'PROMISE_BROKEN_NOT_INCLUDED')
  t.equal(verify(nodeCrypto, { ...trust, now: NOW, receipt: dropped, status: other.status(DEADLINE_MS + 60_000) }).exitCode, 1)
  t.equal(promise({ receipt: dropped, status: other.status(DEADLINE_MS + 60_000, { endorsers: other.network.peers(0) }) }), 'PROMISE_STATUS_DIFFERS')
  t.equal(promise({ receipt: dropped, status: utf8('{}') }), 'DOCUMENT_OF_ANOTHER_KIND')
  t.equal(promise({ receipt: dropped, proof: promised.bytes }), 'PROMISE_OF_ANOTHER_DEPOSIT')
  // Another record at the position of the receipt.
  const [twin] = other.receipts([{ ...promised.proof.record, receivedAt: time(-2999) }])
  const equivocal = receiptBytes(twin as NonNullable<typeof twin>)
  t.equal(promise({ receipt: equivocal, proof: promised.bytes }), 'PROMISE_BROKEN_OTHER_RECORD')
  t.equal(promise({ receipt: equivocal.map((byte, i) => i === 200 ? byte ^ 1 : byte) }) === 'PROMISE_OPEN', false)
  const unsigned = { ...promised.receipt, signature: toBase64url(new Uint8Array(64)) }
  t.equal(promise({ receipt: receiptBytes(unsigned) }), 'PROMISE_UNSIGNED')
  // Anchored too late, or only found late.
  const slow = (options: Parameters<EvidenceWorld['anchor']>[1]): FindingCode | undefined => {
    const late = new EvidenceWorld()
    const [one] = late.anchor([{}], options)
    return code(verify(nodeCrypto, {
      bundle: late.bundleBytes(), bundleSource: 'given', pins: [{ fingerprint: late.fingerprint }], now: NOW, proof: one?.bytes ?? utf8(''), receipt: one?.receiptBytes ?? utf8('')
    }), 'promise')
  }
  t.equal(slow({ signedAt: -DEADLINE_MS - 30_001, receivedAt: -DEADLINE_MS - 31_000 }), 'PROMISE_BROKEN_LATE')
  t.equal(slow({ readAt: DEADLINE_MS }), 'PROMISE_FOUND_LATE')
  t.end()
})

t.test('a receipt alone says what was deposited, and no more', (t) => {
  const receipt = verify(nodeCrypto, { receipt: good.receiptBytes, exhibit: good.exhibit, bundle, bundleSource: 'given', pins, now: NOW })
  t.same(receipt.findings.map((one) => one.code),
    ['EXHIBIT_EQUAL_TO_RECEIPT', 'TIME_WITHOUT_LEDGER', 'LEDGER_WITHOUT_PROOF', 'DEPOSITOR_KEY_ONLY', 'BEFORE_NOT_DISCLOSED', 'PROMISE_OPEN'])
  t.equal(receipt.exitCode, 2)
  const other = verify(nodeCrypto, { receipt: good.receiptBytes, exhibit: { sha256: new Uint8Array(32) }, bundleSource: 'given', now: NOW })
  t.equal(other.exitCode, 1)
  t.end()
})

t.test('two receipts prove equivocation by themselves', (t) => {
  const { record } = good.proof
  const [a] = world.receipts([record])
  const [b] = world.receipts([{ ...record, receivedAt: time(-1) }])
  const [c] = world.receipts([{ ...record, sequence: '2' }])
  const keys = [world.key.spki]
  const bytes = (one: typeof a): Uint8Array => receiptBytes(one as NonNullable<typeof a>)
  t.equal(compareReceipts(nodeCrypto, bytes(a), bytes(b), keys), 'equivocation')
  t.equal(compareReceipts(nodeCrypto, bytes(a), good.receiptBytes, keys), 'same')
  t.equal(compareReceipts(nodeCrypto, bytes(a), bytes(c), keys), 'unrelated')
  const second = receiptKeyPair()
  const [d] = world.receipts([{ ...record, receivedAt: time(-1) }], { key: second })
  t.equal(compareReceipts(nodeCrypto, bytes(a), bytes(d), [...keys, second.spki]), 'equivocation', 'an operator that changed its key in between')
  t.equal(compareReceipts(nodeCrypto, bytes(a), bytes(d), keys), 'unsigned', 'a key that is not the log\'s')
  t.equal(compareReceipts(nodeCrypto, bytes(a), bytes(b), [receiptKeyPair().spki]), 'unsigned')
  t.equal(compareReceipts(nodeCrypto, bytes(a), utf8('{}'), keys), 'unreadable')
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

t.test('many proofs share what they have in common, and the verdicts are the same', (t) => {
  const verifier = createVerifier(nodeCrypto, { bundle, bundleSource: 'given', pins })
  for (const made of [...batch, ...later, ...batch]) {
    t.same(verifier.verify({ proof: made.bytes, exhibit: made.exhibit, now: NOW }), check(made))
    const wrong = edit(made, (p) => { p.header.sealedAt = time(-1) })
    t.same(verifier.verify({ proof: wrong.bytes, exhibit: made.exhibit, now: NOW }), check(wrong))
  }
  t.end()
})
