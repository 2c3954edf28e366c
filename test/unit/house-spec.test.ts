/** docs/spec against the parsers: whatever a parser accepts, its JSON Schema accepts; and of structure, what one refuses the other does. */
import { readdirSync, readFileSync } from 'node:fs'
import { Ajv2020, type ValidateFunction } from 'ajv/dist/2020.js'
import t from 'tap'
import { parseBatchHeader } from '../../src/core/batch.js'
import { fromUtf8 } from '../../src/core/bytes.js'
import { EvidenceError } from '../../src/core/errors.js'
import { jcsBytes } from '../../src/core/jcs.js'
import { parseBatchEntry, parseKeyRegister, parseKeysStatement, parseLogState, parseLogStatus, parseReadBack } from '../../src/core/ledger-values.js'
import { fabricBlock, fabricReadback, parseProof } from '../../src/core/proof.js'
import { parseReceipt } from '../../src/core/receipt.js'
import { parseRecord } from '../../src/core/record.js'
import { decimal } from '../../src/core/strict.js'
import { parseTrustBundle, trustBundleBytes } from '../../src/core/trust-bundle.js'
import { parseAttestedStatus } from '../../src/core/verify/status.js'
import { verify } from '../../src/core/verify.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { EvidenceWorld, LOG, type Made, NOW } from '../support/evidence-world.js'
import { randomFrom } from '../support/random.js'

type Parse = (bytes: Uint8Array) => unknown
interface Format { readonly schema: ValidateFunction, readonly parse: Parse }
interface Sample { readonly format: string, readonly value: Record<string, unknown> }

const ajv = new Ajv2020({ strict: true, strictRequired: false, strictTypes: false, allErrors: false })
const FOLDER = 'docs/spec'
const names = readdirSync(FOLDER).filter((name) => name.endsWith('.schema.json')).map((name) => name.replace('.schema.json', ''))
for (const name of names) ajv.addSchema(JSON.parse(readFileSync(`${FOLDER}/${name}.schema.json`, 'utf8')) as object)

function schema (name: string): ValidateFunction {
  const found = ajv.getSchema(`urn:steelyard:spec:${name}`)
  if (found === undefined) throw new TypeError(`no schema ${name}`)
  return found
}

/** The verifier reads known attestations strictly, too; the proof's parser leaves them, so that a malformed one is a finding of its own. */
function proofAndAttestations (bytes: Uint8Array): unknown {
  const proof = parseProof(bytes)
  for (const { type, data } of proof.attestations ?? []) {
    if (type === 'fabric-block/v1') fabricBlock(data, 'data')
    if (type === 'fabric-readback/v1') fabricReadback(data, 'data')
  }
  return proof
}

const value = (parse: Parse): Format => ({ schema: schema('ledger-values'), parse })
/** By the `type` of a document. A new format goes here, or the last test fails. */
const FORMATS: Readonly<Record<string, Format>> = {
  'steelyard/record/v1': { schema: schema('record'), parse: parseRecord },
  'steelyard/batch/v1': { schema: schema('batch'), parse: parseBatchHeader },
  'steelyard/receipt/v1': { schema: schema('receipt'), parse: parseReceipt },
  'steelyard/proof/v1': { schema: schema('proof'), parse: proofAndAttestations },
  'steelyard/trust-bundle/v1': { schema: schema('trust-bundle'), parse: parseTrustBundle },
  'steelyard/attested-status/v1': { schema: schema('attested-status'), parse: parseAttestedStatus },
  'steelyard/log/v1': value(parseLogState),
  'steelyard/batch-entry/v1': value(parseBatchEntry),
  'steelyard/keys/v1': value(parseKeyRegister),
  'steelyard/readback/v1': value(parseReadBack),
  'steelyard/keys-statement/v1': value(parseKeysStatement),
  'steelyard/status/v1': value(parseLogStatus)
}

function accepts ({ parse }: Format, document: unknown): boolean {
  try {
    parse(jcsBytes(document))
    return true
  } catch (error) {
    if (error instanceof EvidenceError) return false
    throw error
  }
}

function json (bytes: Uint8Array): Record<string, unknown> {
  return JSON.parse(fromUtf8(bytes)) as Record<string, unknown>
}

