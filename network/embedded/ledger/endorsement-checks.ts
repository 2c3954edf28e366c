import type { ChannelConfig } from '../../../src/core/fabric/config.js'
import type { PolicySigner } from '../../../src/core/fabric/policy.js'
import { type EndorserTransaction, endorsedBytes } from '../../../src/core/fabric/transaction.js'
import { type Definitions, satisfies } from './definitions.js'
import { verifySignature } from './envelope-checks.js'
import { codes } from './validation-codes.js'

/** VALID, if the endorsements satisfy the policy of the chaincode and of every namespace that the transaction writes into. */
export async function checkEndorsements (
  config: ChannelConfig, definitions: Definitions, transaction: EndorserTransaction
): Promise<number> {
  if (transaction.readWriteSets.some((set) => set.metadataWrites > 0 || set.collections > 0)) return codes.ILLEGAL_WRITESET
  const written = transaction.readWriteSets.filter((set) => set.writes.length > 0).map((set) => set.namespace)
  const signers = endorsers(config, transaction)
  for (const namespace of new Set([transaction.action.chaincodeId.name, ...written])) {
    const policy = await definitions.policy(namespace)
    if (policy === undefined) return codes.INVALID_CHAINCODE
    if (!satisfies(config, policy, signers)) return codes.ENDORSEMENT_POLICY_FAILURE
  }
  return codes.VALID
}

/** Those whose signatures verify; the others count for nothing, as in Fabric. */
function endorsers (config: ChannelConfig, transaction: EndorserTransaction): PolicySigner[] {
  return transaction.endorsements.flatMap(({ endorser, signature }) => {
    const verdict = verifySignature(config, endorser, endorsedBytes(transaction.responsePayload, endorser), signature)
    return verdict === undefined ? [] : [{ mspId: verdict.mspId, role: verdict.role, roles: verdict.roles, identity: endorser }]
  })
}
