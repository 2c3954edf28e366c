import type { AttestedBatch } from '../store/anchors.js'

/** Members of a steelyard/proof/v1, each as its JCS text. */
export interface ProofParts {
  readonly attestations?: string
  readonly batchPath: string
  readonly closedHead?: string
  readonly disclosures: string | undefined
  readonly header: string
  readonly identities?: string
  readonly logPath: string
  readonly receiptPath: string
  /** {signature, statement} */
  readonly group: string
  readonly record: string
}

/** JCS of a whole proof out of the JCS of its parts: members in their order. Tests hold it to core's `proofBytes`. */
export function proofText (parts: ProofParts): string {
  const { attestations, batchPath, closedHead, disclosures, header, identities, logPath, receiptPath, group, record } = parts
  return '{' + (attestations === undefined ? '' : `"attestations":${attestations},`) +
    `"batchPath":${batchPath}` +
    (closedHead === undefined ? '' : `,"closedHead":${closedHead}`) +
    (disclosures === undefined ? '' : `,"disclosures":${disclosures}`) +
    `,"header":${header}` +
    (identities === undefined ? '' : `,"identities":${identities}`) +
    `,"logPath":${logPath},"receipt":{"path":${receiptPath},${group.slice(1)},"record":${record},"type":"steelyard/proof/v1"}`
}

/** The ledger's part of a proof. */
export function attestedText ({ location, block, readback, identities }: AttestedBatch): { attestations: string, identities: string } {
  return {
    attestations: `[{"data":${block.slice(0, -1)},"transaction":"${location.transaction}"},"target":"batch","type":"fabric-block/v1"},` +
      `{"data":${readback},"target":"batch","type":"fabric-readback/v1"}]`,
    identities: `{${identities.map(([hash, identity]) => `"${hash}":"${identity}"`).join(',')}}`
  }
}

/** The path of a batch to a closed head of that size. */
export function closedHeadText (size: number, path: readonly string[]): string {
  return `{"path":${pathText(path)},"size":"${size}"}`
}

/** JCS of hashes in hexadecimal. */
export function pathText (hashes: readonly string[]): string {
  return hashes.length === 0 ? '[]' : `["${hashes.join('","')}"]`
}
