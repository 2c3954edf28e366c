import { fromHex, toHex, utf8 } from '../../src/core/bytes.js'
import { noteKeyHash, parseCheckpoint, verifyCheckpoint } from '../../src/core/checkpoint.js'
import type { Crypto, EcdsaInput } from '../../src/core/crypto.js'
import { formatEvidenceNumber, parseEvidenceNumber, printEvidenceNumber } from '../../src/core/evidence-number.js'
import type { Report } from '../../src/core/findings.js'
import { jcs, type Json, parseCanonical } from '../../src/core/jcs.js'
import { leafHash, rootOf, verifyConsistency, verifyInclusion } from '../../src/core/merkle.js'
import { commitMetadata, type MetadataField, verifyDisclosure } from '../../src/core/metadata.js'
import type { Disclosure } from '../../src/core/proof.js'
import type { EvidenceInput, Exhibit } from '../../src/core/verify/input.js'
import { createVerifier, type Verifier } from '../../src/core/verify/verifier.js'

/** Runs the published vectors, with any Crypto, in Node and in a browser: no node: import may be here. */
export interface Case {
  readonly name: string
  readonly bundle: string
  readonly pin?: string
  readonly trustAsGiven?: boolean
  readonly minimumOrganizations?: number
  readonly now: string
  readonly proof?: string
  readonly edits?: readonly Edit[]
  /** The proof's exact text, where it is no edit of a document. */
  readonly text?: string
  readonly receipt?: string
  readonly status?: string
  readonly exhibit?: { readonly sha256: string, readonly sm3?: string, readonly size?: string }
  readonly expect: { readonly exitCode: number, readonly findings: Readonly<Record<string, string>> }
}

export interface Edit { readonly path: readonly (string | number)[], readonly value?: Json }

/** A document that is another one after some edits. */
export interface Derived { readonly of: string, readonly edits: readonly Edit[] }

export interface VerificationVectors {
  readonly about: string
  readonly documents: Readonly<Record<string, string | Derived>>
  readonly cases: readonly Case[]
}

/** The shortest list of edits that makes `b` of `a`; lists of another length are replaced whole. */
export function diff (a: Json, b: Json, path: readonly (string | number)[] = []): Edit[] {
  if (jcs(a) === jcs(b)) return []
  if (Array.isArray(a) && Array.isArray(b) && a.length === b.length) return a.flatMap((one, i) => diff(one, b[i] as Json, [...path, i]))
  if (Array.isArray(a) || Array.isArray(b) || typeof a !== 'object' || typeof b !== 'object') return [{ path, value: b }]
  return [...new Set([...Object.keys(a), ...Object.keys(b)])].flatMap((name): Edit[] => {
    if (!Object.hasOwn(b, name)) return [{ path: [...path, name] }]
    return Object.hasOwn(a, name) ? diff(a[name] as Json, b[name] as Json, [...path, name]) : [{ path: [...path, name], value: b[name] as Json }]
  })
}

function textOf (documents: VerificationVectors['documents'], name: string): string {
  const document = documents[name] ?? ''
  return typeof document === 'string' ? document : edited(textOf(documents, document.of), document.edits)
}

function edited (text: string, edits: readonly Edit[] | undefined): string {
  if (edits === undefined) return text
  const document = JSON.parse(text) as Json
  for (const { path, value } of edits) {
    const parent = path.slice(0, -1).reduce<Json>((inner, step) => (inner as Record<string, Json>)[step] as Json, document) as Record<string, Json>
    const last = String(path.at(-1))
    if (value === undefined) Reflect.deleteProperty(parent, last)
    else parent[last] = value
  }
  return jcs(document)
}

/** Runs cases; what is shared by those of one bundle and pin is verified once. */
export function caseRunner (crypto: Crypto, { documents }: VerificationVectors): (one: Omit<Case, 'expect'>) => Report {
  const verifiers = new Map<string, Verifier>()
  return (one) => {
    const { bundle, pin, trustAsGiven, minimumOrganizations } = one
    const trust = {
      bundle: utf8(textOf(documents, bundle)),
      bundleSource: 'given' as const,
      ...(pin === undefined ? {} : { pins: [{ fingerprint: pin }] }),
      ...(trustAsGiven === undefined ? {} : { trustAsGiven }),
      ...(minimumOrganizations === undefined ? {} : { minimumOrganizations })
    }
    const key = JSON.stringify([bundle, pin, trustAsGiven, minimumOrganizations])
    const verifier = verifiers.get(key) ?? createVerifier(crypto, trust)
    verifiers.set(key, verifier)
    return verifier.verify(evidenceOf(one, documents))
  }
}

function evidenceOf (one: Omit<Case, 'expect'>, documents: VerificationVectors['documents']): EvidenceInput {
  const document = (name: string): Uint8Array => utf8(textOf(documents, name))
  const proof = one.text ?? (one.proof === undefined ? undefined : edited(textOf(documents, one.proof), one.edits))
  return {
    now: one.now,
    ...(proof === undefined ? {} : { proof: utf8(proof) }),
    ...(one.receipt === undefined ? {} : { receipt: document(one.receipt) }),
    ...(one.status === undefined ? {} : { status: document(one.status) }),
    ...(one.exhibit === undefined ? {} : { exhibit: exhibitOf(one.exhibit) })
  }
}

function exhibitOf ({ sha256, sm3, size }: NonNullable<Case['exhibit']>): Exhibit {
  return {
    sha256: fromHex(sha256),
    ...(sm3 === undefined ? {} : { sm3: fromHex(sm3) }),
    ...(size === undefined ? {} : { size: BigInt(size) })
  }
}

