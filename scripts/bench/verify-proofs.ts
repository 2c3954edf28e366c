/** Verifies a file of proofs, a line each, against a trust bundle, as somebody does who has just started the verifier. */
import { readFileSync } from 'node:fs'
import { fromHex } from '../../src/core/bytes.js'
import { createVerifier, verify } from '../../src/core/verify.js'
import { nodeCrypto } from '../../src/platform/node.js'

export interface VerifyTimes {
  /** Milliseconds for the first proof, the opening of the trust bundle included. */
  readonly first: number
  /** Proofs a second, for all of them. */
  readonly rate: number
}

const [proofsPath = '', bundlePath = ''] = process.argv.slice(2)
const bundle = new Uint8Array(readFileSync(bundlePath))
const file = readFileSync(proofsPath)
const proofs: { bytes: Uint8Array, sha256: Uint8Array }[] = []
for (let at = 0; at < file.length;) {
  const end = file.indexOf(0x0a, at)
  const bytes = new Uint8Array(file.subarray(at, end))
  const sha256 = /"content":\{"digests":\{"sha256":"([0-9a-f]{64})"/.exec(file.toString('latin1', at, end))?.[1]
  proofs.push({ bytes, sha256: fromHex(sha256 ?? '') })
  at = end + 1
}
const now = new Date().toISOString()

const began = performance.now()
const [one] = proofs
if (one === undefined) throw new Error('there is no proof')
const report = verify(nodeCrypto, { bundle, bundleSource: 'given', trustAsGiven: true, proof: one.bytes, exhibit: { sha256: one.sha256 }, now })
const first = performance.now() - began
if (report.exitCode !== 0) throw new Error(`a proof was not accepted: ${JSON.stringify(report.findings)}`)

const start = performance.now()
const verifier = createVerifier(nodeCrypto, { bundle, bundleSource: 'given', trustAsGiven: true })
for (const { bytes, sha256 } of proofs) {
  if (verifier.verify({ proof: bytes, exhibit: { sha256 }, now }).exitCode !== 0) throw new Error('a proof was not accepted')
}
process.send?.({ first, rate: proofs.length / ((performance.now() - start) / 1000) } satisfies VerifyTimes, () => process.exit())
