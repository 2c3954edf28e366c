import { fromBase64url, fromHex, toBase64url, toHex } from '../core/bytes.js'
import { claimMembers } from '../core/claim.js'
import { EvidenceError } from '../core/errors.js'
import { jcs, type Json } from '../core/jcs.js'
import { commitMetadata } from '../core/metadata.js'
import { type CommitGroup, parseReceipt, type Receipt } from '../core/receipt.js'
import type { EvidenceRecord } from '../core/record.js'
import type { Pin } from '../core/trust.js'
import { verify } from '../core/verify.js'
import type { FileDigests } from '../platform/hash-file.js'
import { nodeCrypto } from '../platform/node.js'
import { CliError } from './errors.js'
import type { WalletClaim } from './wallet.js'

/** What a deposit was asked to be. */
export interface Asked {
  readonly digests: FileDigests
  readonly metadata: Readonly<Record<string, Json>> | undefined
  readonly claim: WalletClaim | undefined
  /** Only the digests were sent. */
  readonly digestOnly: boolean
  readonly bundle: Uint8Array
  /** Stored pins of this log, if any: they have to match. */
  readonly pins: readonly Pin[]
}

/** Farther from this machine's clock than this, a time of the service is not taken for the present. */
const CLOCK_TOLERANCE = 5 * 60_000
/** A promise for later than this is none. */
const LONGEST_PROMISE = 30 * 86_400_000

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
 * signed commit group, and the signature is by a receipt key that the ledger knows. All by core, as an expert would years later. And what
 * only the depositor can know: that the record says nothing that was not sent, and that its times are those of this deposit.
 * @throws CliError CHECK
 */
export function checkDeposit (asked: Asked, answered: Answered, now: number): Receipt {
  const receipt = read(answered.receipt)
  if (receipt.record.number !== answered.number) throw refused('it is for another evidence number')
  checkMetadata(asked, answered, receipt)
  checkSent(asked, receipt.record)
  checkTimes(receipt, now)
  const { digests: exhibit, bundle } = asked
  const report = verify(nodeCrypto, {
    receipt: answered.receipt,
    exhibit,
    bundle,
    // Whose organizations these are is a question for the verification of a proof; here, whether the promise is this operator's own.
    bundleSource: 'operator',
    trustAsGiven: true,
    pins: asked.pins,
    now: new Date(now).toISOString()
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

/** What a record may say in the depositor's name: what was sent, nothing less and nothing more. */
function checkSent (asked: Asked, record: EvidenceRecord): void {
  const { digests: { sha256, sm3, size } } = asked
  const content = { digests: { sha256: toHex(sha256), sm3: toHex(sm3) }, size: String(size) }
  if (jcs(record.content) !== jcs(content)) throw refused('its digests or its size are not those that were sent')
  if (record.digestedBy !== (asked.digestOnly ? 'submitter' : 'notary')) {
    throw refused(`it says that the digests were computed by the ${record.digestedBy}`)
  }
  const unasked = UNASKED.find((name) => record[name] !== undefined)
  if (unasked !== undefined) throw refused(`it has ${unasked}, which was not sent`)
  const said = UNSAID.find((name) => record.submitter[name] !== undefined)
  if (said !== undefined) throw refused(`it names the submitter's ${said}, which was not sent`)
  if (asked.metadata === undefined && record.metadata !== undefined) throw refused('it has metadata, which was not sent')
  checkClaimed(asked.claim, record)
}

/** Members of a record that this program never asks for. */
const UNASKED = ['links', 'manifest', 'stored'] as const
/** What nobody but the depositor could say of itself. */
const UNSAID = ['account', 'assurance'] as const

function checkClaimed (sent: WalletClaim | undefined, { claim, signature }: EvidenceRecord): void {
  if (sent === undefined) {
    if (claim !== undefined || signature !== undefined) throw refused('it has a claim or a signature, which was not sent')
    return
  }
  const { text, address, signature: value } = sent
  const expected = claimMembers({ claim: text, keyId: address, value: toBase64url(fromHex(value.slice(2))) })
  if (claim !== expected.claim || signature === undefined || jcs(signature) !== jcs(expected.signature)) {
    throw refused('its claim or its signature is not the one that was sent')
  }
}

function checkTimes ({ record, statement }: Receipt, now: number): void {
  for (const [what, time] of [['received', record.receivedAt], ['signed', statement.signedAt]] as const) {
    if (Math.abs(Date.parse(time) - now) > CLOCK_TOLERANCE) {
      const here = new Date(now).toISOString()
      throw refused(`it says that it was ${what} at ${time}, and here it is ${here}: this machine's clock or the service's is wrong`)
    }
  }
  checkDeadline(statement)
}

function checkDeadline ({ signedAt, deadline }: CommitGroup): void {
  const promised = Date.parse(deadline) - Date.parse(signedAt)
  if (promised <= 0) throw refused(`it promises the ledger by ${deadline}, which is not after its signature`)
  if (promised > LONGEST_PROMISE) throw refused(`it promises the ledger only by ${deadline}, more than 30 days after its signature`)
}
