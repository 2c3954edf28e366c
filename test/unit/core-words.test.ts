import { generateKeyPairSync, sign } from 'node:crypto'
import fc from 'fast-check'
import t from 'tap'
import { AUDIT_SAYS, BLOCK_SAYS, BUNDLE_SAYS, DOUBTS, LOG_SAYS, PROOF_SAYS } from '../../src/core/audit-wording.js'
import { fromBase64, fromHex, toHex, utf8 } from '../../src/core/bytes.js'
import { checkpointBody, checkpointSigningInput, noteKeyHash, parseCheckpoint, signedNote, verifyCheckpoint } from '../../src/core/checkpoint.js'
import { canonicalEvidenceNumber, formatEvidenceNumber, parseEvidenceNumber, printEvidenceNumber } from '../../src/core/evidence-number.js'
import { COULD_NOT_CHECK, DIFFERS } from '../../src/core/fabric/refusal.js'
import type { FindingCode, Sentences } from '../../src/core/findings.js'
import { exitCodeOf, STATES } from '../../src/core/findings.js'
import type { Json } from '../../src/core/jcs.js'
import { LOG_REFUSALS } from '../../src/core/log-process.js'
import { commitMetadata, discloseField, disclosuresInOrder, sortMetadata, verifyDisclosure } from '../../src/core/metadata.js'
import { reportText } from '../../src/core/report-text.js'
import { verify } from '../../src/core/verify/verifier.js'
import { CODES, findingSentences, HEADLINES, localTime, NAMES, omissionSentences, remarkSentences, STATE_NAMES, trustSentences } from '../../src/core/wording.js'
import { nodeCrypto as crypto } from '../../src/platform/node.js'
import { EvidenceWorld, type Made, NOW } from '../support/evidence-world.js'
import { randomFrom } from '../support/random.js'

const ALPHABET = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

t.test('evidence numbers locate one wrong character and detect two', (t) => {
  const random = randomFrom(7)
  const number = (): string => formatEvidenceNumber(Uint8Array.from({ length: 17 }, () => random.below(256)))
  const replace = (text: string, i: number, by: string): string => text.slice(0, i) + by + text.slice(i + 1)
  let wrong = 0
  let tried = 0
  for (let n = 0; n < 100; n++) { // each of the 20 * 31 single errors of 100 numbers
    const good = number()
    if (parseEvidenceNumber(good).kind !== 'ok') wrong++
    for (let i = 0; i < 20; i++) {
      for (const char of ALPHABET) {
        if (char === good[i]) continue
        tried++
        const reading = parseEvidenceNumber(replace(good, i, char))
        if (reading.kind !== 'typo' || reading.position !== i + 1 || reading.proposal !== good) wrong++
      }
    }
  }
  for (let n = 0; n < 118_000; n++) { // two errors are never taken for a number, nor for this number with one
    const good = number()
    const [i, k] = [random.below(20), random.below(19)]
    const other = k >= i ? k + 1 : k
    const different = (at: number): string => ALPHABET[(ALPHABET.indexOf(good.charAt(at)) + 1 + random.below(31)) % 32] as string
    tried++
    const reading = parseEvidenceNumber(replace(replace(good, i, different(i)), other, different(other)))
    if (reading.kind === 'ok' || (reading.kind === 'typo' && reading.proposal === good)) wrong++
  }
  for (let n = 0; n < 10_000; n++) { // a swap of any two characters is never mislocated
    const good = number()
    const [i, k] = [random.below(20), random.below(20)]
    if (good[i] === good[k]) continue
    tried++
    const reading = parseEvidenceNumber(replace(replace(good, i, good.charAt(k)), k, good.charAt(i)))
    if (reading.kind !== 'malformed') wrong++
  }
  t.equal(wrong, 0)
  t.ok(tried > 186_000, `${tried} cases`)
  t.end()
})

