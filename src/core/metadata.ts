import { abytes, compareBytes, fromBase64url, fromHex, toBase64url, toHex, utf8 } from './bytes.js'
import { EvidenceError } from './errors.js'
import { hmacSha256 } from './hmac.js'
import { jcsBytes, type Json } from './jcs.js'
import { inclusionPath, leafHash, rootOf, type Sha256, verifyInclusion } from './merkle.js'
import type { Disclosure } from './proof.js'
import { assertFieldOrder } from './record.js'

/** What a depositor says about a deposit; never in the record, which holds only the root over all fields. */
export interface MetadataField {
  readonly name: string
  readonly value: Json
}

/** As in record.metadata. */
export interface MetadataCommitment {
  readonly size: string
  readonly root: string
}

/** Names of fields that reports know. `created`: a date or time, RFC 3339 or its first part, by the depositor's word. */
export const FIELD = { fileName: 'fileName', created: 'created' } as const

/** Bytes of a deposit secret. Deleting the secret makes every field that was not disclosed unguessable for ever. */
export const DEPOSIT_SECRET_SIZE = 32
/** Most fields of one deposit, most UTF-16 code units of a name, deepest nesting of a value: within what a proof that opens it may have. */
export const METADATA_LIMITS = { fields: 256, name: 128, depth: 16 } as const

/** Fields in the order of the tree: ascending by the UTF-8 bytes of their names, each name once (else `FORMAT`). */
export function sortMetadata (fields: readonly MetadataField[]): MetadataField[] {
  const sorted = fields.map((field) => ({ field, key: utf8(field.name) })).sort((a, b) => compareBytes(a.key, b.key)).map(({ field }) => field)
  if (sorted.length > METADATA_LIMITS.fields || sorted.some(({ name }) => name.length === 0 || name.length > METADATA_LIMITS.name)) {
    throw new EvidenceError({ code: 'ARGUMENT', message: 'too many metadata fields, or a name that is empty or too long' })
  }
  if (sorted.some(({ value }) => isDeeper(value, METADATA_LIMITS.depth))) {
    throw new EvidenceError({ code: 'ARGUMENT', message: `a metadata value is nested deeper than ${METADATA_LIMITS.depth}` })
  }
  assertFieldOrder(sorted.map(({ name }) => name), 'metadata')
  return sorted
}

/** Whether a value is nested deeper than this, a scalar being 1 deep. Looks no deeper itself. */
function isDeeper (value: unknown, most: number): boolean {
  return most === 0 || (typeof value === 'object' && value !== null && Object.values(value).some((inner) => isDeeper(inner, most - 1)))
}

/** salt = HMAC-SHA-256(deposit secret, name): one a field, so that being handed one field tells nothing about the others. */
function saltOf (crypto: Sha256, secret: Uint8Array, name: string): string {
  return toBase64url(hmacSha256(crypto, abytes(secret, DEPOSIT_SECRET_SIZE, 'deposit secret'), utf8(name)))
}

/** SHA-256(0x00 || JCS[name, value, salt]), the salt in base64url. */
function leafOf (crypto: Sha256, field: MetadataField, salt: string): Uint8Array {
  return leafHash(crypto, jcsBytes([field.name, field.value, salt]))
}

/** The commitment that goes into a record. Without fields there is none: leave record.metadata out. */
export function commitMetadata (crypto: Sha256, secret: Uint8Array, fields: readonly MetadataField[]): MetadataCommitment {
  const leaves = sortMetadata(fields).map((field) => leafOf(crypto, field, saltOf(crypto, secret, field.name)))
  return { size: String(leaves.length), root: toHex(rootOf(crypto, leaves)) }
}

/** Opens one field for a proof; an `ARGUMENT` error when there is none of that name. */
export function discloseField (crypto: Sha256, secret: Uint8Array, fields: readonly MetadataField[], name: string): Disclosure {
  const sorted = sortMetadata(fields)
  const index = sorted.findIndex((field) => field.name === name)
  const field = sorted[index]
  if (field === undefined) throw new EvidenceError({ code: 'ARGUMENT', message: 'no metadata field of that name' })
  const leaves = sorted.map((each) => leafOf(crypto, each, saltOf(crypto, secret, each.name)))
  return {
    name, value: field.value, salt: saltOf(crypto, secret, name), index: String(index), path: inclusionPath(crypto, leaves, index).map(toHex)
  }
}

/** Whether a disclosed field is one of those that the record commits to. */
export function verifyDisclosure (crypto: Sha256, committed: MetadataCommitment, opened: Disclosure): boolean {
  if (fromBase64url(opened.salt).length !== 32) return false
  return verifyInclusion(crypto, leafOf(crypto, opened, opened.salt), Number(opened.index), Number(committed.size),
    opened.path.map(fromHex), fromHex(committed.root))
}

/** Whether disclosures stand in the order of the tree, each field once; what a proof requires of them. */
export function disclosuresInOrder (opened: readonly Disclosure[]): boolean {
  return opened.every((one, i) => {
    const previous = opened[i - 1]
    return previous === undefined ||
      (compareBytes(utf8(previous.name), utf8(one.name)) < 0 && Number(previous.index) < Number(one.index))
  })
}