/** One of everything, by the code that makes them. */
function samples (): { documents: Sample[], reports: unknown[] } {
  const world = new EvidenceWorld(4)
  const fields = [{ name: 'created', value: '2026-11-20' }, { name: 'fileName', value: '合同.pdf' }]
  const made = world.anchor([{}, { fields, disclose: ['fileName'] }, {}])
  const good = made[1] as Made
  const entry = world.ledger.state.values().next().value
  t.ok(entry)
  const bundle = world.bundleBytes()
  const status = world.status(60_000)
  const documents = [
    json(trustBundleBytes(world.bundle(world.withHeads(['0'])))),
    json(world.included(good, '0').bytes),
    ...made.flatMap(({ bytes, receiptBytes, proof }) => [json(bytes), json(receiptBytes), proof.record, proof.header]),
    json(bundle), json(status), ...[...world.ledger.state.values()].flatMap((bytes) => bytes[0] === 0x7b ? [json(bytes)] : []),
    ...EXTRA
  ] as Record<string, unknown>[]
  const input = { bundle, bundleSource: 'given', now: NOW } as const
  const pins = [{ fingerprint: world.fingerprint, pinnedOn: '2026-10-01', from: 'a court' }]
  const reports = [
    verify(nodeCrypto, { ...input, proof: good.bytes, exhibit: good.exhibit, pins }),
    verify(nodeCrypto, { ...input, proof: good.bytes }),
    verify(nodeCrypto, { ...input, receipt: good.receiptBytes, status, pins }),
    verify(nodeCrypto, { bundleSource: 'given', now: NOW }),
    verify(nodeCrypto, { ...input, proof: bundle, exhibit: good.exhibit })
  ].map((report) => JSON.parse(JSON.stringify(report)) as unknown)
  return { documents: documents.map((document) => ({ format: String(document.type), value: document })), reports }
}

const HASH = 'ab'.repeat(32)
const TIME = '2026-11-24T00:00:00.000Z'
const RECORD = {
  type: 'steelyard/record/v1',
  hash: 'sha256',
  number: '0'.repeat(20),
  log: LOG,
  sequence: '0',
  receivedAt: TIME,
  submitter: { organization: 'a', keyId: 'b', sequence: '0', account: 'c', assurance: 'd' },
  content: { digests: { sha256: HASH } },
  digestedBy: 'submitter',
  salt: 'A'.repeat(22),
  stored: { digests: { sha256: HASH, sm3: HASH }, size: '1', encryption: 'e' },
  metadata: { size: '1', root: HASH },
  manifest: { size: '2', root: HASH, algorithm: 'sha256' },
  links: [{ rel: 'replaces', target: HASH }],
  claim: 'AA',
  signature: { scheme: 'f', keyId: 'g', value: 'AA', path: [HASH] }
}
/** Members that no code of ours writes yet, and values that the world of the tests does not reach. */
const EXTRA = [
  RECORD,
  { type: 'steelyard/status/v1', channel: 'evidence', log: LOG, nextSequence: '9007199254740991', head: { size: '0', root: HASH }, time: TIME },
  {
    type: 'steelyard/keys/v1',
    log: LOG,
    skewMs: 30_000,
    deadlineMs: 86_400_000,
    keys: [{ keyId: HASH, alg: 'ed25519', spki: 'A'.repeat(58) + 'A', fromBatch: '0', registeredAt: TIME, until: '4', compromisedFrom: TIME, revokedAt: TIME }]
  }
]

const { documents, reports } = samples()

t.test('what the code makes is accepted by parser and schema', async (t) => {
  for (const { format, value } of documents) {
    const found = FORMATS[format]
    if (found === undefined) {
      t.fail(`no schema for ${format}`)
      continue
    }
    t.ok(accepts(found, value), `parser: ${format}`)
    t.ok(found.schema(value), `${format}: ${ajv.errorsText(found.schema.errors)}`)
  }
  const seen = new Set(documents.map(({ format }) => format))
  t.strictSame(Object.keys(FORMATS).filter((name) => !seen.has(name)), ['steelyard/readback/v1', 'steelyard/keys-statement/v1'], 'formats without a sample')
})

t.test('reports', async (t) => {
  const check = schema('report')
  for (const report of reports) t.ok(check(report), ajv.errorsText(check.errors))
  t.notOk(check({ ...reports[0] as object, verdict: 'authentic' }))
})

t.test('decimal strings end where numbers are exact', async (t) => {
  const check = ajv.getSchema('urn:steelyard:spec:common#/$defs/decimal') as ValidateFunction
  const parses = (text: string): boolean => {
    try {
      decimal(text, '')
      return true
    } catch {
      return false
    }
  }
  const edge = 9007199254740991n
  for (const n of [0n, 1n, 9n, 10n, 10n ** 15n - 1n, 10n ** 15n, 9n * 10n ** 15n, edge - 1000n, edge - 10n, edge - 1n, edge]) {
    t.ok(check(String(n)) && parses(String(n)), String(n))
  }
  for (const text of ['', '01', '-1', '1.0', ' 1', String(edge + 1n), String(edge + 9n), String(10n ** 16n), '9100000000000000']) {
    t.notOk(check(text) || parses(text), text)
  }
  const random = randomFrom(7)
  for (let i = 0; i < 2000; i++) {
    const text = String(9007199254000000 + random.below(1_480_000)).slice(0, 16)
    if (check(text) !== parses(text)) t.fail(text)
  }
})

