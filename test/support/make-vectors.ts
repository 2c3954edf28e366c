/**
 * Writes test/vectors/*.json: `node dist/test/support/make-vectors.js` after a build. Keys are thrown away, so that the
 * verification vectors are other bytes each time; write them anew only when a format changes, and keep the old ones beside.
 * @module
 */
import { createPrivateKey, generateKeyPairSync, type KeyObject, sign } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { fromUtf8, toHex, utf8 } from '../../src/core/bytes.js'
import { checkpointBody, noteKeyHash, signedNote } from '../../src/core/checkpoint.js'
import { formatEvidenceNumber, parseEvidenceNumber, printEvidenceNumber } from '../../src/core/evidence-number.js'
import { jcs, type Json, parseCanonical } from '../../src/core/jcs.js'
import { consistencyPath, inclusionPath, leafHash, rootOf } from '../../src/core/merkle.js'
import { commitMetadata, discloseField } from '../../src/core/metadata.js'
import { type Receipt, receiptBytes } from '../../src/core/receipt.js'
import { nodeCrypto as crypto } from '../../src/platform/node.js'
import { LEDGER_ATTACKS, PROOF_EDITS } from './attacks.js'
import { DEADLINE_MS, EvidenceWorld, type Made, NOW, time } from './evidence-world.js'
import { type Case, caseRunner, diff, type VerificationVectors } from './vectors.js'

function write (name: string, value: object): void {
  writeFileSync(`test/vectors/${name}.json`, `${JSON.stringify(value, null, 1)}\n`)
}

function merkle (): object {
  const leaves = ['', '00', '10', '2021', '3031', '40414243', '5051525354555657', '606162636465666768696a6b6c6d6e6f']
  const hashes = leaves.map((leaf) => leafHash(crypto, Buffer.from(leaf, 'hex')))
  const sizes = Array.from({ length: 9 }, (_, size) => hashes.slice(0, size))
  return {
    about: 'RFC 9162 section 2.1 over SHA-256. Leaves are those of the certificate transparency implementations.',
    leaves,
    leafHashes: hashes.map(toHex),
    roots: sizes.map((tree) => toHex(rootOf(crypto, tree))),
    inclusion: sizes.flatMap((tree, size) => tree.map((_, index) => ({ index, size, path: inclusionPath(crypto, tree, index).map(toHex) }))),
    consistency: sizes.flatMap((tree, second) => Array.from({ length: second + 1 }, (_, first) =>
      ({ first, second, path: consistencyPath(crypto, tree, first).map(toHex) })))
  }
}

function canonical (): object {
  const texts = ['{}', '[]', '{"a":1,"b":[true,"x"]}', '{"b":1,"a":2}', '{ }', '{}\n', '\ufeff{}', '{"a":1,"a":1}', '"\\u0061"', '"\\u0000"', '1.0', '1e0', '-0', 'null', '{"a":null}',
    '9007199254740991', '9007199254740993', '"\\ud800"', '', '{', '[1,]', '{"\\u20ac":1,"\\ufb33":2,"\\ud83d\\ude00":3}', '{"€":1,"😀":3,"דּ":2}', '"\\/"', '"é"']
  return {
    about: 'Bytes that a parser of these formats accepts, and the code with which it refuses the others.',
    cases: texts.map((text) => {
      try {
        parseCanonical(utf8(text), { bytes: 1000, depth: 8 })
        return { text, accepted: true }
      } catch (error) {
        return { text, accepted: false, code: (error as { code: string }).code }
      }
    })
  }
}

function numbers (): object {
  const randoms = ['00'.repeat(17), 'ff'.repeat(17), '000102030405060708090a0b0c0d0e0f10', '1f1e1d1c1b1a191817161514131211100f']
  const made = randoms.map((random) => formatEvidenceNumber(Buffer.from(random, 'hex')))
  const [, , number = ''] = made
  const typed = [number, printEvidenceNumber(number), printEvidenceNumber(number).toLowerCase(), 'oooo-OOOO-0000-0000-0000', `Z${number.slice(1)}`, `${number.slice(0, 19)}Z`,
    `U${number.slice(1)}`, `UU${number.slice(2)}`, `ZZ${number.slice(2)}`, `${number.charAt(1)}${number.charAt(0)}${number.slice(2)}`, number.slice(1), '']
  return {
    about: 'Evidence numbers. `random` is 17 bytes of which the low five bits count; positions count from 1.',
    format: randoms.map((random, i) => ({ random, number: made[i], printed: printEvidenceNumber(made[i] ?? '') })),
    read: typed.map((text) => ({ typed: text, reading: parseEvidenceNumber(text) }))
  }
}

