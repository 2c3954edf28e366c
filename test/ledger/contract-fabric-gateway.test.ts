import { createRequire } from 'node:module'
import t from 'tap'
import { embeddedNetwork, givenNetwork } from '../support/ledger-network.js'
import { ledgerContract } from './contract-suite.js'

const given = givenNetwork(t.testdir())
for (const orgs of given === undefined ? [1, 4] : [given.organizations]) {
  t.test(`on a network of ${orgs}`, async (t) => {
    const network = given ?? await embeddedNetwork(t.testdir(), orgs)
    t.teardown(network.close)
    ledgerContract(t, 'fabric-gateway', network)
  })
}

t.test('the other client library was not loaded', async (t) => {
  const loaded = Object.keys(createRequire(import.meta.url).cache)
  t.ok(loaded.some((path) => path.includes('/node_modules/@hyperledger/fabric-gateway/')))
  t.notOk(loaded.some((path) => path.includes('/node_modules/fabric-network/')))
})
