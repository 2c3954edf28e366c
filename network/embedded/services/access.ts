import { verifyLowS } from '../../../src/core/fabric/ecdsa.js'
import { parseSerializedIdentity, type MspReason } from '../../../src/core/fabric/msp.js'
import { evaluatePolicy } from '../../../src/core/fabric/policy.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import type { Channel } from '../channel.js'

/** A message, who claims to have sent it, and the claim's proof. */
export interface SignedMessage {
  /** `msp.SerializedIdentity` bytes. */
  readonly identity: Uint8Array
  readonly message: Uint8Array
  readonly signature: Uint8Array
}

/** Why a sender was refused. */
export type Refusal =
  | 'UNKNOWN_ORGANIZATION' // not an identity, or of an organization that is not in the channel
  | 'INVALID_CERTIFICATE' // its organization did not issue it, or revoked it
  | 'BAD_SIGNATURE' // wrong, not canonical DER, or high S
  | 'NOT_AUTHORIZED' // genuine, but the policy asks for someone else

/** Channel policies that the services ask for, by Fabric's default access list. */
export type AccessPolicy = '/Channel/Application/Readers' | '/Channel/Application/Writers' | '/Channel/Readers'

export type Access =
  | { readonly ok: true, readonly mspId: string }
  | { readonly ok: false, readonly refusal: Refusal, readonly mspId: string }

/** Is the message genuine, and does `policy` let its sender do this? */
export function checkAccess (channel: Channel, policy: AccessPolicy, { identity, message, signature }: SignedMessage): Access {
  const verdict = channel.validateCreator(identity)
  if (!verdict.ok) return refuseIdentity(identity, verdict.reason)
  const { mspId, role, certificate } = verdict
  if (!verifyLowS(nodeCrypto, certificate.publicKey, message, signature)) return { ok: false, refusal: 'BAD_SIGNATURE', mspId }
  const authorized = evaluatePolicy(channel.config.policies, policy, [{ mspId, role, identity }])
  return authorized ? { ok: true, mspId } : { ok: false, refusal: 'NOT_AUTHORIZED', mspId }
}

function refuseIdentity (identity: Uint8Array, reason: MspReason): Access {
  const unknown = reason === 'MSP_UNKNOWN' || reason === 'IDENTITY_MALFORMED'
  if (unknown) return { ok: false, refusal: 'UNKNOWN_ORGANIZATION', mspId: '' }
  return { ok: false, refusal: 'INVALID_CERTIFICATE', mspId: parseSerializedIdentity(identity).mspId }
}

/** The text with which a Fabric node refuses a signed request of a channel. */
export function policyRefusal (policy: AccessPolicy): string {
  const name = policy.slice(policy.lastIndexOf('/') + 1)
  return `failed evaluating policy on signed data during check policy [${policy}]: [implicit policy evaluation failed - ` +
    `0 sub-policies were satisfied, but this policy requires 1 of the '${name}' sub-policies to be satisfied]`
}
