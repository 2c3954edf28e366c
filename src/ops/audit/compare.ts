import { compareBatch, compareProof, type StatedBatch } from '../../core/audit/compare-proof.js'
import { AUDIT_SAYS, BUNDLE_SAYS, joined, PROOF_SAYS } from '../../core/audit-wording.js'
import { toHex } from '../../core/bytes.js'
import type { Sentences } from '../../core/findings.js'
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
import { tellingOf } from './telling.js'

/** A proof file, whoever it came from. */
export interface ProofFile { readonly name: string, readonly bytes: Uint8Array }

/** Compares proof files with the channel. */
export async function compareProofs (
  files: AsyncIterable<ProofFile>, { crypto, chaincode, log, height }: Audited, findings: Findings
): Promise<void> {
  const telling = tellingOf(findings)
  let position = 0
  for await (const { name, bytes } of files) {
    position++
    const object = AUDIT_SAYS.proof(name)
    const proof = readable(() => parseProof(bytes))
    if (proof === undefined) {
      telling.couldNotCheck(object, PROOF_SAYS.noProof)
      continue
    }
    const { differs, missing, doubt } = compareProof(crypto, chaincode, log, height, proof)
    if (doubt !== undefined) {
      telling.couldNotCheck(object, doubt)
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
    tellingOf(findings).couldNotCheck(AUDIT_SAYS.dataFolder, PROOF_SAYS.noLog)
    return
  }
  const batches = await endOf(view, 'h')
  const size = Number(log.head(origin)?.size ?? 0)
  for (let number = 0; number < Math.min(batches, size); number++) {
    const header = await readHeader(view, number)
    const entry = log.entry(origin, String(number))
    const object = AUDIT_SAYS.batch(number)
    if (header === undefined || entry === undefined) tell(findings, object, [PROOF_SAYS.unreadable], [], number)
    else tell(findings, object, compareBatch(crypto, chaincode, entry, { header: header.bytes, ...await attested(view, number) }).differs, [], number)
    findings.count('batches of the data folder')
  }
  for (let number = batches; number < size; number++) tell(findings, AUDIT_SAYS.batch(number), [PROOF_SAYS.notHere], [], number)
  if (batches > size) tellingOf(findings).note(AUDIT_SAYS.newerBatches(batches - size))
}

async function attested (view: View, number: number): Promise<Omit<StatedBatch, 'header'>> {
  const stored = await readAttestations(view, number)
  if (typeof stored === 'string') return {} // not final yet; `fsck` says what is missing
  const [block, readback] = stored.attestations.map(({ data }) => data)
  return { block: fabricBlock(block, 'block'), readback: readback as unknown as FabricReadback }
}

function tell (findings: Findings, object: Sentences, differs: readonly Sentences[], missing: readonly Sentences[], position: number): void {
  const telling = tellingOf(findings)
  if (differs.length > 0) telling.differs({ layer: 'proof', object, code: 'PROOF_DIFFERS', says: joined(differs) }, position)
  else if (missing.length > 0) telling.note(AUDIT_SAYS.olderProof(object, missing))
}

/** The trust bundle's history against the channel's: the same configurations, the same definitions. One that is older has fewer. */
export function compareBundle ({ identity, history }: TrustBundle, audited: Audited, findings: Findings): void {
  const { crypto, height, configurations, definitions, channel } = audited
  const telling = tellingOf(findings)
  const differs = (says: Sentences): void => {
    telling.differs({ layer: 'channel', object: AUDIT_SAYS.bundle, code: 'BUNDLE_DIFFERS', says }, height * 2 ** 22)
  }
  if (identity.channel !== channel) differs(BUNDLE_SAYS.channel(identity.channel, channel))
  const check = (what: Sentences, blocks: readonly BlockData[], known: ReadonlyMap<number, string>): void => {
    for (const block of blocks) {
      const { number, previousHash, data } = decodeBlock(block)
      if (Number(number) >= height) telling.note(AUDIT_SAYS.newerBundle(String(number)))
      else if (known.get(Number(number)) !== toHex(headerHash(crypto, { number, previousHash, dataHash: dataHash(crypto, data) }))) {
        differs(BUNDLE_SAYS.block(what, String(number)))
      }
    }
    const newest = Math.max(0, ...blocks.map(({ number }) => Number(number)))
    const left = [...known.keys()].filter((number) => number > 0 && number < newest && !blocks.some((block) => Number(block.number) === number))
    if (what === BUNDLE_SAYS.configuration && left[0] !== undefined) differs(BUNDLE_SAYS.leavesOut(what, left[0]))
  }
  check(BUNDLE_SAYS.configuration, history.configs, configurations)
  check(BUNDLE_SAYS.definition, history.definitions.map(({ block }) => block), definitions)
}
