import { readFileSync } from 'node:fs'
import t from 'tap'
import { createBrowserCrypto } from '../../src/platform/browser.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { type AllVectors, checkCases, checkVectors, VECTOR_FILES, type VerificationVectors } from '../support/vectors.js'

const all = Object.fromEntries(VECTOR_FILES.map((name) => [name, JSON.parse(readFileSync(`test/vectors/${name}.json`, 'utf8'))])) as unknown as AllVectors

for (const [name, crypto] of [['node', nodeCrypto], ['browser', await createBrowserCrypto()]] as const) {
  t.test(`published vectors, cryptography of the platform ${name}`, (t) => {
    const { checked, wrong } = checkVectors(crypto, all)
    t.same(wrong, [])
    t.ok(checked > 150)
    t.end()
  })
}

t.test('the vectors hold good and broken cases of every kind', (t) => {
  const exits = all.verification.cases.map((one) => one.expect.exitCode)
  for (const code of [0, 1, 2]) t.ok(exits.filter((exit) => exit === code).length >= 3)
  for (const one of all.verification.cases.filter(({ name }) => name.startsWith('edit '))) {
    t.ok(Object.values(one.expect.findings).includes(one.name.split(': ')[1] ?? ''), one.name)
  }
  t.end()
})

t.test('attacks that were carried out on official binaries', (t) => {
  const vectors = JSON.parse(readFileSync('test/vectors/fabric/attacks.json', 'utf8')) as VerificationVectors
  checkCases(nodeCrypto, vectors, (name, found, expected) => { t.equal(found, expected, name) })
  t.ok(vectors.cases.length >= 20)
  t.end()
})