t.test('evidence numbers as people type them', (t) => {
  const number = formatEvidenceNumber(new Uint8Array(17).map((_, i) => i))
  const printed = printEvidenceNumber(number)
  t.match(printed, /^(?:[0-9A-Z]{4}-){4}[0-9A-Z]{4}$/)
  const zero = formatEvidenceNumber(new Uint8Array(17))
  t.same(parseEvidenceNumber('ooooo OOOOO-00000 00000'), { kind: 'ok', number: zero })
  for (const typed of [printed, printed.toLowerCase(), ` ${printed.replaceAll('-', ' ')}\n`, printed.replaceAll('-', '—'), number.replaceAll('1', 'l'), number.replaceAll('1', 'I')]) {
    t.same(parseEvidenceNumber(typed), { kind: 'ok', number })
  }
  t.same(parseEvidenceNumber(`U${number.slice(1)}`), { kind: 'typo', position: 1, proposal: number })
  t.same(parseEvidenceNumber(`${number.slice(0, 9)}*${number.slice(10)}`), { kind: 'typo', position: 10, proposal: number })
  t.same(parseEvidenceNumber(`UU${number.slice(2)}`), { kind: 'malformed', reason: 'characters' })
  t.same(parseEvidenceNumber(number.slice(1)), { kind: 'malformed', reason: 'length' })
  t.same(parseEvidenceNumber(''), { kind: 'malformed', reason: 'length' })
  t.equal(canonicalEvidenceNumber(printed), number)
  t.throws(() => canonicalEvidenceNumber(`U${number.slice(1)}`), { code: 'NUMBER_TYPO', path: '1' })
  t.throws(() => canonicalEvidenceNumber('x'), { code: 'NUMBER_MALFORMED' })
  t.throws(() => formatEvidenceNumber(new Uint8Array(16)), { code: 'ARGUMENT' })
  fc.assert(fc.property(fc.string({ unit: 'binary' }), (typed) => { parseEvidenceNumber(typed) }))
  t.end()
})

t.test('metadata is disclosed field by field', (t) => {
  const secret = new Uint8Array(32).fill(9)
  const fields = [{ name: 'ö', value: 1 }, { name: 'a', value: { x: [true, 'y'] } }, { name: '𐀀', value: 'z' }, { name: '\uffff', value: '' }, { name: 'b', value: 'c' }]
  t.same(sortMetadata(fields).map(({ name }) => name), ['a', 'b', 'ö', '\uffff', '𐀀']) // by UTF-8, not by UTF-16
  const committed = commitMetadata(crypto, secret, fields)
  t.equal(committed.size, '5')
  t.same(commitMetadata(crypto, secret, [...fields].reverse()), committed)
  const opened = sortMetadata(fields).map(({ name }) => discloseField(crypto, secret, fields, name))
  t.ok(disclosuresInOrder(opened))
  t.notOk(disclosuresInOrder([...opened].reverse()))
  t.equal(new Set(opened.map(({ salt }) => salt)).size, 5, 'never one salt for two fields')
  for (const one of opened) {
    t.ok(verifyDisclosure(crypto, committed, one))
    for (const change of [{ value: 'other' as Json }, { name: 'other' }, { index: '6' }, { path: [] }, { salt: opened[0] === one ? opened[1]?.salt ?? '' : opened[0]?.salt ?? '' }]) {
      t.notOk(verifyDisclosure(crypto, committed, { ...one, ...change }))
    }
  }
  t.throws(() => sortMetadata([{ name: 'a', value: 1 }, { name: 'a', value: 2 }]), { code: 'FORMAT' })
  t.throws(() => discloseField(crypto, secret, fields, 'none'), { code: 'ARGUMENT' })
  t.throws(() => commitMetadata(crypto, new Uint8Array(31), fields), { code: 'ARGUMENT' })
  t.throws(() => sortMetadata([{ name: '', value: 1 }]), { code: 'ARGUMENT' })
  t.end()
})

t.test('checkpoints are C2SP signed notes', (t) => {
  // The example of the signed-note specification: its key and note.
  const name = 'example.com/behind-the-sofa'
  const body = `${name}\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n`
  t.equal(checkpointBody({ origin: name, size: 20852163n, root: fromBase64('CsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=') }), body)
  const { privateKey, publicKey } = generateKeyPairSync('ed25519')
  const key = { name, publicKey: new Uint8Array(publicKey.export({ type: 'spki', format: 'der' })).subarray(12) }
  t.equal(toHex(noteKeyHash(crypto, key)), toHex(crypto.sha256(Buffer.concat([utf8(`${name}\n`), Uint8Array.of(1), key.publicKey]))).slice(0, 8))
  const head = { origin: name, size: 20852163n, root: new Uint8Array(32).fill(3) }
  const mine = { name, keyHash: noteKeyHash(crypto, key), signature: new Uint8Array(sign(null, checkpointSigningInput(head), privateKey)) }
  const witness = { name: 'witness.example/w1', keyHash: fromHex('01020304'), signature: new Uint8Array(72) }
  const note = utf8(signedNote(checkpointBody(head), [mine, witness]))
  const parsed = parseCheckpoint(note)
  t.same(parsed.checkpoint, head)
  t.equal(parsed.signatures.length, 2)
  t.ok(verifyCheckpoint(crypto, parsed, key))
  t.notOk(verifyCheckpoint(crypto, { ...parsed, body: parsed.body.replace('20852163', '20852164') }, key))
  t.notOk(verifyCheckpoint(crypto, { ...parsed, signatures: [witness] }, key))
  t.notOk(verifyCheckpoint(crypto, { ...parsed, signatures: [mine, { ...mine, signature: new Uint8Array(64) }] }, key))
  const text = new TextDecoder().decode(note)
  for (const bad of ['', text.trimEnd(), `${text}\n`, text.replace('\n\n', '\n'), text.replace('20852163', '020'), text.replace('—', '-'), text.replace('\n\n', '\nextension\n\n'), text.replace('= ', '')]) {
    if (bad !== text) t.throws(() => parseCheckpoint(utf8(bad)), { name: 'EvidenceError' })
  }
  t.throws(() => checkpointBody({ ...head, origin: 'a b' }), { code: 'ARGUMENT' })
  t.end()
})

