import { concat, equalBytes, fromBase64, fromUtf8, toBase64, utf8 } from './bytes.js'
import type { Crypto } from './crypto.js'
import { EvidenceError } from './errors.js'
import { HASH_SIZE, type Sha256 } from './merkle.js'

/**
 * A signed head in the form of C2SP tlog-checkpoint over C2SP signed-note, so that existing witnesses can co-sign it. The key
 * name is the log's origin.
 */
export interface Checkpoint {
  readonly origin: string
  readonly size: bigint
  readonly root: Uint8Array
}

/** One signature line of a note: an unknown one is kept, and counts for nothing. */
export interface NoteSignature {
  readonly name: string
  /** First four bytes: the key hash. */
  readonly keyHash: Uint8Array
  readonly signature: Uint8Array
}

/** A key that may sign a note. */
export interface NoteKey {
  readonly name: string
  /** Ed25519, 32 bytes. */
  readonly publicKey: Uint8Array
}

const ED25519 = 0x01
const MAX_BYTES = 65_536
const NAME = /^[^\s+]+$/u

/** C2SP signed-note: SHA-256(name || 0x0A || 0x01 || public key), first four bytes. */
export function noteKeyHash (crypto: Sha256, key: NoteKey): Uint8Array {
  return crypto.sha256(concat(utf8(key.name), Uint8Array.of(0x0a, ED25519), key.publicKey)).subarray(0, 4)
}

/** The text that is signed: origin, size and root, a line each. */
export function checkpointBody (checkpoint: Checkpoint): string {
  if (!NAME.test(checkpoint.origin) || checkpoint.size < 0n || checkpoint.root.length !== HASH_SIZE) {
    throw new EvidenceError({ code: 'ARGUMENT', message: 'a checkpoint needs an origin without spaces, a size from 0 and a root of 32 bytes' })
  }
  return `${checkpoint.origin}\n${checkpoint.size}\n${toBase64(checkpoint.root)}\n`
}

/** The bytes to sign with Ed25519. Signing happens outside of core. */
export function checkpointSigningInput (checkpoint: Checkpoint): Uint8Array {
  return utf8(checkpointBody(checkpoint))
}

/** The note: the body, an empty line, and a line for each signature. */
export function signedNote (body: string, signatures: readonly NoteSignature[]): string {
  const lines = signatures.map(({ name, keyHash, signature }) => `— ${name} ${toBase64(concat(keyHash, signature))}\n`)
  return `${body}\n${lines.join('')}`
}

/** Takes a signed checkpoint apart, strictly. Nothing is verified; extension lines are refused. */
export function parseCheckpoint (bytes: Uint8Array): { checkpoint: Checkpoint, body: string, signatures: NoteSignature[] } {
  if (bytes.length > MAX_BYTES) throw new EvidenceError({ code: 'TOO_LARGE', message: `more than ${MAX_BYTES} bytes` })
  const text = fromUtf8(bytes)
  const end = text.lastIndexOf('\n\n')
  if (end < 0 || !text.endsWith('\n') || end + 2 >= text.length) throw malformed('no signature')
  const body = text.slice(0, end + 1)
  const signatures = text.slice(end + 2, -1).split('\n').map(signatureLine)
  return { checkpoint: parseBody(body), body, signatures }
}

function parseBody (body: string): Checkpoint {
  const [origin = '', size = '', root = '', ...rest] = body.split('\n')
  if (rest.length !== 1 || !NAME.test(origin) || !/^(0|[1-9][0-9]{0,18})$/.test(size)) throw malformed('not origin, size and root')
  const hash = fromBase64(root)
  if (hash.length !== HASH_SIZE) throw malformed('a root that is not 32 bytes')
  return { origin, size: BigInt(size), root: hash }
}

function signatureLine (line: string): NoteSignature {
  const [dash, name = '', value = '', ...rest] = line.split(' ')
  if (dash !== '—' || !NAME.test(name) || rest.length > 0) throw malformed('a signature line')
  const bytes = fromBase64(value)
  if (bytes.length < 5) throw malformed('a signature that is too short')
  return { name, keyHash: bytes.subarray(0, 4), signature: bytes.subarray(4) }
}

function malformed (what: string): EvidenceError {
  return new EvidenceError({ code: 'FORMAT', message: `not a signed checkpoint: ${what}`, path: 'checkpoint' })
}

/**
 * Whether a note is signed by `key`. As C2SP says, lines of other keys are ignored, and a line that claims this key and does
 * not verify refuses the whole note.
 */
export function verifyCheckpoint (crypto: Crypto, note: { body: string, signatures: readonly NoteSignature[] }, key: NoteKey): boolean {
  const hash = noteKeyHash(crypto, key)
  const claimed = note.signatures.filter(({ name, keyHash }) => name === key.name && equalBytes(keyHash, hash))
  const message = utf8(note.body)
  return claimed.length > 0 && claimed.every(({ signature }) => crypto.verifyEd25519(key.publicKey, message, signature))
}
