/**
 * What official peers, orderers and a CA once answered (test/vectors/fabric/answers), against what the embedded network answers to the same
 * calls: field by field, after what differs between any two networks is replaced (test/support/placeholders.ts).
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ensureNetwork } from '../../network/embedded/client.js'
import { caFields, type FieldsOfAnswer, nodeFields } from '../support/answer-fields.js'
import { callCa, type CaAnswered } from '../support/ca-calls.js'
import { callTargets } from '../support/call-targets.js'
import { CHAINCODE, CHANNEL } from '../support/call-messages.js'
import type { Answered } from '../support/call-transport.js'
import { callAll } from '../support/fabric-calls.js'

const CAPTURES = 'test/vectors/fabric/answers'
const read = <T>(name: string): T => (JSON.parse(readFileSync(join(CAPTURES, name), 'utf8')) as { answers: T }).answers

/** Differences that are there: call and path, and what they mean. Each must be found. */
const KNOWN: Readonly<Record<string, string>> = {
  '_lifecycle QueryInstalledChaincodes(, two)? .*/installedChaincodesList/0/label': 'the network labels its own package by the chaincode\'s name',
  'discovery (peers|endorsers) .*/membershipInfo/payload/aliveMsg/identity': 'official peers gossip their certificate with it in their first ten seconds'
}

/** Differences that are there: call and path, and what they mean. Each must be found. */
const KNOWN_OF_CA: Readonly<Record<string, string>> = {
  '.* \\S*/Version': 'the embedded CA says that it is one',
  '.* \\S*/Issuer(Revocation)?PublicKey': 'no Idemix in the embedded network',
  'enrol /body/result/Cert': 'the registrar of an official CA is no registered identity, and its certificate shows no attributes',
  'identities \\S*/registrar\\b.*': 'nor has it the same rights, written in the same form',
  'register without a name .*': 'an official CA registers an identity without a name; the embedded one refuses',
  'identities \\S*/identities/(/.*|length)': 'and lists it'
}

const dir = join(t.testdir(), 'network')
const network = await ensureNetwork({
  dir, orgs: 4, channel: CHANNEL, chaincode: { name: CHAINCODE, folder: 'test/ledger/chaincode-fixture' }, withParent: true
})
t.teardown(network.close)
const keys = join(dir, 'crypto', 'platform')
const targets = await callTargets(network.profilePath('platform'), {
  wallet: join(dir, 'wallet'), admin: { certificate: join(keys, 'admin-cert.pem'), key: join(keys, 'admin-key.pem') }
})

t.test('peers and orderers answer as the official ones did', async (t) => {
  compare(t, read<Answered[]>('nodes.json').map(nodeFields), (await callAll(targets.nodes)).map(nodeFields), KNOWN)
})

t.test('the authority answers as the official one did', async (t) => {
  compare(t, read<CaAnswered[]>('ca.json').map(caFields), (await callCa(targets.ca)).map(caFields), KNOWN_OF_CA)
})

function compare (t: Test, official: readonly FieldsOfAnswer[], embedded: readonly FieldsOfAnswer[], known: Readonly<Record<string, string>>): void {
  t.same(embedded.map(({ name }) => name), official.map(({ name }) => name))
  const patterns = Object.keys(known).map((key) => ({ key, pattern: new RegExp(`^${key}$`), found: false }))
  const unknown: string[] = []
  for (const [i, { name, fields: theirs }] of official.entries()) {
    const ours = embedded[i]?.fields ?? new Map<string, string>()
    t.ok(theirs.size > 0, `${name}: an answer to compare`)
    for (const path of new Set([...theirs.keys(), ...ours.keys()])) {
      if (theirs.get(path) === ours.get(path)) continue
      const matching = patterns.filter(({ pattern }) => pattern.test(`${name} ${path}`))
      for (const match of matching) match.found = true
      if (matching.length === 0) unknown.push(`${name} ${path}\n  official: ${theirs.get(path) ?? 'nothing'}\n  embedded: ${ours.get(path) ?? 'nothing'}`)
    }
  }
  t.equal(unknown.join('\n'), '', 'no unknown difference')
  t.same(patterns.filter(({ found }) => !found).map(({ key }) => key), [], 'no known difference that is gone')
}
