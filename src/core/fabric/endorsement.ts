import type { Crypto } from '../crypto.js'
import type { ChannelConfig } from './config.js'
import { verifyLowS } from './ecdsa.js'
import { type MspReason, type MspRole, type MspVerdict, validateIdentity } from './msp.js'
import { type EndorsementPolicy, evaluatePolicy, evaluateSignatureRule, isSupportedPolicy, isSupportedRule, type PolicySigner } from './policy.js'
import { FabricRefusal } from './refusal.js'
import { type Endorsement, endorsedBytes } from './transaction.js'
import type { Certificate } from './x509.js'

/** An organization whose peer signed, verified. */
export interface Endorser {
  readonly mspId: string
  readonly role: MspRole
  readonly roles: readonly MspRole[]
  readonly identity: Uint8Array
  readonly certificate: Certificate
}

/** An endorser that no CA of the configuration issued; in evidence newer than the trust bundle that proves nothing. */
export class UnknownEndorser extends FabricRefusal {}

const NOT_FROM_HERE: readonly MspReason[] = ['MSP_UNKNOWN', 'ISSUER_UNKNOWN']

/**
 * Every endorsement must be by a peer of the configuration and verify, and each by another organization: one that fails or is
 * superfluous is refused, so that no byte of the evidence goes unauthenticated. Whether they suffice is the policy's to say.
 */
export function requireEndorsements (
  crypto: Crypto, config: ChannelConfig, responsePayload: Uint8Array, endorsements: readonly Endorsement[]
): Endorser[] {
  const seen = new Set<string>()
  return endorsements.map(({ endorser, signature }) => {
    const verdict = requirePeer(validateIdentity(config.applicationMsps, endorser))
    if (seen.has(verdict.mspId)) throw new FabricRefusal('ENDORSER_TWICE', `two endorsements by ${verdict.mspId}`)
    seen.add(verdict.mspId)
    if (!verifyLowS(crypto, verdict.certificate.publicKey, endorsedBytes(responsePayload, endorser), signature)) {
      throw new FabricRefusal('ENDORSER_SIGNATURE', `the endorsement by ${verdict.mspId} does not verify`)
    }
    return { ...verdict, identity: endorser }
  })
}

function requirePeer (verdict: MspVerdict): Extract<MspVerdict, { ok: true }> {
  if (verdict.ok) {
    if (verdict.role === 'peer') return verdict
    throw new FabricRefusal('ENDORSER', `an endorser with the role ${verdict.role}`)
  }
  if (verdict.reason === 'IDENTITY_UNSUPPORTED') throw new FabricRefusal('UNSUPPORTED', 'an endorser with an unsupported key')
  const detail = `an endorser that is no identity of the channel (${verdict.reason})`
  throw NOT_FROM_HERE.includes(verdict.reason) ? new UnknownEndorser('ENDORSER', detail) : new FabricRefusal('ENDORSER', detail)
}

/** The endorsers together satisfy the policy, as the configuration has it. */
export function requirePolicy (config: ChannelConfig, policy: EndorsementPolicy, endorsers: readonly Endorser[]): void {
  if (satisfies(config, policy, endorsers)) return
  throw new FabricRefusal(isDecided(config, policy) ? 'ENDORSEMENT_POLICY' : 'UNSUPPORTED',
    `the endorsements by ${endorsers.map(({ mspId }) => mspId).join(', ')} do not satisfy the policy`)
}

/** Whether signers whose signatures were verified satisfy a policy. */
export function satisfies (config: ChannelConfig, policy: EndorsementPolicy, endorsers: readonly PolicySigner[]): boolean {
  return policy.kind === 'reference'
    ? evaluatePolicy(config.policies, policy.path, endorsers)
    : evaluateSignatureRule(policy.rule, endorsers)
}

/** Whether a policy that is not satisfied would not be either if every kind of policy were read here. */
export function isDecided (config: ChannelConfig, policy: EndorsementPolicy): boolean {
  return policy.kind === 'reference' ? isSupportedPolicy(config.policies, policy.path) : isSupportedRule(policy.rule)
}

/** Whether those of the identities that are peers of this configuration, each organization once, satisfy the policy. */
export function isEndorsedUnder (config: ChannelConfig, policy: EndorsementPolicy, identities: readonly Uint8Array[]): boolean {
  const peers = identities.flatMap((identity) => {
    const verdict = validateIdentity(config.applicationMsps, identity)
    return verdict.ok && verdict.role === 'peer' ? [{ ...verdict, identity }] : []
  })
  return satisfies(config, policy, peers)
}
