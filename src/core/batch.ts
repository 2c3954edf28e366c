import type { Crypto } from './crypto.js'
import { jcsBytes, parseCanonical } from './jcs.js'
import { leafHash } from './merkle.js'
import { logOrigin } from './record.js'
import { decimal, hex, type Infer, literal, object, time } from './strict.js'

/** Most records in one batch, also on the ledger. */
export const MAX_BATCH_SIZE = 65_536
export const HEADER_LIMITS = { bytes: 1024, depth: 2 } as const

/**
 * steelyard/batch/v1: the header of a batch. Its JCS bytes are the leaf of the log (the leaf's index is `number`). `previousHead`
 * is the log's root at size `number`; `first` the sequence number of the batch's first record.
 */
export const batchHeader = object({
  type: literal('steelyard/batch/v1'),
  hash: literal('sha256'),
  log: logOrigin,
  number: decimal,
  first: decimal,
  size: decimal,
  root: hex(32),
  sealedAt: time,
  previousHead: hex(32)
})
export type BatchHeader = Infer<typeof batchHeader>

export function parseBatchHeader (bytes: Uint8Array): BatchHeader {
  return batchHeader(parseCanonical(bytes, HEADER_LIMITS), 'header')
}

export function batchHeaderBytes (header: BatchHeader): Uint8Array {
  return jcsBytes(header)
}

/** The leaf hash of a batch header in the log. */
export function batchLeaf (crypto: Crypto, header: BatchHeader): Uint8Array {
  return leafHash(crypto, batchHeaderBytes(header))
}
