import { DOUBTS } from '../../audit-wording.js'
import type { Sentences } from '../../findings.js'
import type { Crypto } from '../../crypto.js'
import type { ChannelConfig } from '../config.js'
import { isDecided, satisfies } from '../endorsement.js'
import type { EndorsementPolicy, PolicySigner } from '../policy.js'
import type { NsRwset } from '../rwset.js'
import { type EndorserTransaction, endorsedBytes } from '../transaction.js'
import { unsureOf, verifySignature } from './envelope.js'
import { ask, type Asking, type NamespaceRules } from './state.js'
import { codes, type Verdict } from './validation-codes.js'

/**
 * Valid, if the endorsements satisfy the policy of the chaincode and of every namespace that the transaction writes into. A private
 * collection with a policy of its own needs that one. Key-level policies are not read here.
 */
export function * checkEndorsements (crypto: Crypto, config: ChannelConfig, transaction: EndorserTransaction): Asking<Verdict> {
  const signers = endorsers(crypto, config, transaction)
  let doubt = transaction.readWriteSets.some(writesMetadata) ? DOUBTS.setsKeyPolicies : undefined
  for (const namespace of namespacesOf(transaction)) {
    const rules = yield * ask('rules', namespace)
    if (rules === undefined) return { code: codes.INVALID_CHAINCODE }
    if ('unread' in rules) {
      doubt ??= rules.unread
      continue
    }
    const set = transaction.readWriteSets.find((candidate) => candidate.namespace === namespace)
    const failed = policiesFor(rules, set).find((policy) => !satisfies(config, policy, signers))
    if (failed !== undefined) return verdict(codes.ENDORSEMENT_POLICY_FAILURE, doubt ?? doubtOf(config, failed, transaction))
  }
  return verdict(codes.VALID, doubt)
}

function verdict (code: number, unsure: Sentences | undefined): Verdict {
  return unsure === undefined ? { code } : { code, unsure }
}

/** Why a policy that is not satisfied here might be for a peer. */
function doubtOf (config: ChannelConfig, failed: EndorsementPolicy, { endorsements }: EndorserTransaction): Sentences | undefined {
  const endorser = endorsements.map((one) => unsureOf(config, one.endorser)).find((why) => why !== undefined)
  return endorser ?? (isDecided(config, failed) ? undefined : DOUBTS.policy)
}

function namespacesOf ({ action, readWriteSets }: EndorserTransaction): Set<string> {
  return new Set([action.chaincodeId.name, ...readWriteSets.filter(writes).map(({ namespace }) => namespace)])
}

function writes (set: NsRwset): boolean {
  return set.writes.length + set.metadataWrites > 0 || set.collections.some((each) => each.writes.length + each.metadataWrites > 0)
}

/** @internal Whether it sets policies of single keys. */
export function writesMetadata (set: NsRwset): boolean {
  return set.metadataWrites > 0 || set.collections.some(({ metadataWrites }) => metadataWrites > 0)
}

/** The chaincode's own policy for public writes, and for a transaction that writes nothing in the namespace. */
function policiesFor ({ policy, collections }: NamespaceRules, set: NsRwset | undefined): EndorsementPolicy[] {
  const written = set?.collections.filter((each) => each.writes.length + each.metadataWrites > 0) ?? []
  const policies = written.map(({ name }) => collections.get(name) ?? policy)
  return policies.length === 0 || (set?.writes.length ?? 0) > 0 ? [...policies, policy] : policies
}

/** Those whose signatures verify; the others count for nothing, as in Fabric. */
function endorsers (crypto: Crypto, config: ChannelConfig, transaction: EndorserTransaction): PolicySigner[] {
  return transaction.endorsements.flatMap(({ endorser, signature }) => {
    const member = verifySignature(crypto, config, endorser, endorsedBytes(transaction.responsePayload, endorser), signature)
    return member === undefined ? [] : [{ mspId: member.mspId, role: member.role, roles: member.roles, identity: endorser }]
  })
}
