import { compareBatch, compareProof, type StatedBatch } from '../../core/audit/compare-proof.js'
import { toHex } from '../../core/bytes.js'
import { dataHash, headerHash } from '../../core/fabric/block.js'
import { decodeBlock } from '../../core/fabric/history.js'
import { fabricBlock, type FabricReadback, parseProof } from '../../core/proof.js'
import type { BlockData } from '../../core/proof.js'
import type { TrustBundle } from '../../core/trust-bundle.js'
import type { View } from '../../store/maintenance.js'
import { readAttestations } from '../fsck/attestations.js'
import { readLogIdentity } from '../fsck/service.js'
import type { Findings } from '../report.js'
import { endOf, readable, readHeader } from '../stored.js'
import type { Audited } from './audit.js'

/** A proof file, whoever it came from. */
export interface ProofFile { readonly name: string, readonly bytes: Uint8Array }

/** Compares proof files with the channel. */
export async function compareProofs (
  files: AsyncIterable<ProofFile>, { crypto, chaincode, log, height }: Audited, findings: Findings
): Promise<void> {
  let position = 0
  for await (const { name, bytes } of files) {
    position++
    const object = `proof ${name}`
    const proof = readable(() => parseProof(bytes))
    if (proof === undefined) {
      findings.couldNotCheck(object, 'it is not a proof, or was re-saved')
      continue
    }
    const { differs, missing, doubt } = compareProof(crypto, chaincode, log, height, proof)
    if (doubt !== undefined) {
      findings.couldNotCheck(object, doubt)
      continue
    }
    findings.count('proofs')
    tell(findings, object, differs, missing, position)
  }
}

/** Compares every batch that a service's data folder calls anchored, with its attestations where it has them. */
export async function compareData (view: View, { crypto, chaincode, log }: Audited, findings: Findings): Promise<void> {
  const origin = (await readLogIdentity(view))?.origin
  if (origin === undefined) {
    findings.couldNotCheck('the data folder', 'no log was opened in it')
    return
  }
  const batches = await endOf(view, 'h')
  const size = Number(log.head(origin)?.size ?? 0)
  for (let number = 0; number < Math.min(batches, size); number++) {
    const header = await readHeader(view, number)
    const entry = log.entry(origin, String(number))
    const object = `batch ${number}`
    if (header === undefined || entry === undefined) tell(findings, object, ['it cannot be read, here or on the ledger'], [], number)
    else tell(findings, object, compareBatch(crypto, chaincode, entry, { header: header.bytes, ...await attested(view, number) }).differs, [], number)
    findings.count('batches of the data folder')
  }
  for (let number = batches; number < size; number++) tell(findings, `batch ${number}`, ['the ledger has it and the data folder does not'], [], number)
  if (batches > size) findings.note(`${batches - size} batches of the data folder are not in these blocks: they are newer, or wait for the ledger`)
}

async function attested (view: View, number: number): Promise<Omit<StatedBatch, 'header'>> {
  const stored = await readAttestations(view, number)
  if (typeof stored === 'string') return {} // not final yet; `fsck` says what is missing
  const [block, readback] = stored.attestations.map(({ data }) => data)
  return { block: fabricBlock(block, 'block'), readback: readback as unknown as FabricReadback }
}

function tell (findings: Findings, object: string, differs: readonly string[], missing: readonly string[], position: number): void {
  if (differs.length > 0) findings.differs({ layer: 'proof', object, code: 'PROOF_DIFFERS', says: differs.join('; ') }, position)
  else if (missing.length > 0) findings.note(`${object} is older than the ledger's part of it and was compared without ${missing.join(' and ')}`)
}

/** The trust bundle's history against the channel's: the same configurations, the same definitions. One that is older has fewer. */
export function compareBundle ({ identity, history }: TrustBundle, audited: Audited, findings: Findings): void {
  const { crypto, height, configurations, definitions, channel } = audited
  const differs = (says: string): void => { findings.differs({ layer: 'channel', object: 'the trust bundle', code: 'BUNDLE_DIFFERS', says }, height * 2 ** 22) }
  if (identity.channel !== channel) differs(`it is of the channel ${identity.channel}, not of ${channel}`)
  const check = (what: string, blocks: readonly BlockData[], known: ReadonlyMap<number, string>): void => {
    for (const block of blocks) {
      const { number, previousHash, data } = decodeBlock(block)
      if (Number(number) >= height) findings.note(`the trust bundle knows of block ${number}, which is not among these blocks`)
      else if (known.get(Number(number)) !== toHex(headerHash(crypto, { number, previousHash, dataHash: dataHash(crypto, data) }))) {
        differs(`its ${what} of block ${number} is not the channel's`)
      }
    }
    const newest = Math.max(0, ...blocks.map(({ number }) => Number(number)))
    const left = [...known.keys()].filter((number) => number > 0 && number < newest && !blocks.some((block) => Number(block.number) === number))
    if (what === 'configuration' && left.length > 0) differs(`it leaves out the ${what} of block ${left[0] ?? ''}`)
  }
  check('configuration', history.configs, configurations)
  check('definition', history.definitions.map(({ block }) => block), definitions)
}