/** All vector files, as they are parsed. */
export interface AllVectors {
  readonly merkle: {
    leaves: string[],
    leafHashes: string[],
    roots: string[],
    inclusion: { index: number, size: number, path: string[] }[]
    consistency: { first: number, second: number, path: string[] }[]
  }
  readonly 'canonical-json': { cases: { text: string, accepted: boolean, code?: string }[] }
  readonly 'evidence-number': { format: { random: string, number: string, printed: string }[], read: { typed: string, reading: Json }[] }
  readonly metadata: { secret: string, fields: MetadataField[], committed: { size: string, root: string }, disclosures: Disclosure[] }
  readonly checkpoint: { origin: string, size: string, root: string, publicKey: string, keyHash: string, note: string }
  readonly signatures: {
    digests: { text: string, sha256: string, sm3: string }[]
    ed25519: { publicKey: string, message: string, signature: string, valid: boolean }[]
    ecdsa: (Pick<EcdsaInput, 'curve' | 'hash'> & { spki: string, message: string, signature: string, valid: boolean })[]
  }
  readonly verification: VerificationVectors
}

export const VECTOR_FILES = ['merkle', 'canonical-json', 'evidence-number', 'metadata', 'checkpoint', 'signatures', 'verification'] as const

/** Checks every vector; each one that does not hold is a line of the answer, which is empty when all hold. */
export function checkVectors (crypto: Crypto, all: AllVectors): { checked: number, wrong: string[] } {
  const wrong: string[] = []
  let checked = 0
  const expect = (name: string, found: unknown, expected: unknown): void => {
    checked++
    if (JSON.stringify(found) !== JSON.stringify(expected)) wrong.push(`${name}: ${JSON.stringify(found)} instead of ${JSON.stringify(expected)}`)
  }
  checkFormats(crypto, all, expect)
  checkSignatures(crypto, all.signatures, expect)
  checkCases(crypto, all.verification, expect)
  return { checked, wrong }
}

/** Checks the verdict on each case. */
export function checkCases (crypto: Crypto, vectors: VerificationVectors, expect: Expect): void {
  const run = caseRunner(crypto, vectors)
  for (const one of vectors.cases) {
    const { exitCode, findings } = run(one)
    expect(one.name, sorted({ exitCode, findings: Object.fromEntries(findings.map(({ name, code }) => [name, code])) }), sorted(one.expect))
  }
}

export type Expect = (name: string, found: unknown, expected: unknown) => void
const sorted = (value: Case['expect']): string => jcs(value)

function checkFormats (crypto: Crypto, all: AllVectors, expect: Expect): void {
  const { merkle, metadata, checkpoint } = all
  const hashes = merkle.leaves.map((leaf) => leafHash(crypto, fromHex(leaf)))
  expect('leaf hashes', hashes.map(toHex), merkle.leafHashes)
  merkle.roots.forEach((root, size) => { expect(`root ${size}`, toHex(rootOf(crypto, hashes.slice(0, size))), root) })
  const rootAt = (size: number): Uint8Array => fromHex(merkle.roots[size] ?? '')
  for (const { index, size, path } of merkle.inclusion) {
    expect(`inclusion ${index} of ${size}`, verifyInclusion(crypto, hashes[index] as Uint8Array, index, size, path.map(fromHex), rootAt(size)), true)
  }
  for (const { first, second, path } of merkle.consistency) {
    expect(`consistency ${first} to ${second}`,
      verifyConsistency(crypto, { size: first, root: rootAt(first) }, { size: second, root: rootAt(second) }, path.map(fromHex)), true)
  }
  for (const { text, code } of all['canonical-json'].cases) expect(text, refusal(() => parseCanonical(utf8(text), { bytes: 1000, depth: 8 })), code)
  for (const { random, number, printed } of all['evidence-number'].format) {
    expect(number, [formatEvidenceNumber(fromHex(random)), printEvidenceNumber(number)], [number, printed])
  }
  for (const { typed, reading } of all['evidence-number'].read) expect(typed, jcs(parseEvidenceNumber(typed)), jcs(reading))
  expect('metadata', commitMetadata(crypto, fromHex(metadata.secret), metadata.fields), metadata.committed)
  for (const one of metadata.disclosures) expect(one.name, verifyDisclosure(crypto, metadata.committed, one), true)
  const key = { name: checkpoint.origin, publicKey: fromHex(checkpoint.publicKey) }
  const note = parseCheckpoint(utf8(checkpoint.note))
  expect('checkpoint', [verifyCheckpoint(crypto, note, key), toHex(noteKeyHash(crypto, key)), String(note.checkpoint.size), toHex(note.checkpoint.root)],
    [true, checkpoint.keyHash, checkpoint.size, checkpoint.root])
}

function checkSignatures (crypto: Crypto, { digests, ed25519, ecdsa }: AllVectors['signatures'], expect: Expect): void {
  for (const { text, sha256, sm3 } of digests) expect(`digests of ${text}`, [toHex(crypto.sha256(utf8(text))), toHex(crypto.sm3(utf8(text)))], [sha256, sm3])
  ed25519.forEach(({ publicKey, message, signature, valid }, i) => {
    expect(`Ed25519 ${i}`, crypto.verifyEd25519(fromHex(publicKey), fromHex(message), fromHex(signature)), valid)
  })
  ecdsa.forEach(({ curve, hash, spki, message, signature, valid }, i) => {
    expect(`ECDSA ${i}`, crypto.verifyEcdsa({ curve, hash, spki: fromHex(spki), message: fromHex(message), signature: fromHex(signature) }), valid)
  })
}

function refusal (action: () => unknown): string | undefined {
  try {
    action()
    return undefined
  } catch (error) {
    return (error as { code: string }).code
  }
}
