/** A log on four organizations, two batches of it, and what the verifier says of its proofs. */
import type { FindingCode, FindingName, Report } from '../../src/core/findings.js'
import { jcs, jcsBytes } from '../../src/core/jcs.js'
import type { VerifyInput } from '../../src/core/verify/input.js'
import { verify } from '../../src/core/verify/verifier.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { EvidenceWorld, type Made, NOW } from './evidence-world.js'

export const world = new EvidenceWorld()
export const FIELDS = [{ name: 'case', value: '(2026) 1' }, { name: 'created', value: '2026-11-20' }, { name: 'fileName', value: '合同.pdf' }]
export const batch = world.anchor([{}, { fields: FIELDS, disclose: ['created', 'fileName'] }, {}, {}, {}])
export const later = world.anchor([{}, {}, {}])
export const good = batch[1] as Made
export const bundle = world.bundleBytes()
export const pins = [{ fingerprint: world.fingerprint, pinnedOn: '2026-10-01', from: 'court' }]

/** What is said of a proof, with the bundle and the pin of its log. */
export function check (made: Pick<Made, 'bytes' | 'exhibit'>, input: Partial<VerifyInput> = {}): Report {
  return verify(nodeCrypto, { proof: made.bytes, exhibit: made.exhibit, bundle, bundleSource: 'given', pins, now: NOW, ...input })
}

/** The code of one finding. */
export function code (report: Report, name: FindingName): FindingCode | undefined {
  return report.findings.find((one) => one.name === name)?.code
}

/** The same proof with something changed; its exhibit is what it was. */
export function edit (made: Made, change: (proof: Record<string, any>) => void): Made {
  const proof = JSON.parse(jcs(made.proof)) as Record<string, any>
  change(proof)
  return { ...made, bytes: jcsBytes(proof) }
}

/** One batch more, made otherwise; its first proof and a bundle that knows it. */
export function otherwise (options: Parameters<EvidenceWorld['anchor']>[1], in_ = new EvidenceWorld()): Report {
  const [made] = in_.anchor([{}], options)
  return check(made as Made, { bundle: in_.bundleBytes(), pins: [{ fingerprint: in_.fingerprint }] })
}
