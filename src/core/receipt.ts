import { concat, fromBase64url, fromHex, toHex, utf8 } from './bytes.js'
import type { Crypto } from './crypto.js'
import { jcsBytes, parseCanonical } from './jcs.js'
import { leafHash, verifyInclusion } from './merkle.js'
import { logOrigin, record, recordBytes, type EvidenceRecord } from './record.js'
import { base64url, decimal, hex, type Infer, list, literal, object, time } from './strict.js'

export const RECEIPT_LIMITS = { bytes: 65_536, depth: 8 } as const

/** What the operator signs for the deposits of one commit group: that they are durable, at which positions, and by when anchored. */
export const commitGroup = object({
  type: literal('steelyard/commit-group/v1'),
  log: logOrigin,
  keyId: hex(32), // SHA-256 of the SPKI
  groupSize: decimal,
  groupRoot: hex(32),
  firstSequence: decimal,
  signedAt: time,
  deadline: time
})
export type CommitGroup = Infer<typeof commitGroup>

/** A receipt without its record, as a proof carries it. `path` leads from the record's leaf to `groupRoot`. */
export const receiptBody = object({
  statement: commitGroup,
  path: list(hex(32), 32),
  signature: base64url(64, 64)
})
export type ReceiptBody = Infer<typeof receiptBody>

/** steelyard/receipt/v1: a self-sufficient receipt file. */
export const receipt = object({
  type: literal('steelyard/receipt/v1'),
  record,
  statement: commitGroup,
  path: list(hex(32), 32),
  signature: base64url(64, 64)
})
export type Receipt = Infer<typeof receipt>

export function parseReceipt (bytes: Uint8Array): Receipt {
  return receipt(parseCanonical(bytes, RECEIPT_LIMITS), 'receipt')
}

export function receiptBytes (value: Receipt): Uint8Array {
  return jcsBytes(value)
}

const CONTEXT = utf8('steelyard commit group v1\n')

/** The bytes that the receipt key signs: a context line, then the JCS of the statement. */
export function commitGroupSigningInput (statement: CommitGroup): Uint8Array {
  return concat(CONTEXT, jcsBytes(statement))
}

// RFC 8410 section 4: the SubjectPublicKeyInfo of an Ed25519 key is this prefix and the 32 bytes of the key.
const ED25519_SPKI_PREFIX = fromHex('302a300506032b6570032100')

/** The SPKI (44 bytes) of an Ed25519 public key of 32 bytes. */
export function ed25519Spki (publicKey: Uint8Array): Uint8Array {
  return concat(ED25519_SPKI_PREFIX, publicKey)
}

/** The 32 key bytes of an Ed25519 SPKI, or undefined when it is not exactly one. */
export function ed25519PublicKey (spki: Uint8Array): Uint8Array | undefined {
  return spki.length === 44 && toHex(spki.subarray(0, 12)) === toHex(ED25519_SPKI_PREFIX) ? spki.subarray(12) : undefined
}

/** keyId = SHA-256 of the SPKI, in hex. */
export function receiptKeyId (crypto: Crypto, spki: Uint8Array): string {
  return toHex(crypto.sha256(spki))
}

export type ReceiptVerdict = 'ok' | 'log-mismatch' | 'position-mismatch' | 'path-invalid' | 'key-mismatch' | 'signature-invalid'

/**
 * Whether a receipt body binds this record: same log, the record's sequence inside the group, path to the group root and
 * signature by `spki`, whose hash is the statement's keyId. Whether that key belongs to the operator is the caller's question.
 */
export function checkReceipt (crypto: Crypto, body: ReceiptBody, deposited: EvidenceRecord, spki: Uint8Array): ReceiptVerdict {
  const position = checkReceiptPosition(crypto, body, deposited)
  if (position !== 'ok') return position
  if (receiptKeyId(crypto, spki) !== body.statement.keyId) return 'key-mismatch'
  return isGroupSigned(crypto, body.statement, body.signature, spki) ? 'ok' : 'signature-invalid'
}

/** Whether the key of an SPKI signed the statement. That the key is the one that the statement names is the caller's to see. */
export function isGroupSigned (crypto: Crypto, statement: CommitGroup, signature: string, spki: Uint8Array): boolean {
  const key = ed25519PublicKey(spki)
  return key !== undefined && crypto.verifyEd25519(key, commitGroupSigningInput(statement), fromBase64url(signature))
}

/** The part of `checkReceipt` that needs no key. */
export function checkReceiptPosition (crypto: Crypto, body: ReceiptBody, deposited: EvidenceRecord): ReceiptVerdict {
  const { statement } = body
  if (statement.log !== deposited.log) return 'log-mismatch'
  const index = Number(deposited.sequence) - Number(statement.firstSequence)
  const size = Number(statement.groupSize)
  if (index < 0 || index >= size) return 'position-mismatch'
  const leaf = leafHash(crypto, recordBytes(deposited))
  return verifyInclusion(crypto, leaf, index, size, body.path.map(fromHex), fromHex(statement.groupRoot)) ? 'ok' : 'path-invalid'
}
