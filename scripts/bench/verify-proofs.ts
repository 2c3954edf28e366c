/** Verifies a file of proofs, a line each, against a trust bundle, as somebody does who has just started the verifier. */
import { closeSync, openSync, readFileSync, readSync } from 'node:fs'
import { fromHex } from '../../src/core/bytes.js'
import { createVerifier } from '../../src/core/verify.js'
import { nodeCrypto } from '../../src/platform/node.js'

export interface VerifyTimes {
  /** Milliseconds for the opening of the trust bundle, the first thing that the process does. */
  readonly opening: number
  /** Milliseconds for the first proof after that. */
  readonly first: number
  /** Proofs a second, for all of them. */
  readonly rate: number
}

interface Held { readonly bytes: Uint8Array, readonly sha256: Uint8Array }

/** Most bytes of one proof. */
const MOST = 512 * 1024

function proofsIn (file: Buffer, most: number): Held[] {
  const proofs: Held[] = []
  for (let at = 0; at < file.length && proofs.length < most;) {
    const end = file.indexOf(0x0a, at)
    const bytes = new Uint8Array(file.subarray(at, end))
    const sha256 = /"content":\{"digests":\{"sha256":"([0-9a-f]{64})"/.exec(file.toString('latin1', at, end))?.[1]
    proofs.push({ bytes, sha256: fromHex(sha256 ?? '') })
    at = end + 1
  }
  return proofs
}

/** Whoever verifies one proof has not read thousands. */
function firstIn (path: string): Held {
  const file = openSync(path, 'r')
  const start = Buffer.alloc(MOST)
  const [first] = proofsIn(start.subarray(0, readSync(file, start, 0, MOST, 0)), 1)
  closeSync(file)
  if (first === undefined) throw new Error('there is no proof')
  return first
}

const [proofsPath = '', bundlePath = ''] = process.argv.slice(2)
const bundle = new Uint8Array(readFileSync(bundlePath))
const one = firstIn(proofsPath)
const now = new Date().toISOString()

const began = performance.now()
const fresh = createVerifier(nodeCrypto, { bundle, bundleSource: 'given', trustAsGiven: true })
const opened = performance.now()
const report = fresh.verify({ proof: one.bytes, exhibit: { sha256: one.sha256 }, now })
const first = performance.now() - opened
if (report.exitCode !== 0) throw new Error(`a proof was not accepted: ${JSON.stringify(report.findings)}`)

const proofs = proofsIn(readFileSync(proofsPath), Infinity)
const start = performance.now()
const verifier = createVerifier(nodeCrypto, { bundle, bundleSource: 'given', trustAsGiven: true })
for (const { bytes, sha256 } of proofs) {
  if (verifier.verify({ proof: bytes, exhibit: { sha256 }, now }).exitCode !== 0) throw new Error('a proof was not accepted')
}
const rate = proofs.length / ((performance.now() - start) / 1000)
process.send?.({ opening: opened - began, first, rate } satisfies VerifyTimes, () => process.exit())
