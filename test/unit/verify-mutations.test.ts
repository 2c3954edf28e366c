import { readFileSync } from 'node:fs'
import t from 'tap'
import { concat, fromBase64url, fromHex, toBase64url, utf8 } from '../../src/core/bytes.js'
import { jcs, jcsBytes, type Json } from '../../src/core/jcs.js'
import type { Report } from '../../src/core/findings.js'
import { trustBundleBytes } from '../../src/core/trust-bundle.js'
import { parseProof, proofBytes } from '../../src/core/proof.js'
import { type Receipt, receiptBytes } from '../../src/core/receipt.js'
import { createVerifier, verify } from '../../src/core/verify/verifier.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { EvidenceWorld, type Made, NOW } from '../support/evidence-world.js'
import { type Random, randomFrom } from '../support/random.js'
import type { Case, VerificationVectors } from '../support/vectors.js'

/**
 * Whatever is changed in a proof, a receipt or a bundle: no exception, and never exit 0. More cases by STEELYARD_MUTATIONS, the same ones again
 * by STEELYARD_SEED. Only these changes are allowed, since each leaves another document that is just as good: leaving out disclosed
 * fields, the question of a read-back (its compact form), or the path to a closed head while nothing is retired.
 */
const CASES = Number(process.env.STEELYARD_MUTATIONS ?? 5000)
const SEED = Number(process.env.STEELYARD_SEED ?? Date.now() % 2 ** 31)

const FIELDS = [{ name: 'created', value: '2026-11-20' }, { name: 'fileName', value: '合同.pdf' }, { name: 'x', value: { y: [1, true] } }]

interface Subject {
  readonly made: Made
  readonly donors: readonly Json[]
  readonly bundle: Uint8Array
  readonly bundleJson: Json
  readonly pins: readonly { fingerprint: string }[]
  /** With the exhibit and the bundle of the subject. */
  readonly judge: (input: { proof: Uint8Array, receipt?: Uint8Array }) => Report
}

function subject (organizations: 1 | 4): Subject {
  const world = new EvidenceWorld(organizations)
  const deposits = [{}, { fields: FIELDS, disclose: ['created', 'fileName', 'x'] }, {}]
  const first = world.anchor(deposits)
  const second = world.anchor(deposits, { at: 1000, readAt: 3000 })
  const other = new EvidenceWorld(organizations)
  const made = world.included(first[1] as Made, '1')
  const bundle = trustBundleBytes(world.bundle(world.withHeads(['1'])))
  const pins = [{ fingerprint: world.fingerprint }]
  const verifier = createVerifier(nodeCrypto, { bundle, bundleSource: 'given', pins })
  const donors = [first[0], first[2], ...second, ...other.anchor(deposits)].map((one) => JSON.parse(jcs((one as Made).proof)) as Json)
  return {
    made,
    donors,
    bundle,
    bundleJson: JSON.parse(new TextDecoder().decode(bundle)) as Json,
    pins,
    judge: (input) => verifier.verify({ ...input, exhibit: made.exhibit, now: NOW })
  }
}

/** A proof of a consortium on official binaries, from the vectors; the donors are honest proofs of its other batches. */
function captured (): Subject {
  const { documents, cases } = JSON.parse(readFileSync('test/vectors/fabric/attacks.json', 'utf8')) as VerificationVectors
  const text = (name: string): string => documents[name] as string
  const [{ proof: name = '', pin = '', exhibit: digests }] = cases.filter((one) => one.name === 'honest evidence after the change') as [Case]
  const honest = cases.filter(({ expect, edits, proof }) => expect.exitCode === 0 && edits === undefined && proof !== name)
  const proof = parseProof(utf8(text(name)))
  const { record, receipt: { statement, path, signature } } = proof
  const receipt: Receipt = { type: 'steelyard/receipt/v1', record, statement, path, signature }
  const exhibit = { sha256: fromHex(digests?.sha256 ?? ''), sm3: fromHex(digests?.sm3 ?? '') }
  const bundle = utf8(text('bundle'))
  const pins = [{ fingerprint: pin }]
  const verifier = createVerifier(nodeCrypto, { bundle, bundleSource: 'given', pins })
  return {
    made: { proof, receipt, content: new Uint8Array(0), bytes: proofBytes(proof), receiptBytes: receiptBytes(receipt), exhibit },
    donors: honest.map((one) => JSON.parse(text(one.proof ?? '')) as Json),
    bundle,
    bundleJson: JSON.parse(text('bundle')) as Json,
    pins,
    judge: (input) => verifier.verify({ ...input, exhibit, now: NOW })
  }
}

