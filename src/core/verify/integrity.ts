import { fromHex, toHex } from '../bytes.js'
import type { Crypto } from '../crypto.js'
import type { Finding } from '../findings.js'
import { leafHash, verifyInclusion } from '../merkle.js'
import { disclosuresInOrder, FIELD, verifyDisclosure } from '../metadata.js'
import type { Proof } from '../proof.js'
import { checkReceiptPosition } from '../receipt.js'
import { type EvidenceRecord, recordBytes } from '../record.js'
import type { Exhibit } from './input.js'
import { asFinding, finding, type Problem, problem, worst } from './result.js'

/** Whether the record, its disclosed fields and its receipt are what the batch holds; nothing here needs a ledger. */
export function checkProofLinks (crypto: Crypto, proof: Proof): Problem | undefined {
  return worst([
    () => checkLog(proof), () => checkPosition(crypto, proof), () => checkDisclosures(crypto, proof), () => checkReceiptBinding(crypto, proof)
  ])
}

function checkLog ({ record, header, receipt }: Proof): Problem | undefined {
  const found = [header.log, receipt.statement.log].find((log) => log !== record.log)
  return found === undefined ? undefined : problem('OTHER_LOG', { expected: record.log, found })
}

function checkPosition (crypto: Crypto, { record, header, batchPath }: Proof): Problem | undefined {
  const index = Number(record.sequence) - Number(header.first)
  const size = Number(header.size)
  if (index < 0 || index >= size) {
    return problem('RECORD_OUTSIDE_BATCH', { sequence: record.sequence, first: header.first, size: header.size })
  }
  return verifyInclusion(crypto, leafHash(crypto, recordBytes(record)), index, size, batchPath.map(fromHex), fromHex(header.root))
    ? undefined
    : problem('RECORD_NOT_IN_BATCH', { sequence: record.sequence, batch: header.number })
}

function checkDisclosures (crypto: Crypto, { record, disclosures }: Proof): Problem | undefined {
  if (disclosures === undefined) return undefined
  const { metadata } = record
  const wrong = metadata === undefined || !disclosuresInOrder(disclosures)
    ? disclosures[0]
    : disclosures.find((one) => !verifyDisclosure(crypto, metadata, one))
  return wrong === undefined ? undefined : problem('DISCLOSURE_DIFFERS', { name: wrong.name })
}

function checkReceiptBinding (crypto: Crypto, { record, receipt }: Proof): Problem | undefined {
  const verdict = checkReceiptPosition(crypto, receipt, record)
  return verdict === 'ok' ? undefined : problem('RECEIPT_DOES_NOT_BIND', { verdict })
}

/** What an exhibit is compared with: what was deposited, only if the operator's signature or the ledger says so. */
export type Basis = 'deposited' | 'proof' | 'receipt'
const EQUAL_TO = { deposited: 'EXHIBIT_EQUAL', proof: 'EXHIBIT_EQUAL_TO_PROOF', receipt: 'EXHIBIT_EQUAL_TO_RECEIPT' } as const

/** The integrity finding of a record whose place is settled: how the exhibit compares with what was deposited. */
export function compareExhibit (record: EvidenceRecord, exhibit: Exhibit | undefined, basis: Basis, proof?: Proof): Finding {
  const { digests, size } = record.content
  if (exhibit === undefined) return finding('integrity', 'EXHIBIT_MISSING', digests)
  const difference = differenceOf(record, exhibit)
  if (difference !== undefined) return asFinding('integrity', difference)
  const name = exhibit.name ?? disclosedText(proof, FIELD.fileName)
  return finding('integrity', EQUAL_TO[basis], {
    ...digests,
    ...(size === undefined ? {} : { size }),
    ...(name === undefined ? {} : { name }),
    sm3Compared: digests.sm3 !== undefined && exhibit.sm3 !== undefined
  })
}

function differenceOf (record: EvidenceRecord, exhibit: Exhibit): Problem | undefined {
  const { digests, size } = record.content
  const found = { sha256: toHex(exhibit.sha256), ...(exhibit.sm3 === undefined ? {} : { sm3: toHex(exhibit.sm3) }) }
  const isEqual = found.sha256 === digests.sha256
  // When one side has no SM3, SHA-256 decides alone.
  const hasBoth = found.sm3 !== undefined && digests.sm3 !== undefined
  if (hasBoth && (found.sm3 === digests.sm3) !== isEqual) return problem('DIGESTS_DISAGREE', { deposited: digests, found })
  if (isEqual) return sizeDifference(size, exhibit.size)
  const isStored = found.sha256 === record.stored?.digests.sha256
  return problem(isStored ? 'EXHIBIT_IS_STORED_FORM' : 'EXHIBIT_DIFFERS', { deposited: digests, found })
}

function sizeDifference (deposited: string | undefined, found: bigint | undefined): Problem | undefined {
  return deposited === undefined || found === undefined || found === BigInt(deposited)
    ? undefined
    : problem('SIZE_DIFFERS', { deposited, found: String(found) })
}

/** A disclosed field that is text; call it only once the disclosures were checked. */
export function disclosedText (proof: Proof | undefined, name: string): string | undefined {
  const value = proof?.disclosures?.find((one) => one.name === name)?.value
  return typeof value === 'string' ? value : undefined
}
