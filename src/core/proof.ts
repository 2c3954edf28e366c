import { batchHeader } from './batch.js'
import { formatError } from './errors.js'
import { jcsBytes, parseCanonical } from './jcs.js'
import { receiptBody } from './receipt.js'
import { record } from './record.js'
import { base64url, decimal, hex, type Infer, json, list, literal, map, object, oneOf, text } from './strict.js'

/** A block of 10 MB at most, in base64url, beside the rest. */
export const PROOF_LIMITS = { bytes: 32 * 1024 * 1024, depth: 32 } as const

/** One metadata field opened: its leaf is SHA-256(0x00 || JCS[name, value, salt]) at `index` of record.metadata's tree. */
export const disclosure = object({ name: text(128), value: json, salt: base64url(32, 32), index: decimal, path: list(hex(32), 16) })
export type Disclosure = Infer<typeof disclosure>

/**
 * A block as carried: header number and previous hash, the envelopes (base64url), and the SIGNATURES metadata message. The data hash is
 * computed, never carried. Nothing else of a block is signed, so nothing else is here.
 */
export const blockData = object({
  number: decimal,
  previousHash: hex(32),
  data: list(base64url(1, 16_777_216), 100_000, 1),
  signatures: base64url(1, 1_048_576)
})
export type BlockData = Infer<typeof blockData>

/** Data of attestation fabric-block/v1: the block and the index of the transaction in it that anchors the batch. */
export const fabricBlock = object({
  number: decimal,
  previousHash: hex(32),
  data: list(base64url(1, 16_777_216), 100_000, 1),
  signatures: base64url(1, 1_048_576),
  transaction: decimal
})
export type FabricBlock = Infer<typeof fabricBlock>

const endorsedQuery = object({
  responsePayload: base64url(1, 1_048_576),
  endorsements: list(object({ identity: hex(32), signature: base64url(8, 160) }), 64, 1)
}, {
  proposal: object({ channelHeader: base64url(1, 65_536), signatureHeader: base64url(1, 65_536), payload: base64url(1, 65_536) })
})

/**
 * Data of attestation fabric-readback/v1: an endorsed query. `identity` is the SHA-256 of a serialized identity in the document's
 * `identities`; endorsements stand in its order, so that there is one way to write them. `proposal` is absent in the compact form.
 */
export const fabricReadback = (value: unknown, path: string): Infer<typeof endorsedQuery> => {
  const query = endorsedQuery(value, path)
  const rising = query.endorsements.every(({ identity }, i, all) => i === 0 || (all[i - 1]?.identity ?? '') < identity)
  if (!rising) throw formatError(`${path}.endorsements`, 'must be in ascending order of identity, each once')
  return query
}
export type FabricReadback = Infer<typeof fabricReadback>

/**
 * The path of the batch's header to the log's head of `size` batches (RFC 9162 section 2.1.3): a head at the end of a closed range, one that trust
 * bundles carry. Not an attestation: where it is there it counts, so it is no part that an older program may leave aside.
 */
export const logInclusion = object({ size: decimal, path: list(hex(32), 53) })
export type LogInclusion = Infer<typeof logInclusion>

export const attestation = object({ type: text(64), target: oneOf('record', 'batch', 'head'), data: json })
export type Attestation = Infer<typeof attestation>

/** Serialized identities (MSP id and certificate), once each, by their SHA-256 in hex. Every one must be used. */
export const identities = map(/^[0-9a-f]{64}$/, base64url(1, 65_536), 256)
export type Identities = Infer<typeof identities>

/**
 * steelyard/proof/v1: the one file that carries everything from the record to the ledger's signatures. Positions are derived, not
 * carried: index in the batch = record.sequence - header.first; index in the log = header.number, in the tree of number + 1.
 */
export const proof = object({
  type: literal('steelyard/proof/v1'),
  record,
  receipt: receiptBody,
  batchPath: list(hex(32), 53),
  header: batchHeader,
  logPath: list(hex(32), 53)
}, {
  disclosures: list(disclosure, 256, 1),
  closedHead: logInclusion,
  identities,
  attestations: list(attestation, 64, 1)
})
export type Proof = Infer<typeof proof>

export function parseProof (bytes: Uint8Array): Proof {
  return proof(parseCanonical(bytes, PROOF_LIMITS), 'proof')
}

export function proofBytes (value: Proof): Uint8Array {
  return jcsBytes(value)
}
