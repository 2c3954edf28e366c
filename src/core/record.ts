import { compareBytes, utf8 } from './bytes.js'
import { formatError } from './errors.js'
import { jcsBytes, parseCanonical } from './jcs.js'
import { base64url, decimal, hex, type Infer, list, literal, matching, object, oneOf, text, time } from './strict.js'

/** Most bytes of a record; what a leaf commits to stays small (a claim is at most 4 KiB). */
export const RECORD_LIMITS = { bytes: 16_384, depth: 6 } as const

/** `<name>/<16 hex random>`: the identity of a log, fixed when it is opened. */
export const logOrigin = matching(/^[a-z0-9](?:[a-z0-9.-]{0,61}[a-z0-9])?\/[0-9a-f]{16}$/, 'a log origin, <name>/<16 hex>')

/** Digests of one content. SM3 is absent only when a depositor stated SHA-256 alone. */
export const digests = object({ sha256: hex(32) }, { sm3: hex(32) })
export type Digests = Infer<typeof digests>

const committed = object({ size: decimal, root: hex(32) })

/**
 * steelyard/record/v1 (PROOF.md section 2): what one deposit claims and what the operator adds. The JCS bytes are the leaf.
 * `content` is what an exhibit is compared with; `stored` what the operator holds, if that differs (encryption).
 */
export const record = object({
  type: literal('steelyard/record/v1'),
  hash: literal('sha256'),
  number: matching(/^[0-9A-HJKMNP-TV-Z]{20}$/, 'an evidence number of 20 Crockford characters'),
  log: logOrigin,
  sequence: decimal,
  receivedAt: time,
  submitter: object(
    { organization: text(64), keyId: text(64), sequence: decimal },
    { account: text(128), assurance: text(64) }
  ),
  content: object({ digests }, { size: decimal }),
  digestedBy: oneOf('notary', 'submitter'),
  salt: base64url(16, 32)
}, {
  stored: object({ digests, size: decimal }, { encryption: text(64) }),
  metadata: committed,
  manifest: object({ size: decimal, root: hex(32), algorithm: literal('sha256') }),
  links: list(object({ rel: text(64), target: hex(32) }), 16, 1),
  claim: base64url(1, 4096),
  signature: object({ scheme: text(32), keyId: text(128), value: base64url(1, 1024) }, { path: list(hex(32), 32) })
})
export type EvidenceRecord = Infer<typeof record>

/** The record of its exact bytes; see `parseCanonical` and strict.ts for the errors. */
export function parseRecord (bytes: Uint8Array): EvidenceRecord {
  return record(parseCanonical(bytes, RECORD_LIMITS), 'record')
}

/** The bytes that are hashed into the leaf. */
export function recordBytes (value: EvidenceRecord): Uint8Array {
  return jcsBytes(value)
}

/** Refuses field names that are not strictly ascending by UTF-8 bytes: the order of the metadata tree. */
export function assertFieldOrder (names: readonly string[], path: string): void {
  for (let i = 1; i < names.length; i++) {
    if (compareBytes(utf8(names[i - 1] as string), utf8(names[i] as string)) >= 0) {
      throw formatError(path, 'fields must be in ascending order, each once')
    }
  }
}
