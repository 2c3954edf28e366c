/** What the HTTP layer reads by itself: ranges, and JSON without doubled members. */
import fc from 'fast-check'
import t from 'tap'
import { parseJson } from '../../src/http/json.js'
import { namesTag, rangeOf } from '../../src/http/range.js'

t.test('one range of bytes', (t) => {
  const size = 100
  for (const [header, expected] of [
    ['bytes=0-9', [0, 9]], ['bytes=90-', [90, 99]], ['bytes=-10', [90, 99]], ['bytes=99-99', [99, 99]], ['bytes=10-1000', [10, 99]], ['bytes=-1000', [0, 99]],
    ['bytes=100-', 'unsatisfiable'], ['bytes=100-200', 'unsatisfiable'], ['bytes=-0', 'unsatisfiable'],
    [undefined, undefined], ['', undefined], ['bytes=', undefined], ['bytes=-', undefined], ['bytes=9-0', undefined], ['bytes=0-1,5-6', undefined],
    ['lines=0-9', undefined], ['bytes=a-b', undefined], ['bytes=1-2x', undefined]
  ] as const) {
    t.same(rangeOf(header, size), typeof expected === 'object' ? { first: expected[0], last: expected[1] } : expected, header ?? 'no header')
  }
  fc.assert(fc.property(fc.string(), fc.integer({ min: 1, max: 1000 }), (text, size) => {
    const part = rangeOf(`bytes=${text}`, size)
    return typeof part !== 'object' || (part.first >= 0 && part.first <= part.last && part.last < size)
  }))
  fc.assert(fc.property(fc.nat(2000), fc.nat(2000), fc.integer({ min: 1, max: 1000 }), (first, last, size) => {
    const part = rangeOf(`bytes=${first}-${last}`, size)
    if (first > last) return part === undefined
    return first >= size ? part === 'unsatisfiable' : typeof part === 'object' && part.first === first && part.last === Math.min(last, size - 1)
  }))
  t.end()
})

t.test('entity tags', (t) => {
  t.ok(namesTag('"a"', '"a"') && namesTag('"b", W/"a"', '"a"') && namesTag('*', '"a"'))
  t.notOk(namesTag(undefined, '"a"') || namesTag('"b"', '"a"') || namesTag('a', '"a"'))
  t.end()
})

t.test('JSON whose objects have each member once', (t) => {
  const twice = { code: 'JSON_MEMBER_TWICE' }
  for (const text of ['{"a":1,"a":1}', '{"a":{"b":1,"b":2}}', '[{"a":1},{"x":[{"b":"","b":""}]}]', '{"a":1,"\\u0061":2}', '{"__proto__":1,"__proto__":2}']) {
    t.throws(() => parseJson(text), twice, text)
  }
  for (const text of ['{"a":":","b":"\\":","c":"{\\"a\\":1}"}', '{"a:b":1,"\\\\":2}', '[{"a":1},{"a":1}]', '{}', '"a:b"', '{"__proto__":1}', `${'['.repeat(50_000)}${']'.repeat(50_000)}`]) {
    t.doesNotThrow(() => parseJson(text), text.slice(0, 40))
  }
  t.throws(() => parseJson('{'), SyntaxError)
  fc.assert(fc.property(fc.json(), (text) => { parseJson(text) }))
  fc.assert(fc.property(fc.dictionary(fc.string(), fc.jsonValue(), { minKeys: 1 }), fc.nat(), (object, which) => {
    const members = Object.entries(object).map(([name, value]) => `${JSON.stringify(name)}:${JSON.stringify(value)}`)
    const text = `{${[...members, members[which % members.length]].join(',')}}`
    try {
      parseJson(text)
      return false
    } catch (error) {
      return (error as { code: string }).code === 'JSON_MEMBER_TWICE'
    }
  }))
  t.end()
})
