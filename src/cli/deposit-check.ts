import { fromBase64url } from '../core/bytes.js'
import { EvidenceError } from '../core/errors.js'
import type { Json } from '../core/jcs.js'
import { commitMetadata } from '../core/metadata.js'
import { parseReceipt, type Receipt } from '../core/receipt.js'
import type { Pin } from '../core/trust.js'
import { verify } from '../core/verify.js'
import type { FileDigests } from '../platform/hash-file.js'
import { nodeCrypto } from '../platform/node.js'
import { CliError } from './errors.js'

/** What a deposit was asked to be. */
export interface Asked {
  readonly digests: FileDigests
  readonly metadata: Readonly<Record<string, Json>> | undefined
  readonly bundle: Uint8Array
  /** Stored pins of this log, if any: they have to match. */
  readonly pins: readonly Pin[]
}

/** What the service answered. */
export interface Answered {
  readonly number: string
  readonly receipt: Uint8Array
  readonly secret: string
}

function refused (what: string, cause?: unknown): CliError {
  return new CliError({ code: 'CHECK', message: `the receipt does not hold: ${what}; the deposit is not taken for accepted`, cause })
}

/**
 * Recomputes what the service promised before it is called a success: the record holds these digests and this metadata, its leaf is under the
 * signed commit group, and the signature is by a receipt key that the ledger knows. All by core, as an expert would years later.
 * @throws CliError CHECK
 */
export function checkDeposit (asked: Asked, answered: Answered): Receipt {
  const receipt = read(answered.receipt)
  if (receipt.record.number !== answered.number) throw refused('it is for another evidence number')
  checkMetadata(asked, answered, receipt)
  const { digests: exhibit, bundle } = asked
  const report = verify(nodeCrypto, {
    receipt: answered.receipt,
    exhibit,
    bundle,
    // Whose organizations these are is a question for the verification of a proof; here, whether the promise is this operator's own.
    bundleSource: 'operator',
    trustAsGiven: true,
    pins: asked.pins,
    now: new Date().toISOString()
  })
  const integrity = report.findings.find(({ name }) => name === 'integrity')
  if (integrity?.state !== 'consistent') throw refused(integrity?.sentences.en ?? 'nothing is said of its integrity')
  const broken = report.findings.find(({ state, code }) => state === 'differs' || UNSIGNED.has(code))
  if (broken !== undefined) throw refused(broken.sentences.en)
  return receipt
}

/** Not wrong, but not a promise of this operator either. */
const UNSIGNED: ReadonlySet<string> = new Set(['PROMISE_KEY_UNKNOWN', 'PROMISE_UNSIGNED', 'PROMISE_RECEIPT_UNREADABLE'])

function read (bytes: Uint8Array): Receipt {
  try {
    return parseReceipt(bytes)
  } catch (cause) {
    if (cause instanceof EvidenceError) throw refused(cause.message, cause)
    throw cause
  }
}

function checkMetadata ({ metadata }: Asked, { secret }: Answered, { record }: Receipt): void {
  if (metadata === undefined) return
  const fields = Object.entries(metadata).map(([name, value]) => ({ name, value }))
  const expected = commitMetadata(nodeCrypto, fromBase64url(secret), fields)
  if (record.metadata?.root !== expected.root || record.metadata.size !== expected.size) throw refused('it does not commit to the metadata')
}