/** Evidence that any code can be said with. */
const SAMPLE = {
  sha256: 'ab'.repeat(32),
  sm3: 'cd'.repeat(32),
  size: '1204551',
  name: 'f',
  sm3Compared: true,
  deposited: { sha256: 'ab'.repeat(32) },
  found: { sha256: 'cd'.repeat(32) },
  expected: 'x',
  sequence: '1',
  first: '0',
  batch: '2',
  verdict: 'v',
  keyId: 'k',
  document: 'proof',
  path: 'proof.x',
  ledgerTime: NOW,
  skewMs: 30_000,
  by: NOW,
  foundBy: NOW,
  organizations: ['Court'],
  receivedAt: NOW,
  sealedAt: NOW,
  readAt: NOW,
  oneOperator: false,
  signedAt: NOW,
  deadlineMs: 86_400_000,
  keysReadAt: NOW,
  after: NOW,
  endorsed: ['Court'],
  independent: 1,
  orderers: 3,
  consenters: 4,
  quorum: 3,
  block: '6',
  transaction: 0,
  txId: 'x',
  missing: ['m'],
  pinned: ['00'.repeat(32)],
  reason: 'HEADER',
  part: 'p',
  stated: 's',
  certificate: 'c',
  type: 't',
  identity: 'i',
  bundleBlock: '1',
  fingerprint: 'ab'.repeat(32),
  required: 2,
  lastConfig: '1',
  organization: 'orgorgorgorg',
  scheme: 's',
  created: '2026-11-20',
  days: 3,
  deadline: NOW,
  nextSequence: '3',
  time: NOW,
  notAfter: NOW,
  notBefore: NOW,
  from: NOW,
  registeredAt: NOW,
  now: NOW,
  pinnedOn: '2026-10-01',
  kind: 'k'
}
const FOR_NUMBERS: Record<string, object> = { SIZE_DIFFERS: { deposited: '1', found: '2' }, OTHER_LOG: { found: 'y' }, BUNDLE_OF_ANOTHER_LOG: { found: 'y' } }
const COUNTED = new Set(['LEDGER_ENDORSED', 'LEDGER_ONE_OPERATOR', 'TRUST_NOT_PINNED'])

const FORBIDDEN = /\b(authentic\w*|genuine\w*|true|truth\w*|tamper\w*|untampered|forged?|fake|proven|guarantee\w*|certif(y|ies))\b|真实|真伪|篡改|伪造|可信|保证|属于真/i

/** What every sentence of an audit can be made with: a text, a number, a sentence and a list of them. */
const ANYTHING = Object.assign([{ en: 'x', zh: '甲' }], { en: 'x', zh: '甲', toString: () => '7' }) as never

function ofAudits (): (readonly [string, Sentences])[] {
  const tables = [BLOCK_SAYS, DOUBTS, LOG_SAYS, PROOF_SAYS, BUNDLE_SAYS, AUDIT_SAYS].flatMap((table) => Object.entries(table))
  return [
    ...tables.filter(([name]) => name !== 'refused').map(([name, said]) => {
      const made = typeof said === 'function' ? (said as (...given: never[]) => Sentences)(ANYTHING, ANYTHING, ANYTHING, ANYTHING) : said as Sentences
      return [name, made] as const
    }),
    ...[...DIFFERS, ...COULD_NOT_CHECK].map((code) => [code, BLOCK_SAYS.refused(code, 'detail')] as const),
    ...LOG_REFUSALS.map((code) => [code, LOG_SAYS.refused(code, 'detail')] as const)
  ]
}