const subjects = [subject(4), subject(1), captured()]

type Path = readonly (string | number)[]

function pathsOf (value: Json, prefix: Path = []): Path[] {
  const below = Array.isArray(value)
    ? value.flatMap((one, i) => pathsOf(one, [...prefix, i]))
    : typeof value === 'object' ? Object.entries(value).flatMap(([name, one]) => pathsOf(one, [...prefix, name])) : []
  return prefix.length === 0 ? below : [prefix, ...below]
}

function at (value: Json, path: Path): Json | undefined {
  return path.reduce<Json | undefined>((inner, step) => (inner as Record<string, Json> | undefined)?.[step], value)
}

function put (root: Json, path: Path, value: Json | undefined): Json {
  const copy = structuredClone(root)
  const parent = at(copy, path.slice(0, -1)) as Record<string, Json>
  const last = path.at(-1) as string
  if (value !== undefined) parent[last] = value
  else if (Array.isArray(parent)) parent.splice(Number(last), 1)
  else Reflect.deleteProperty(parent, last)
  return copy
}

function flipBytes (random: Random, bytes: Uint8Array): Uint8Array {
  const out = Uint8Array.from(bytes)
  const index = random.below(out.length)
  switch (random.below(4)) {
    case 0: out[index] = (out[index] ?? 0) ^ (1 << random.below(8)); return out
    case 1: out[index] = random.below(256); return out
    case 2: return concat(out.subarray(0, index), out.subarray(index + 1 + random.below(3)))
    default: return concat(out.subarray(0, index), Uint8Array.of(random.below(256)), out.subarray(index))
  }
}

/** Another value of the same kind, so that the parsers let it pass. */
function otherValue (random: Random, value: Json): Json {
  if (typeof value === 'number') return value + 1
  if (typeof value === 'boolean') return !value
  if (Array.isArray(value)) {
    return value.length === 0 ? ['00'.repeat(32)] : random.pick([[...value, random.pick(value)], value.slice(1), [...value].reverse(), []])
  }
  if (typeof value === 'object') return {}
  return otherText(random, value)
}

function otherText (random: Random, text: string): string {
  if (/^(0|[1-9][0-9]*)$/.test(text)) return String(Number(text) + random.pick([1, -1, 2, 2 ** 32]))
  if (/^\d{4}-.*Z$/.test(text)) return new Date(Date.parse(text) + random.pick([1, -1, 3_600_000])).toISOString()
  if (/^[0-9a-f]{64}$/.test(text)) return text.replace(/./, (char) => char === '0' ? '1' : '0')
  try {
    const bytes = fromBase64url(text)
    const i = random.below(bytes.length)
    return random.pick([toBase64url(bytes.map((byte, k) => k === i ? byte ^ (1 << random.below(8)) : byte)), toBase64url(bytes.subarray(1))])
  } catch {
    return `${text}x`
  }
}

function mutateJson (random: Random, json: Json, donors: readonly Json[]): { json: Json, path: Path, what: string } {
  const path = random.pick(pathsOf(json))
  const value = at(json, path) as Json
  switch (random.below(6)) {
    case 0: return { json: put(json, path, undefined), path, what: 'drop' }
    case 1: case 2: return { json: put(json, path, otherValue(random, value)), path, what: 'change' }
    case 3: {
      const donor = at(random.pick(donors), path)
      return { json: donor === undefined ? put(json, path, undefined) : put(json, path, donor), path, what: 'replay' }
    }
    case 4: {
      const other = random.pick(pathsOf(json).filter((one) => typeof at(json, one) === typeof value))
      return { json: put(json, path, at(json, other) as Json), path, what: 'swap' }
    }
    default: {
      const again = mutateJson(random, json, donors)
      return Array.isArray(value) && value.length > 0 ? { json: put(json, path, [...value, random.pick(value)]), path, what: 'double' } : again
    }
  }
}