function metadata (): object {
  const secret = new Uint8Array(32).fill(7)
  const fields = [{ name: 'fileName', value: '合同.pdf' }, { name: 'created', value: '2026-11-20' }, { name: 'case', value: { court: 'x', n: [1, 2] } }]
  return {
    about: 'record.metadata: leaf = SHA-256(0x00 || JCS[name, value, salt]), salt = base64url(HMAC-SHA-256(secret, name)), sorted by UTF-8 name.',
    secret: toHex(secret),
    fields,
    committed: commitMetadata(crypto, secret, fields),
    disclosures: fields.map(({ name }) => discloseField(crypto, secret, fields, name))
  }
}

function testKey (): { key: KeyObject, publicKey: Uint8Array } {
  // RFC 8032 section 7.1, test 1: a key that everybody has.
  const seed = '9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60'
  const key = createPrivateKey({ key: Buffer.from(`302e020100300506032b657004220420${seed}`, 'hex'), format: 'der', type: 'pkcs8' })
  return { key, publicKey: Buffer.from('d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a', 'hex') }
}

function checkpoint (): object {
  const { key, publicKey } = testKey()
  const head = { origin: 'evidence.example/0123456789abcdef', size: 7n, root: new Uint8Array(32).fill(5) }
  const body = checkpointBody(head)
  const name = head.origin
  const keyHash = noteKeyHash(crypto, { name, publicKey })
  return {
    about: 'C2SP tlog-checkpoint by a well-known test key (RFC 8032 section 7.1, test 1).',
    origin: head.origin,
    size: '7',
    root: toHex(head.root),
    publicKey: toHex(publicKey),
    keyHash: toHex(keyHash),
    note: signedNote(body, [{ name, keyHash, signature: new Uint8Array(sign(null, utf8(body), key)) }])
  }
}

function signatures (): object {
  const message = utf8('message')
  const ecdsa = ([['P-256', 'sha256'], ['P-384', 'sha384'], ['P-384', 'sha256']] as const).flatMap(([curve, hash]) => {
    const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: curve })
    const spki = toHex(publicKey.export({ type: 'spki', format: 'der' }))
    const signature = toHex(sign(hash, message, privateKey))
    const common = { curve, hash, spki, message: toHex(message) }
    return [{ ...common, signature, valid: true }, { ...common, message: '00', signature, valid: false }, { ...common, signature: '3000', valid: false },
      { ...common, spki: '3000', signature, valid: false }, { ...common, curve: curve === 'P-256' ? 'P-384' : 'P-256', signature, valid: false }]
  })
  const { key, publicKey } = testKey()
  const good = sign(null, message, key)
  const s = BigInt(`0x${toHex(Uint8Array.from(good.subarray(32)).reverse())}`) + 2n ** 252n + 27742317777372353535851937790883648493n
  const twin = toHex(good.subarray(0, 32)) + toHex(Uint8Array.from(Buffer.from(s.toString(16).padStart(64, '0'), 'hex')).reverse())
  const neutral = `01${'00'.repeat(31)}`
  const ed25519 = [
    { publicKey: toHex(publicKey), message: toHex(message), signature: toHex(good), valid: true },
    { publicKey: toHex(publicKey), message: toHex(message), signature: twin, valid: false },
    { publicKey: toHex(publicKey), message: '', signature: toHex(good), valid: false },
    { publicKey: neutral, message: toHex(message), signature: neutral + '00'.repeat(32), valid: false },
    { publicKey: `ee${'ff'.repeat(30)}7f`, message: toHex(message), signature: neutral + '00'.repeat(32), valid: false },
    { publicKey: '00'.repeat(32), message: toHex(message), signature: '00'.repeat(64), valid: false }
  ]
  const texts = ['', 'abc', 'abcd'.repeat(16), 'x'.repeat(1000)]
  return {
    about: 'The cryptography that core is given. Messages, keys and signatures in hexadecimal; ECDSA keys are DER SubjectPublicKeyInfo, thrown away.',
    digests: texts.map((text) => ({ text, sha256: toHex(crypto.sha256(utf8(text))), sm3: toHex(crypto.sm3(utf8(text))) })),
    ed25519,
    ecdsa
  }
}

const FIELDS = [{ name: 'case', value: '(2026) 1' }, { name: 'created', value: '2026-11-20' }, { name: 'fileName', value: '合同.pdf' }]