const ODD: readonly unknown[] = [
  '', '0', '1', '-1', '01', 'A', HASH, HASH.toUpperCase(), HASH.slice(2), TIME, '2026-11-24T00:00:00Z', '2026-02-30T00:00:00.000Z', 'AA', 'AB', 'A',
  LOG, 0, 1, 999, 1000, 2 ** 40, true, [], {}, [HASH], { sha256: HASH }, 'steelyard/record/v1', 'x'.repeat(200), '9007199254740992'
]

t.test('a parser never accepts what its schema refuses, and neither accepts a changed structure', async (t) => {
  const seed = Number(process.env.SEED ?? 20261124)
  t.comment(`SEED=${seed}`)
  const random = randomFrom(seed)
  let accepted = 0
  let refusedByBoth = 0
  let refusedByParserAlone = 0
  const small = documents.filter(({ value }) => JSON.stringify(value).length < 100_000)
  for (let i = 0; i < 6000; i++) {
    const { format, value } = small[random.below(small.length)] as Sample
    const copy = structuredClone(value)
    const structural = mutate(copy, random)
    const found = FORMATS[format] as Format
    const bySchema = found.schema(copy)
    const byParser = accepts(found, copy)
    if (byParser && !bySchema) t.fail(`${format}: ${ajv.errorsText(found.schema.errors)}`, { document: JSON.stringify(copy).slice(0, 2000) })
    if (structural && (byParser || bySchema)) t.fail(`${format}: a changed structure is accepted`, { document: JSON.stringify(copy).slice(0, 2000) })
    if (byParser) accepted++
    else if (bySchema) refusedByParserAlone++
    else refusedByBoth++
  }
  t.ok(accepted > 100 && refusedByBoth > 2000, `${accepted} accepted, ${refusedByBoth} refused by both, ${refusedByParserAlone} by the parser alone`)
})

/** Changes one place. True when the change can never be in order: an unknown member. */
function mutate (document: Record<string, unknown>, random: { below (n: number): number }): boolean {
  const places: { holder: Record<string, unknown> | unknown[], key: string | number }[] = []
  const walk = (holder: object): void => {
    for (const [key, child] of Object.entries(holder) as [string, unknown][]) {
      places.push({ holder: holder as Record<string, unknown>, key })
      // What a depositor said may be any JSON.
      if (typeof child === 'object' && child !== null && !FREE.has(key)) walk(child)
    }
  }
  walk(document)
  const { holder, key } = places[random.below(places.length)] as { holder: Record<string, unknown>, key: string }
  switch (random.below(3)) {
    case 0:
      if (Array.isArray(holder)) holder.splice(Number(key), 1)
      else Reflect.deleteProperty(holder, key)
      return false
    case 1:
      if (Array.isArray(holder) || MAPS.has(Object.keys(holder)[0]?.length ?? 0)) return false
      holder.unknownMember = 'x'
      return true
    default:
      holder[key] = ODD[random.below(ODD.length)]
      return false
  }
}
const FREE = new Set(['value'])
/** Maps are told by their names, which are digests. */
const MAPS = new Set([64])

t.test('every vector goes through both', async (t) => {
  let seen = 0
  for (const file of readdirSync('test/vectors', { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.json'))) {
    for (const document of documentsIn(JSON.parse(readFileSync(`test/vectors/${file}`, 'utf8')) as unknown)) {
      const found = FORMATS[String(document.type)]
      if (found === undefined) continue
      seen++
      const bySchema = Boolean(found.schema(document))
      if (accepts(found, document) && !bySchema) t.fail(`${file}: ${String(document.type)}: ${ajv.errorsText(found.schema.errors)}`)
    }
  }
  t.comment(`${seen} documents in vectors`)
  t.pass()
})

/** Every object with a `type` of ours, wherever a vector file has it: as JSON, or as text or base64url of it. */
function * documentsIn (node: unknown): Generator<Record<string, unknown>> {
  if (typeof node === 'string') {
    const decoded = node.startsWith('{"') ? node : node.startsWith('eyJ') ? Buffer.from(node, 'base64url').toString('utf8') : ''
    if (decoded !== '') yield * documentsIn(parsed(decoded))
  }
  if (typeof node !== 'object' || node === null) return
  const document = node as Record<string, unknown>
  if (String(document.type).startsWith('steelyard/')) yield document
  for (const child of Object.values(document)) yield * documentsIn(child)
}

function parsed (text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
