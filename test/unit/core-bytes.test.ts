import canonicalize from 'canonicalize'
import fc from 'fast-check'
import t from 'tap'
import {
  compareBytes, concat, equalBytes, fromBase64, fromBase64url, fromHex, fromUtf8, toBase64, toBase64url, toHex, utf8
} from '../../src/core/bytes.js'
import type { EvidenceErrorCode } from '../../src/core/errors.js'
import { hmacSha256 } from '../../src/core/hmac.js'
import { jcs, jcsBytes, parseCanonical } from '../../src/core/jcs.js'
import { parseReceipt } from '../../src/core/receipt.js'
import { parseRecord, recordBytes } from '../../src/core/record.js'
import { base64url, boolean, decimal, hex, integer, list, literal, map, object, oneOf, text, time } from '../../src/core/strict.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { EvidenceWorld, type Made } from '../support/evidence-world.js'

const LIMITS = { bytes: 10_000, depth: 10 }

function codeOf (action: () => unknown): EvidenceErrorCode | 'accepted' {
  try {
    action()
    return 'accepted'
  } catch (error) {
    return (error as { code: EvidenceErrorCode }).code
  }
}

t.test('bytes', (t) => {
  fc.assert(fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
    t.ok(equalBytes(fromHex(toHex(bytes)), bytes))
    t.equal(toBase64url(bytes), Buffer.from(bytes).toString('base64url'))
    t.ok(equalBytes(fromBase64url(toBase64url(bytes)), bytes))
    t.equal(toBase64(bytes), Buffer.from(bytes).toString('base64'))
    t.ok(equalBytes(fromBase64(toBase64(bytes)), bytes))
  }))
  // Node's Buffer takes all of these.
  for (const bad of ['A', 'AA==', 'AB', 'AAB', 'A A', 'AA\n', 'A+', 'A/', 'AAAAA', '=']) t.equal(codeOf(() => fromBase64url(bad)), 'ARGUMENT', bad)
  for (const bad of ['AA', 'AA=', 'AB==', 'AAA', 'AA==AA==', 'A-==', '====']) t.equal(codeOf(() => fromBase64(bad)), 'ARGUMENT', bad)
  for (const bad of ['0', 'AA', '0g', ' 00', '0x']) t.equal(codeOf(() => fromHex(bad)), 'ARGUMENT', bad)
  for (const bad of [[0xff], [0xc0, 0x80], [0xed, 0xa0, 0x80], [0xe2, 0x82]]) t.equal(codeOf(() => fromUtf8(Uint8Array.from(bad))), 'NOT_UTF8')
  t.equal(codeOf(() => utf8('\ud800')), 'ARGUMENT')
  t.equal(fromUtf8(Uint8Array.of(0xef, 0xbb, 0xbf, 0x61)), '\ufeffa')
  t.ok(compareBytes(utf8('a'), utf8('ab')) < 0 && compareBytes(utf8('𐀀'), utf8('\uffff')) > 0 && compareBytes(utf8('a'), utf8('a')) === 0)
  t.same(concat(Uint8Array.of(1), Uint8Array.of(), Uint8Array.of(2, 3)), Uint8Array.of(1, 2, 3))
  t.end()
})

t.test('HMAC-SHA-256, RFC 4231', (t) => {
  const cases: [Uint8Array, Uint8Array, string][] = [
    [new Uint8Array(20).fill(0x0b), utf8('Hi There'), 'b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7'],
    [utf8('Jefe'), utf8('what do ya want for nothing?'), '5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843'],
    [new Uint8Array(131).fill(0xaa), utf8('Test Using Larger Than Block-Size Key - Hash Key First'), '60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54']
  ]
  for (const [key, message, expected] of cases) t.equal(toHex(hmacSha256(nodeCrypto, key, message)), expected)
  t.end()
})

