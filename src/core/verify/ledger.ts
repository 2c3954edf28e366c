import { batchHeaderBytes, batchLeaf } from '../batch.js'
import { equalBytes, fromBase64url, fromHex, toHex } from '../bytes.js'
import type { Crypto } from '../crypto.js'
import type { Finding, Signers } from '../findings.js'
import { isCompactRange, rangeFromLastPath, rangeRoot, rootFromInclusion } from '../merkle.js'
import type { Proof } from '../proof.js'
import { type CommitGroup, isGroupSigned } from '../receipt.js'
import { isAccepted } from '../trust.js'
import { independentOf, namesOf } from './entities.js'
import { type LedgerFacts, type LedgerVerdict, type ReceiptKeys, timeBound, timeOnLedger } from './facts.js'
import type { TrustInput } from './input.js'
import { asFinding, finding, type Problem, problem, worst } from './result.js'
import type { Trusted } from './trust-root.js'

/** Where the batch stands in the log, by the proof's own path: nothing here needs a ledger. */
export function checkLogPath (crypto: Crypto, { header, logPath }: Proof): Problem | undefined {
  const number = Number(header.number)
  const range = rangeFromLastPath(number, logPath.map(fromHex))
  if (!isCompactRange(range)) return problem('LEDGER_LOG_PATH_DIFFERS', { batch: header.number })
  return toHex(rangeRoot(crypto, range)) === header.previousHead
    ? undefined
    : problem('LEDGER_PREVIOUS_HEAD_DIFFERS', { batch: header.number })
}

/** Whether the proof's header, and the head that its path leads to, are those on the ledger. */
export function checkEntry (crypto: Crypto, { header, logPath }: Proof, { entry }: LedgerFacts): Problem | undefined {
  const batch = header.number
  if (!equalBytes(batchHeaderBytes(entry.header), batchHeaderBytes(header))) return problem('LEDGER_HEADER_DIFFERS', { batch })
  const size = Number(batch) + 1
  const root = rootFromInclusion(crypto, batchLeaf(crypto, header), size - 1, size, logPath.map(fromHex))
  if (root === undefined) return problem('LEDGER_LOG_PATH_DIFFERS', { batch })
  return entry.head.size === String(size) && entry.head.root === toHex(root) ? undefined : problem('LEDGER_HEAD_DIFFERS', { batch })
}

/** The receipt in a proof is signed by a key that the ledger registered for its batch. A signature that fails is integrity's to say. */
export function checkReceiptKey (keys: ReceiptKeys, { receipt, header }: Proof): Problem | undefined {
  const { keyId } = receipt.statement
  const key = keys.get(keyId)
  if (key === undefined) return problem('RECEIPT_KEY_UNKNOWN', { keyId })
  const batch = Number(header.number)
  const inRange = Number(key.fromBatch) <= batch && (key.until === undefined || batch < Number(key.until))
  return inRange ? undefined : problem('RECEIPT_KEY_OUT_OF_RANGE', { keyId, batch: header.number })
}

/** Whether a receipt key signed the statement of a commit group; undefined when the key is not known. */
export function isReceiptSigned (crypto: Crypto, keys: ReceiptKeys, statement: CommitGroup, signature: string): boolean | undefined {
  const key = keys.get(statement.keyId)
  return key === undefined ? undefined : isGroupSigned(crypto, statement, signature, fromBase64url(key.spki))
}

/** The ledger finding. What differs comes before what could not be checked; who the organizations are comes last of all. */
export function ledgerFinding (
  crypto: Crypto, proof: Proof, trusted: Trusted, verdict: LedgerVerdict | undefined, terms: TrustInput
): Finding {
  const facts = verdict?.ok === true ? verdict.facts : undefined
  const against = worst([
    () => checkLogPath(crypto, proof),
    () => trusted.problem,
    () => otherLog(trusted, proof),
    () => verdict?.problem,
    () => facts === undefined ? undefined : checkEntry(crypto, proof, facts),
    () => trusted.root === undefined ? undefined : checkReceiptKey(trusted.root.keys, proof),
    () => facts === undefined ? undefined : checkWho(trusted, facts, terms)
  ])
  if (against !== undefined) return asFinding('ledger', against)
  // Without facts there was a problem: openTrust gives a root or a problem, and a verdict is facts or a problem.
  if (facts === undefined) return finding('ledger', 'LEDGER_WITHOUT_PROOF', {})
  return finding('ledger', isOneOperator(trusted) ? 'LEDGER_ONE_OPERATOR' : 'LEDGER_ENDORSED', signersOf(facts))
}

/** A bundle of another log says nothing of this proof, neither for nor against it. */
export function otherLog ({ root }: Trusted, { record }: Pick<Proof, 'record'>): Problem | undefined {
  return root === undefined || root.identity.log === record.log
    ? undefined
    : problem('BUNDLE_OF_ANOTHER_LOG', { expected: record.log, found: root.identity.log })
}

function checkWho (trusted: Trusted, facts: LedgerFacts, { minimumOrganizations: required = 0 }: TrustInput): Problem | undefined {
  const { trust } = trusted
  if (!isAccepted(trust.state)) {
    return problem('TRUST_NOT_PINNED', { ...signersOf(facts), fingerprint: trust.fingerprint ?? '', oneOperator: isOneOperator(trusted) })
  }
  const independent = independentOf(facts)
  return independent < required ? problem('TOO_FEW_ORGANIZATIONS', { required, independent }) : undefined
}

function isOneOperator ({ root }: Trusted): boolean {
  return root?.identity.kind === 'embedded-single' || root?.identity.entities.length === 1
}

function signersOf (facts: LedgerFacts): Signers {
  const { organizations, orderers, consenters, quorum, block, transaction, txId } = facts
  const { readAt, skewMs } = timeOnLedger(facts)
  return {
    endorsed: namesOf(facts.endorsers),
    organizations,
    independent: independentOf(facts),
    orderers,
    consenters,
    quorum,
    block,
    transaction,
    txId,
    foundBy: timeBound(readAt, skewMs)
  }
}
