/** The lifecycle system chaincode: packages, approvals and definitions (see lifecycle/functions.ts), for those who may. */
import type { peer } from '@hyperledger/fabric-protos'
import { parseSerializedIdentity } from '../../../../src/core/fabric/msp.js'
import { FUNCTIONS, type LifecycleFunction } from '../../lifecycle/functions.js'
import { LifecycleRefusal } from '../../lifecycle/refusal.js'
import { policyRefusal } from '../../ledger/policy-refusal.js'
import type { Proposal } from '../proposal.js'
import { failure, success, type SystemCall, type SystemContext } from './invocation.js'

const ADMINS = 'Admins'
const WRITERS = '/Channel/Application/Writers'

export async function lifecycle (context: SystemContext, { name, args, proposal }: SystemCall): Promise<peer.Response> {
  const [argument] = args
  if (argument === undefined || args.length !== 1) {
    return failure(`lifecycle scc operations require exactly two arguments but received ${String(args.length + 1)}`)
  }
  const wanted = FUNCTIONS.get(name)
  const denied = wanted === undefined ? `Unmapped policy for _lifecycle/${name}` : accessFault(context, wanted, proposal)
  if (wanted === undefined || denied !== undefined) return failure(`Failed to authorize invocation due to failed ACL check: ${denied ?? ''}`)
  try {
    return success(await wanted.run({ ...context, packages: context.chaincodes.packages(context.org) }, argument))
  } catch (error) {
    if (!(error instanceof LifecycleRefusal)) throw error
    const { status, message } = error
    return failure(status === 404 ? message : `failed to invoke backing implementation of '${name}': ${message}`, status)
  }
}

/** The proposal's signature is checked already; what remains is whose it is. */
function accessFault (context: SystemContext, { callers }: LifecycleFunction, { creator, channelId }: Proposal): string | undefined {
  if (callers === 'administrators') return localFault(context, ADMINS, creator)
  if (channelId === '') return localFault(context, WRITERS, creator)
  const { channel } = context
  const { mspId } = parseSerializedIdentity(creator)
  const verdict = channel.validateCreator(creator)
  const signers = verdict.ok ? [{ mspId, role: verdict.role, roles: verdict.roles, identity: creator }] : []
  const refusal = policyRefusal(channel.config.policies, WRITERS, signers)
  if (refusal === undefined) return undefined
  return `Failed evaluating policy on signed data during check policy on channel [${channelId}] with policy [${WRITERS}]: [${refusal}]`
}

/** By the rules of the peer's own organization, which know no policies of channels. */
function localFault ({ channel, org }: SystemContext, policy: string, creator: Uint8Array): string | undefined {
  const { mspId } = parseSerializedIdentity(creator)
  const checking = `during channelless check policy with policy [${policy}]: `
  if (mspId !== org.mspId) return `Failed deserializing proposal creator ${checking}[expected MSP ID ${org.mspId}, received ${mspId}]`
  if (policy !== ADMINS) return `Failed getting local MSP principal ${checking}[MSP Principal role [${policy}] not recognized]`
  const verdict = channel.validateCreator(creator)
  if (verdict.ok && (verdict.role === 'admin' || verdict.roles.includes('admin'))) return undefined
  const reason = `The identity is not an admin under this MSP [${mspId}]: The identity does not contain OU [ADMIN], MSP: [${mspId}]`
  return `Failed verifying that proposal's creator satisfies local MSP principal ${checking}[${reason}]`
}
