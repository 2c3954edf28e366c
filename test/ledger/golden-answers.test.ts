/**
 * What official peers, orderers and a CA once answered (test/vectors/fabric/answers), against what the embedded network answers to the same
 * calls: field by field, after what differs between any two networks is replaced (test/support/placeholders.ts).
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { ensureNetwork } from '../../network/embedded/client.js'
import { callCa, type CaAnswered } from '../support/ca-calls.js'
import { callTargets } from '../support/call-targets.js'
import { CHAINCODE, CHANNEL } from '../support/fabric-calls.js'
import { certificate, withPlaceholders } from '../support/placeholders.js'

const CAPTURES = 'test/vectors/fabric/answers'
const read = <T>(name: string): T => (JSON.parse(readFileSync(join(CAPTURES, name), 'utf8')) as { answers: T }).answers

/** An answer, as a value at each path. */
type Fields = ReadonlyMap<string, string>

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

t.test('the authority answers as the official one did', async (t) => {
  compare(t, read<CaAnswered[]>('ca.json').map(caFields), (await callCa(targets.ca)).map(caFields), KNOWN_OF_CA)
})

interface Named {
  readonly name: string
  readonly fields: Fields
}

function compare (t: Test, official: readonly Named[], embedded: readonly Named[], known: Readonly<Record<string, string>>): void {
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

function caFields ({ name, status, contentType, body }: CaAnswered): Named {
  return { name, fields: new Map([['status', `${status}`], ['contentType', contentType], ...jsonFields('/body', body)]) }
}

function jsonFields (path: string, value: unknown): Array<[string, string]> {
  if (Array.isArray(value)) {
    return [[`${path}/length`, `${value.length}`], ...value.flatMap((item, index) => jsonFields(`${path}/${nameOf(item) ?? index}`, item))]
  }
  if (typeof value === 'object' && value !== null) return Object.entries(value).flatMap(([name, member]) => jsonFields(`${path}/${name}`, member))
  return [[path, typeof value === 'string' ? caText(path, value) : JSON.stringify(value)]]
}

/** Identities and attributes come in no fixed order. */
function nameOf (item: unknown): string | undefined {
  const { id, name } = item as { id?: string, name?: string }
  const found = id ?? name
  return found === undefined ? undefined : withPlaceholders('', found)
}

function caText (path: string, text: string): string {
  if (/\/(Cert|CAChain|CRL)$/.test(path)) return withPlaceholders(path, Buffer.from(text, 'base64'))
  if (path.endsWith('/PEM')) return certificate(text)
  return withPlaceholders(path, /\/(Serial|AKI)$/.test(path) ? 'ID' : text)
}