t.test('the wording is law', (t) => {
  const sample = (code: string): never => ({ ...SAMPLE, ...(COUNTED.has(code) ? { organizations: 4 } : {}), ...FOR_NUMBERS[code] }) as never
  const all = [
    ...CODES.findings.map((code) => [code, findingSentences(code, sample(code))] as const),
    ...CODES.remarks.map((code) => [code, remarkSentences(code, sample(code))] as const),
    ...CODES.omissions.map((code) => [code, omissionSentences(code, sample(code))] as const),
    ...CODES.trust.map((code) => [code, trustSentences(code, sample(code))] as const),
    ...Object.entries({ ...HEADLINES, ...NAMES, ...STATE_NAMES }),
    ...ofAudits()
  ]
  for (const [code, { en, zh }] of all) {
    t.ok(en.length > 2 && zh.length > 0, code)
    t.notMatch(en, FORBIDDEN, code)
    t.notMatch(zh, FORBIDDEN, code)
    t.notMatch(en, /[\u4e00-\u9fff]|undefined|NaN|\[object/, code)
    t.match(zh, /[\u4e00-\u9fff]/, code)
    t.notMatch(zh, /undefined|NaN|\[object/, code)
    if ((STATES as Record<string, string>)[code] === 'could-not-check') t.notMatch(en, /\bfail/, code)
  }
  t.same([...CODES.findings].sort(), Object.keys(STATES).sort())
  t.end()
})

t.test('exit codes', (t) => {
  const exit = (...states: ('consistent' | 'differs' | 'could-not-check' | 'not-stated')[]): number => {
    const names = ['integrity', 'time', 'ledger', 'depositor', 'promise'] as const
    return exitCodeOf(states.map((state, i) => ({ name: names[i] as 'time', state })))
  }
  t.equal(exit('consistent', 'consistent', 'consistent'), 0)
  t.equal(exit('consistent', 'consistent', 'consistent', 'not-stated', 'could-not-check'), 0)
  t.equal(exit('consistent', 'consistent', 'consistent', 'differs'), 1)
  t.equal(exit('consistent', 'could-not-check', 'consistent'), 2)
  t.equal(exit('could-not-check', 'differs', 'consistent'), 1)
  t.equal(exit('consistent', 'consistent'), 2)
  t.equal(exit(), 2)
  t.end()
})

t.test('times are rounded up, in the time zone of the courts', (t) => {
  t.equal(localTime('2026-11-23T10:02:37.000Z'), '2026-11-23 18:02:37 +08:00')
  t.equal(localTime('2026-11-23T10:02:36.001Z'), '2026-11-23 18:02:37 +08:00')
  t.equal(localTime('2026-12-31T16:00:00.000Z'), '2027-01-01 00:00:00 +08:00')
  t.end()
})

t.test('the report on a terminal', (t) => {
  const world = new EvidenceWorld()
  const fields = [{ name: 'fileName', value: 'a\u001b[31m\u202eb.pdf' }]
  const [made] = world.anchor([{ fields, disclose: ['fileName'] }]) as [Made]
  const report = verify(crypto, {
    proof: made.bytes, exhibit: made.exhibit, bundle: world.bundleBytes(), bundleSource: 'given', pins: [{ fingerprint: world.fingerprint, pinnedOn: '2026-10-01' }], now: NOW
  })
  const en = reportText(report, 'en').split('\n')
  t.match(en[0], /^Evidence number \S{24} {2}Consistent with what was deposited · 与存证内容一致$/)
  t.match(en[3], 'time       consistent       existed no later than 2026-11-23 18:02:37 +08:00, by the clocks of Court, Notary, Forensic (each within 30 s)')
  t.match(en.at(-2), /^trust {6}pinned {11}bundle [0-9a-f]{4}( [0-9a-f]{4}){3}, pinned on 2026-10-01$/)
  t.match(en.at(-1), /^not checked: whether what the content says is so; who made the file; revocation lists later than block 1/)
  for (const text of [reportText(report, 'zh'), en.join('\n')]) t.notOk(text.includes('\u001b') || text.includes('\u202e'))
  const codes: FindingCode[] = report.findings.map(({ code }) => code)
  t.ok(codes.includes('EXHIBIT_EQUAL'))
  t.end()
})