function isAllowed (json: Json, good: Json): boolean {
  const reduce = (value: Json): string => {
    const proof = structuredClone(value) as Record<string, any>
    delete proof.disclosures
    if ('closedHead' in (good as object)) proof.closedHead ??= (good as Record<string, unknown>).closedHead
    for (const one of Array.isArray(proof.attestations) ? proof.attestations : []) delete one?.data?.proposal
    return jcs(proof)
  }
  const known = new Set((((good as Record<string, Json>).disclosures ?? []) as Json[]).map((one) => jcs(one)))
  const opened = (json as Record<string, Json>).disclosures
  const honest = opened === undefined || (Array.isArray(opened) && opened.length > 0 && opened.every((one) => known.has(jcs(one))))
  try {
    return honest && reduce(json) === reduce(good) && proposalsAreOriginal(json, good)
  } catch {
    return false
  }
}

function proposalsAreOriginal (json: Json, good: Json): boolean {
  const of = (value: Json): unknown[] => ((value as Record<string, any>).attestations as any[]).map((one) => one.data.proposal)
  const originals = of(good)
  return of(json).every((one, i) => one === undefined || jcs(one) === jcs(originals[i]))
}

t.test(`changed proofs, seed ${SEED}, ${CASES} cases`, (t) => {
  const random = randomFrom(SEED)
  const exits = [0, 0, 0]
  let allowed = 0
  for (let i = 0; i < CASES; i++) {
    const { made, donors, judge } = random.pick(subjects)
    const good = JSON.parse(jcs(made.proof)) as Json
    const structural = random.below(3) > 0
    const mutation = structural ? mutateJson(random, good, donors) : undefined
    const bytes = mutation === undefined ? flipBytes(random, made.bytes) : jcsBytes(mutation.json)
    if (Buffer.compare(bytes, made.bytes) === 0) continue
    const { exitCode } = judge({ proof: bytes })
    exits[exitCode] = (exits[exitCode] ?? 0) + 1
    if (exitCode !== 0) continue
    if (mutation !== undefined && isAllowed(mutation.json, good)) allowed++
    else t.fail(`case ${i}: a changed proof was accepted`, { mutation: mutation?.what ?? 'bytes', path: mutation?.path ?? [] })
  }
  t.equal(exits[0], allowed)
  t.comment(`exit 1: ${exits[1]}, exit 2: ${exits[2]}, still good: ${exits[0]}`)
  t.ok((exits[1] ?? 0) > CASES / 10 && (exits[2] ?? 0) > CASES / 10, 'both kinds of refusal were met')
  t.end()
})

t.test(`changed receipts, seed ${SEED}`, (t) => {
  const random = randomFrom(SEED + 1)
  for (let i = 0; i < CASES / 4; i++) {
    const { made, donors, judge } = random.pick(subjects)
    const good = JSON.parse(jcs(made.receipt)) as Json
    const bytes = random.below(3) === 0 ? flipBytes(random, made.receiptBytes) : jcsBytes(mutateJson(random, good, donors).json)
    if (Buffer.compare(bytes, made.receiptBytes) === 0) continue
    const promise = judge({ proof: made.bytes, receipt: bytes }).findings.find(({ name }) => name === 'promise')
    if (promise?.state === 'consistent') t.fail(`case ${i}: a changed receipt was accepted`)
  }
  t.end()
})

t.test(`changed bundles, seed ${SEED}`, (t) => {
  const random = randomFrom(SEED + 2)
  for (let i = 0; i < CASES / 10; i++) {
    const { made, bundle, bundleJson, pins } = random.pick(subjects)
    const mutation = random.below(3) === 0 ? undefined : mutateJson(random, bundleJson, [bundleJson])
    const bytes = mutation === undefined ? flipBytes(random, bundle) : jcsBytes(mutation.json)
    if (Buffer.compare(bytes, bundle) === 0) continue
    const { exitCode } = verify(nodeCrypto, { proof: made.bytes, bundle: bytes, bundleSource: 'given', pins, exhibit: made.exhibit, now: NOW })
    // The question of the attested keys may be left out, as in a proof.
    const compact = mutation?.what === 'drop' && /^history\.(keys|heads\.\d+\.read)\.proposal$/.test(mutation.path.join('.'))
    if (exitCode === 0 && !compact) t.fail(`case ${i}: a changed bundle was accepted`, { path: mutation?.path ?? [] })
  }
  t.end()
})
