import { batchHeader } from './batch.js'
import { jcsBytes, parseCanonical } from './jcs.js'
import { logOrigin } from './record.js'
import { base64url, decimal, hex, type Infer, integer, list, literal, object, oneOf, text, time } from './strict.js'

/**
 * The values that the chaincode writes under its keys and the answers it gives. Each has a `type` of its own, so that an endorsement of
 * one never passes for another (PROOF.md section 4b). Times are ledger times: the transaction's timestamp, checked against
 * the endorser's clock.
 */
const LIMITS = { bytes: 1_048_576, depth: 6 } as const

/** A log's size and root. */
export const treeHead = object({ size: decimal, root: hex(32) })

/** A receipt-signing key: valid for batches from `fromBatch` up to and without `until`. "Compromised from" never voids a receipt by itself. */
export const receiptKey = object(
  { keyId: hex(32), alg: literal('ed25519'), spki: base64url(44, 44), fromBatch: decimal, registeredAt: time },
  { until: decimal, compromisedFrom: time, revokedAt: time }
)
export type ReceiptKey = Infer<typeof receiptKey>

/** At `log/<origin>`: the log's parameters and the moving state. `range` is the compact range of its `size` leaves. */
export const logState = object({
  type: literal('steelyard/log/v1'),
  hash: literal('sha256'),
  log: logOrigin,
  owner: text(128), // the MSP that may anchor and register keys
  openedAt: time,
  skewMs: integer(1000, 3_600_000),
  deadlineMs: integer(60_000, 2_592_000_000),
  size: decimal,
  nextSequence: decimal,
  range: list(hex(32), 53),
  time // of the last anchor, or of the opening
})
export type LogState = Infer<typeof logState>

/** At `batch/<origin>/<number>`: written once, never changed. `time` is T, `skewMs` W, `head` the log after this batch. */
export const batchEntry = object({
  type: literal('steelyard/batch-entry/v1'),
  header: batchHeader,
  time,
  skewMs: integer(1000, 3_600_000),
  head: treeHead
})
export type BatchEntry = Infer<typeof batchEntry>

/**
 * At `keys/<origin>`: every receipt key ever registered, in order of registration. It holds the log's skew and deadline, so that its
 * attested read is one read, as that of a batch, and says what a receipt may promise.
 */
export const keyRegister = object({
  type: literal('steelyard/keys/v1'),
  log: logOrigin,
  skewMs: integer(1000, 3_600_000),
  deadlineMs: integer(60_000, 2_592_000_000),
  keys: list(receiptKey, 256, 1)
})
export type KeyRegister = Infer<typeof keyRegister>

/** The answer of readBatch. `time` is T2. */
export const readBack = object({ type: literal('steelyard/readback/v1'), channel: text(249), entry: batchEntry, time })
export type ReadBack = Infer<typeof readBack>

/** The answer of getKeys. */
export const keysStatement = object({ type: literal('steelyard/keys-statement/v1'), channel: text(249), register: keyRegister, time })
export type KeysStatement = Infer<typeof keysStatement>

/** The answer of status: how far the log had come at `time`. */
export const logStatus = object({
  type: literal('steelyard/status/v1'), channel: text(249), log: logOrigin, nextSequence: decimal, head: treeHead, time
})
export type LogStatus = Infer<typeof logStatus>

/** The transaction functions, by the names in the contract. */
export const contractFunction = oneOf('openLog', 'anchor', 'readBatch', 'findByRoot', 'getHead', 'getBatches', 'getInclusion',
  'getConsistency', 'status', 'registerKey', 'revokeKey', 'getKeys')

export const parseLogState = (bytes: Uint8Array): LogState => logState(parseCanonical(bytes, LIMITS), 'log')
export const parseBatchEntry = (bytes: Uint8Array): BatchEntry => batchEntry(parseCanonical(bytes, LIMITS), 'entry')
export const parseKeyRegister = (bytes: Uint8Array): KeyRegister => keyRegister(parseCanonical(bytes, LIMITS), 'keys')
export const parseReadBack = (bytes: Uint8Array): ReadBack => readBack(parseCanonical(bytes, LIMITS), 'readback')
export const parseKeysStatement = (bytes: Uint8Array): KeysStatement => keysStatement(parseCanonical(bytes, LIMITS), 'keys')
export const parseLogStatus = (bytes: Uint8Array): LogStatus => logStatus(parseCanonical(bytes, LIMITS), 'status')

/** The bytes as the ledger holds them. */
export function ledgerBytes (value: LogState | BatchEntry | KeyRegister | ReadBack | KeysStatement | LogStatus): Uint8Array {
  return jcsBytes(value)
}

export const logKey = (origin: string): string => `log/${origin}`
export const batchKey = (origin: string, number: string): string => `batch/${origin}/${number}`
export const keysKey = (origin: string): string => `keys/${origin}`
export const rootKey = (origin: string, root: string): string => `root/${origin}/${root}`
