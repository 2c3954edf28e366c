import type { Report } from '../core/findings.js'
import { fromHex } from '../core/bytes.js'
import { parseProof } from '../core/proof.js'
import type { Digests } from '../core/record.js'
import { createVerifier, type Verifier } from '../core/verify.js'
import type { Bundles, CurrentBundle } from './bundle.js'
import { type Context, timeText } from './context.js'
import type { Prover } from './prover.js'
import type { Reader } from './reader.js'

/** What somebody holds: the digests of a file, computed here or by them. */
export interface Held {
  readonly digests: Digests
  readonly size?: number
  readonly name?: string
}

/**
 * Verification for anybody. It is the same verifier that everybody can run offline, with the operator's own bundle, and the report says
 * so: without a pin, who the organizations are is not checked.
 */
export interface Verifying {
  byProof (held: Held, proof: Uint8Array): Report
  /**
   * By a number and a file. Undefined when there is no such deposit, and also when there is one and the file is another: whoever does not
   * hold the file learns nothing about what was deposited.
   */
  byNumber (held: Held, number: string): Promise<Report | undefined>
  /** Throws unless a deposit's proof, as stored now, satisfies the verifier. */
  selfCheck (sequence: number): Promise<void>
}

export class SelfCheckError extends Error {
  readonly code = 'SELF_CHECK_FAILED'
  constructor (report: Report) {
    super(`our own verifier does not accept the proof: ${report.findings.map(({ name, code }) => `${name} ${code}`).join(', ')}`)
    this.name = 'SelfCheckError'
  }
}

export function createVerifying (context: Context, prover: Prover, reader: Reader, bundles: Bundles): Verifying {
  // A trust bundle is opened once: its blocks and keys are the costly part of a verification.
  const verifiers = new Map<boolean, { of: CurrentBundle | undefined, verifier: Verifier }>()
  const verifierFor = (trustAsGiven: boolean): Verifier => {
    const current = bundles.fingerprint === undefined ? undefined : bundles.current()
    const known = verifiers.get(trustAsGiven)
    if (known !== undefined && known.of === current) return known.verifier
    const verifier = createVerifier(context.crypto, {
      ...(current === undefined ? {} : { bundle: current.bytes }), bundleSource: 'operator', trustAsGiven
    })
    verifiers.set(trustAsGiven, { of: current, verifier })
    return verifier
  }
  const run = (held: Held, proof: Uint8Array, trustAsGiven: boolean): Report => {
    const { sha256, sm3 } = held.digests
    return verifierFor(trustAsGiven).verify({
      proof,
      exhibit: {
        sha256: fromHex(sha256),
        ...(sm3 === undefined ? {} : { sm3: fromHex(sm3) }),
        ...(held.size === undefined ? {} : { size: BigInt(held.size) }),
        ...(held.name === undefined ? {} : { name: held.name })
      },
      now: timeText(context.clock())
    })
  }
  return {
    byProof: (held, proof) => run(held, proof, false),
    async byNumber (held, number) {
      const found = await reader.anyDeposit(number)
      if (found === undefined || !isSame(found.record.content.digests, held.digests)) return undefined
      return run(held, await prover.prove(found), false)
    },
    async selfCheck (sequence) {
      const proof = await prover.prove({ sequence })
      const { digests, size } = parseProof(proof).record.content
      bundles.current() // without a bundle there is nothing to check against: wait for it
      const report = run({ digests, ...(size === undefined ? {} : { size: Number(size) }) }, proof, true)
      if (report.exitCode !== 0) throw new SelfCheckError(report)
    }
  }
}

/** Every digest that both state must be equal, and SHA-256 is stated by both. */
function isSame (deposited: Digests, held: Digests): boolean {
  return deposited.sha256 === held.sha256 && (deposited.sm3 === undefined || held.sm3 === undefined || deposited.sm3 === held.sm3)
}
