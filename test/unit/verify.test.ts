/** What the verifier says of a proof and its file. */
import t from 'tap'
import { toHex, utf8 } from '../../src/core/bytes.js'
import type { FindingCode } from '../../src/core/findings.js'
import { jcs, jcsBytes, type Json } from '../../src/core/jcs.js'
import { trustBundleBytes } from '../../src/core/trust-bundle.js'
import type { VerifyInput } from '../../src/core/verify/input.js'
import { createVerifier, verify } from '../../src/core/verify/verifier.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { PROOF_EDITS } from '../support/attacks.js'
import { DEADLINE_MS, EvidenceWorld, type Made, NOW, time } from '../support/evidence-world.js'
import { batch, bundle, check, code, edit, FIELDS, good, later, otherwise, pins, world } from '../support/verified-world.js'
import { member } from './fabric-forge.js'

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

t.test('many proofs share what they have in common, and the verdicts are the same', (t) => {
  const verifier = createVerifier(nodeCrypto, { bundle, bundleSource: 'given', pins })
  for (const made of [...batch, ...later, ...batch]) {
    t.same(verifier.verify({ proof: made.bytes, exhibit: made.exhibit, now: NOW }), check(made))
    const wrong = edit(made, (p) => { p.header.sealedAt = time(-1) })
    t.same(verifier.verify({ proof: wrong.bytes, exhibit: made.exhibit, now: NOW }), check(wrong))
  }
  t.end()
})