function verification (): VerificationVectors {
  const four = new EvidenceWorld(4)
  const one = new EvidenceWorld(1)
  const batch = four.anchor([{}, { fields: FIELDS, disclose: ['created', 'fileName'] }, {}, {}, {}])
  const good = batch[1] as Made
  const [single] = one.anchor([{ fields: FIELDS, disclose: ['fileName'] }, {}]) as [Made]
  const attacks = LEDGER_ATTACKS.slice(1).map(([name, , options]) => [name, four.anchor([{}], options(four))[0] as Made] as const)
  const [lost] = one.receipts([{ ...single.proof.record, sequence: '9' }]) as [Receipt]
  const [twin] = one.receipts([{ ...single.proof.record, receivedAt: time(-2999) }]) as [Receipt]
  const vectors: VerificationVectors = {
    about: 'Proofs, receipts and bundles with the outcome that each must have. A document is its exact text; an edited one is the base after the edits ' +
      '(path and new value; no value: removed), written as RFC 8785. Times are UTC.',
    documents: {
      'bundle of four': fromUtf8(four.bundleBytes()),
      'bundle of one': fromUtf8(one.bundleBytes()),
      proof: fromUtf8(good.bytes),
      'proof of one': fromUtf8(single.bytes),
      receipt: fromUtf8(single.receiptBytes),
      'receipt of a dropped deposit': fromUtf8(receiptBytes(lost)),
      'receipt of another record': fromUtf8(receiptBytes(twin)),
      status: fromUtf8(one.status(1000)),
      'status after the deadline': fromUtf8(one.status(DEADLINE_MS)),
      ...Object.fromEntries(attacks.map(([name, made]) => [name, fromUtf8(made.bytes)]))
    },
    cases: []
  }
  const exhibit = (made: Made): NonNullable<Case['exhibit']> => ({
    sha256: made.proof.record.content.digests.sha256, sm3: made.proof.record.content.digests.sm3 ?? '', size: made.proof.record.content.size ?? ''
  })
  const common = { bundle: 'bundle of four', pin: four.fingerprint, now: NOW, proof: 'proof', exhibit: exhibit(good) }
  const ofOne = { bundle: 'bundle of one', pin: one.fingerprint, now: NOW, proof: 'proof of one', exhibit: exhibit(single) }
  const alone = { bundle: 'bundle of one', pin: one.fingerprint, now: NOW, exhibit: exhibit(single) }
  const editable = (): Record<string, any> => JSON.parse(jcs(good.proof)) as Record<string, any>
  const unpinned = { bundle: 'bundle of four', now: NOW, proof: 'proof', exhibit: exhibit(good) }
  const cases: Omit<Case, 'expect'>[] = [
    { name: 'four organizations', ...common },
    { name: 'one organization', ...ofOne },
    { name: 'with its receipt', ...ofOne, receipt: 'receipt' },
    { name: 'the bundle is not pinned', ...unpinned },
    { name: 'the bundle is taken as given', ...unpinned, trustAsGiven: true },
    { name: 'another pin', ...common, pin: '00'.repeat(32) },
    { name: 'the bundle of another network', ...common, bundle: 'bundle of one', pin: one.fingerprint },
    { name: 'more organizations are asked for', ...ofOne, minimumOrganizations: 1 },
    { name: 'another file', ...common, exhibit: { sha256: '00'.repeat(32), sm3: '00'.repeat(32) } },
    { name: 'one digest differs', ...common, exhibit: { ...exhibit(good), sm3: '00'.repeat(32) } },
    { name: 'another size', ...common, exhibit: { ...exhibit(good), size: '1' } },
    { name: 'saved again', ...common, text: JSON.stringify(good.proof, null, 2) },
    { name: 'a final newline', ...common, text: `${jcs(good.proof)}\n` },
    { name: 'a byte order mark', ...common, text: `\ufeff${jcs(good.proof)}` },
    { name: 'cut', ...common, text: jcs(good.proof).slice(0, 5000) },
    { name: 'a receipt where a proof belongs', ...common, proof: 'receipt' },
    { name: 'receipt alone', ...alone, receipt: 'receipt' },
    { name: 'receipt alone, overdue', ...alone, receipt: 'receipt', now: time(DEADLINE_MS) },
    { name: 'receipt, and a status that fills its position', ...alone, receipt: 'receipt', status: 'status' },
    ...attacks.map(([name, made]) => ({ name, ...common, proof: name, exhibit: exhibit(made) })),
    ...PROOF_EDITS.map(([, code, change], i) => {
      const changed = editable()
      change(changed, (batch[2] as Made).proof)
      return { name: `edit ${i}: ${code}`, ...common, edits: diff(JSON.parse(jcs(good.proof)) as Json, changed as Json) }
    }),
    { name: 'dropped, and the deadline has passed', ...alone, receipt: 'receipt of a dropped deposit', status: 'status after the deadline' },
    { name: 'dropped, and the deadline has not passed', ...alone, receipt: 'receipt of a dropped deposit', status: 'status' },
    { name: 'the position was given away', ...ofOne, receipt: 'receipt of another record' }
  ]
  return { ...vectors, cases: withOutcomes(vectors, cases) }
}

function withOutcomes (vectors: VerificationVectors, cases: readonly Omit<Case, 'expect'>[]): Case[] {
  const run = caseRunner(crypto, vectors)
  return cases.map((one) => {
    const { exitCode, findings } = run(one)
    return { ...one, expect: { exitCode, findings: Object.fromEntries(findings.map(({ name, code }) => [name, code])) } }
  })
}

mkdirSync('test/vectors', { recursive: true })
write('merkle', merkle())
write('canonical-json', canonical())
write('evidence-number', numbers())
write('metadata', metadata())
write('checkpoint', checkpoint())
write('signatures', signatures())
write('verification', verification())
