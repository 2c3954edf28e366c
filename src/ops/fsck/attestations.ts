import type { BatchHeader } from '../../core/batch.js'
import { fromHex, fromUtf8, toHex } from '../../core/bytes.js'
import type { Json } from '../../core/jcs.js'
import { type CompactRange, inclusionPath } from '../../core/merkle.js'
import { type Attestation, blockData, type BlockData, type Identities, type Proof, proofBytes } from '../../core/proof.js'
import type { EvidenceRecord } from '../../core/record.js'
import type { Verifier } from '../../core/verify/verifier.js'
import type { Location } from '../../store/anchors.js'
import { numberKey, textKey } from '../../store/keys.js'
import type { View } from '../../store/maintenance.js'
import { isCount } from '../../store/mark.js'
import { parseGroup } from '../../store/stored-group.js'
import type { Difference } from '../report.js'
import { parseJson, readable, readReadback } from '../stored.js'
import type { Check } from './check.js'
import { numberKeyOf } from './position.js'

/** What is needed of a batch to put the proof of its first deposit together. */
export interface ProvenBatch {
  readonly number: number
  readonly first: number
  readonly header: BatchHeader
  readonly record: EvidenceRecord | undefined
  /** The leaf hashes that were sealed. */
  readonly leaves: readonly Uint8Array[]
  /** The log before it. */
  readonly range: CompactRange
}

/**
 * The ledger's signatures as they are stored: for each batch that is final, the proof of its first deposit is put together from the
 * database and given to the verifier that everybody can run, with the stored trust bundle taken as given.
 */
export interface AttestationCheck {
  check (batch: ProvenBatch): Promise<void>
}

export interface AttestationOptions {
  /** Batches up to this one, without, are final; others may be, if their mark was lost. */
  readonly final: number
  /** Undefined: there is no bundle to verify with. */
  readonly verifier: Verifier | undefined
  readonly now: string
}

export function createAttestationCheck (check: Check, { final, verifier, now }: AttestationOptions): AttestationCheck {
  const { view, findings } = check
  return {
    async check (batch) {
      if (batch.number >= final && await view.get(numberKey('c', batch.number)) === undefined) return // it waits for the ledger
      const object = objectOf(batch.number)
      const stored = await readAttestations(view, batch.number)
      if (typeof stored === 'string') {
        findings.differs(attestationDifference(batch.number, stored), batch.number)
        return
      }
      const proof = verifier === undefined ? undefined : await assemble(check, batch, stored)
      if (verifier === undefined || proof === undefined) {
        findings.count('attestations not verified')
        return
      }
      findings.count('attestations')
      const { sha256, sm3 } = proof.record.content.digests
      const exhibit = { sha256: fromHex(sha256), ...(sm3 === undefined ? {} : { sm3: fromHex(sm3) }) }
      const report = verifier.verify({ proof: proofBytes(proof), exhibit, now })
      const wrong = report.findings.filter(({ state }) => state === 'differs' || state === 'could-not-check').map(({ code }) => code).join(', ')
      if (report.exitCode === 1) {
        findings.differs({ layer: 'attestation', object, code: 'ATTESTATION_DIFFERS', says: `the verifier does not accept the proof of record ${batch.first} (${wrong})` }, batch.number)
      } else if (report.exitCode === 2) findings.couldNotCheck(object, wrong)
    }
  }
}

const objectOf = (number: number): string => `attestations of batch ${number}`

/** The difference of a batch whose attestations cannot be read, by what `readAttestations` says of it. */
export function attestationDifference (number: number, says: string): Difference {
  const code = says.startsWith('there is no') ? 'ATTESTATION_MISSING' : 'ATTESTATION_DIFFERS'
  return { layer: 'attestation', object: objectOf(number), code, says }
}

interface Stored { readonly attestations: Attestation[], readonly identities: Identities }

/** The stored attestations of a batch, or what is wrong with them. */
export async function readAttestations (view: View, number: number): Promise<Stored | string> {
  const location = parseJson<Partial<Location> | null>(await view.get(numberKey('a', number))) ?? {}
  const readback = await readReadback(view, number)
  if (readback === undefined) {
    return await view.get(numberKey('c', number)) === undefined ? 'there is no read-back' : 'the read-back cannot be read'
  }
  if (!isCount(location.transaction)) return 'there is no readable note of where the ledger has it'
  const block = await readBlock(view, location.block)
  if (typeof block === 'string') return block
  const identities: Record<string, string> = {}
  for (const { identity } of readback.endorsements) {
    const found = await view.get(textKey('i', identity))
    const text = found === undefined ? undefined : readable(() => fromUtf8(found))
    if (text === undefined) return `there is no identity ${identity}`
    identities[identity] = text
  }
  const data = { ...block, data: [...block.data], transaction: String(location.transaction) }
  return {
    attestations: [
      { type: 'fabric-block/v1', target: 'batch', data },
      { type: 'fabric-readback/v1', target: 'batch', data: JSON.parse(JSON.stringify(readback)) as Json }
    ],
    identities
  }
}

async function readBlock (view: View, number: string | undefined): Promise<BlockData | string> {
  const key = numberKeyOf('b', number)
  if (key === undefined) return 'there is no readable note of where the ledger has it'
  const bytes = await view.get(key)
  if (bytes === undefined) return `there is no block ${number}`
  const parsed = readable(() => blockData(JSON.parse(bytes.toString()), 'block'))
  return parsed ?? `block ${number} cannot be read`
}

/** Undefined when record or commit group cannot serve: what is wrong with them has been named. */
async function assemble (check: Check, { first, header, record, leaves, range }: ProvenBatch, stored: Stored): Promise<Proof | undefined> {
  const receipt = record === undefined ? undefined : await receiptOf(check, first)
  if (record === undefined || receipt === undefined || check.findings.isNamed(`record ${first}`)) return undefined
  return {
    type: 'steelyard/proof/v1',
    record,
    receipt,
    batchPath: inclusionPath(check.crypto, leaves, 0).map(toHex),
    header,
    logPath: [...range.hashes].reverse().map(toHex),
    ...stored
  }
}

async function receiptOf ({ view, crypto, findings }: Check, sequence: number): Promise<Proof['receipt'] | undefined> {
  const found = await view.floor(numberKey('g', sequence))
  const group = found === undefined ? undefined : parseGroup(found[1])
  if (group === undefined) return undefined
  const { firstSequence, groupSize } = group.statement
  if (findings.isNamed(`commit group ${firstSequence}`) || findings.isNamed(`leaves of commit group ${firstSequence}`)) return undefined
  if (Number(groupSize) === 1) return { ...group, path: [] }
  const leaves = await view.get(numberKey('e', Number(firstSequence)))
  const index = sequence - Number(firstSequence) // negative where another group's statement lies under this key
  if (leaves === undefined || leaves.length !== Number(groupSize) * 32 || index < 0 || index >= Number(groupSize)) return undefined
  const hashes = Array.from({ length: Number(groupSize) }, (_, i) => leaves.subarray(i * 32, (i + 1) * 32))
  return { ...group, path: inclusionPath(crypto, hashes, index).map(toHex) }
}