t.test('canonical JSON', (t) => {
  // RFC 8785 section 3.2.3: the order of names, and section 3.2.2.2: the escapes.
  const sample = { '\u20ac': 'Euro', '\r': 'Return', דּ: 'Hebrew', 1: 'One', '\ud83d\ude00': 'Emoji', '\u0080': 'Control', ö: 'Latin' }
  t.same([...jcs(sample).matchAll(/:"(\w+)"/g)].map((match) => match[1]), ['Return', 'One', 'Control', 'Latin', 'Euro', 'Emoji', 'Hebrew'])
  t.equal(jcs('\u20ac$\u000f\nA\'\u0042\u0022\u005c\\"/'), '"€$\\u000f\\nA\'B\\"\\\\\\\\\\"/"')
  for (const bad of [null, undefined, -0, 1.5, NaN, Infinity, 2 ** 53, '\ud800', { a: null }, [undefined], new Date(0), () => 1, 1n, { a: '\udfff' }]) {
    t.equal(codeOf(() => jcs(bad)), 'ARGUMENT')
  }
  const { tree } = fc.letrec<{ tree: unknown }>((tie) => ({
    tree: fc.oneof({ depthSize: 'small' }, fc.string({ unit: 'binary' }), fc.maxSafeInteger().map((n) => n === 0 ? 0 : n), fc.boolean(),
      fc.array(tie('tree'), { maxLength: 4 }), fc.dictionary(fc.string({ unit: 'binary' }), tie('tree'), { maxKeys: 4, noNullPrototype: true }))
  }))
  fc.assert(fc.property(tree, (value) => {
    const expected = canonicalize(value)
    t.equal(jcs(value), expected)
    const bytes = jcsBytes(value)
    if (bytes.length <= LIMITS.bytes) t.equal(jcs(parseCanonical(bytes, { ...LIMITS, depth: 30 })), expected)
  }), { numRuns: 300 })
  t.end()
})

t.test('only canonical bytes are read', (t) => {
  const code = (json: string | Uint8Array): string => codeOf(() => parseCanonical(typeof json === 'string' ? utf8(json) : json, LIMITS))
  for (const good of ['{}', '[]', '"a"', '0', 'true', '{"a":[1,{"b":"ü"}]}', '"\\u0000"']) t.equal(code(good), 'accepted', good)
  for (const bad of ['{ }', '{}\n', '\ufeff{}', '{"a":1,"a":1}', '{"b":1,"a":1}', '"\\u0061"', '1.0', '1e0', '-0', '"\\/"', '9007199254740993']) {
    t.equal(code(bad), bad === '-0' || bad === '9007199254740993' ? 'FORMAT' : 'NOT_CANONICAL', bad)
  }
  for (const bad of ['', '{', 'nul', '{\'a\':1}', '[1,]', '\ufeff']) t.equal(code(bad), 'NOT_JSON', bad)
  for (const bad of ['null', '{"a":null}', '1.5', '"\\ud800"']) t.equal(code(bad), 'FORMAT', bad)
  t.equal(code(Uint8Array.of(0x22, 0xff, 0x22)), 'NOT_UTF8')
  t.equal(code('['.repeat(11) + ']'.repeat(11)), 'TOO_LARGE')
  t.equal(code(`"${'['.repeat(11)}"`), 'accepted')
  t.equal(code(`"${'\\"['.repeat(11)}"`), 'accepted')
  t.equal(code(`"${'a'.repeat(10_000)}"`), 'TOO_LARGE')
  t.equal(code('{"__proto__":1}'), 'accepted')
  // Whatever JSON.stringify writes of any value, in any order of members: accepted if and only if it is the JCS of what it says.
  const canonical = (text: string): boolean => {
    try {
      return jcs(JSON.parse(text)) === text
    } catch {
      return false
    }
  }
  const texts = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' }).map((value) => JSON.stringify(value))
  fc.assert(fc.property(fc.oneof(texts, fc.constantFrom('{"10":1,"9":1}', '{"9":1,"10":1}', '{"\ue000":1,"\ud83d\ude00":1}', '["\\uD800"]', '["\\ud800"]')), (text) => {
    // No assertion of its own with such a text as its name: some read as lines of TAP.
    return utf8(text).length > LIMITS.bytes || (code(text) === 'accepted') === canonical(text)
  }), { numRuns: 2000 })
  t.end()
})

t.test('strict parsers', (t) => {
  const thing = object({ type: literal('t/v1'), n: decimal }, { l: list(hex(1), 2, 1), b: boolean })
  t.same(thing({ type: 't/v1', n: '0', b: false }, 'x'), { type: 't/v1', n: '0', b: false })
  const bad: unknown[] = [
    undefined, [], 'a', {}, { type: 't/v1' }, { type: 't/v2', n: '0' }, { type: 't/v1', n: 0 }, { type: 't/v1', n: '0', z: 1 }, { type: 't/v1', n: '0', l: [] },
    { type: 't/v1', n: '0', l: ['00', '00', '00'] }, { type: 't/v1', n: '0', l: ['0'] }, { type: 't/v1', n: '0', b: 'false' }, { type: 't/v1', n: '0', constructor: 1 }
  ]
  for (const value of bad) t.equal(codeOf(() => thing(value, 'x')), 'FORMAT')
  const decimals = { good: ['0', '1', '10', '9007199254740991'], bad: ['', '00', '01', '-1', '+1', '1.0', '1e3', ' 1', '9007199254740992', '１'] }
  for (const value of decimals.good) t.equal(decimal(value, 'x'), value)
  for (const value of decimals.bad) t.equal(codeOf(() => decimal(value, 'x')), 'FORMAT', value)
  t.equal(time('2024-02-29T23:59:59.999Z', 'x'), '2024-02-29T23:59:59.999Z')
  for (const value of ['2023-02-29T00:00:00.000Z', '2024-01-01T24:00:00.000Z', '2024-01-01T00:00:00Z', '2024-01-01T00:00:00.000+00:00', '2024-01-01T00:00:60.000Z']) {
    t.equal(codeOf(() => time(value, 'x')), 'FORMAT', value)
  }
  t.equal(codeOf(() => base64url(1, 2)('', 'x')), 'FORMAT')
  t.equal(codeOf(() => base64url(1, 2)('AAAA', 'x')), 'FORMAT')
  t.equal(codeOf(() => base64url(1, 2)('AB', 'x')), 'FORMAT')
  t.equal(codeOf(() => text(2)('abc', 'x')), 'FORMAT')
  t.equal(codeOf(() => integer(1, 2)(3, 'x')), 'FORMAT')
  t.equal(codeOf(() => oneOf('a', 'b')('c', 'x')), 'FORMAT')
  t.equal(codeOf(() => map(/^a$/, decimal, 1)({ b: '1' }, 'x')), 'FORMAT')
  t.equal(codeOf(() => map(/^[ab]$/, decimal, 1)({ a: '1', b: '1' }, 'x')), 'FORMAT')
  fc.assert(fc.property(fc.anything(), (value) => { codeOf(() => thing(value, 'x')) }))
  t.end()
})

t.test('records and receipts are read from exactly their bytes', (t) => {
  const [made] = new EvidenceWorld(1).anchor([{}]) as [Made]
  t.same(parseRecord(recordBytes(made.proof.record)), made.proof.record)
  t.same(parseReceipt(made.receiptBytes), made.receipt)
  const { record } = made.proof
  const bad: object[] = [
    { ...record, number: 'U'.repeat(20) }, { ...record, number: record.number.toLowerCase() }, { ...record, log: 'x' }, { ...record, log: 'A.b/0123456789abcdef' },
    { ...record, sequence: '01' }, { ...record, salt: 'AA' }, { ...record, hash: 'sm3' }, { ...record, links: [] }, { ...record, content: { digests: {} } },
    { ...record, stored: { digests: record.content.digests } }, { ...record, extra: true }
  ]
  for (const value of bad) t.equal(codeOf(() => parseRecord(jcsBytes(value))), 'FORMAT')
  fc.assert(fc.property(fc.uint8Array({ maxLength: 200 }), (bytes) => { t.not(codeOf(() => parseRecord(bytes)), 'accepted') }))
  t.end()
})
