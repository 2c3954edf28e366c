/**
 * Chaincode definitions as the `_lifecycle` namespace holds them.
 * @module
 */
import type { ChannelConfig } from '../../../src/core/fabric/config.js'
import { LIFECYCLE_POLICY } from '../../../src/core/fabric/definition.js'
import {
  type EndorsementPolicy, evaluatePolicy, evaluateSignatureRule, type PolicySigner, readSignaturePolicy
} from '../../../src/core/fabric/policy.js'
import { type ChaincodeDefinition, definitionSequenceKey, lifecycleNamespace } from '../channel.js'
import { applicationPolicy, definition, lifecycleDb } from '../proto.js'
import type { Store } from './store.js'

/** A definition with the policy that its transactions must satisfy. */
export interface CommittedDefinition extends ChaincodeDefinition {
  readonly policy: EndorsementPolicy
}

/** Where `_lifecycle` keeps a field of a definition. */
export function definitionFieldKey (chaincode: string, field: 'Sequence' | 'EndorsementInfo' | 'ValidationInfo' | 'Collections'): string {
  return field === 'Sequence' ? definitionSequenceKey(chaincode) : `namespaces/fields/${chaincode}/${field}`
}

/** Reads definitions of the committed state and keeps them until a block changes any. */
export class Definitions {
  readonly #store: Store
  readonly #known = new Map<string, CommittedDefinition | undefined>()

  constructor (store: Store) {
    this.#store = store
  }

  async get (name: string): Promise<CommittedDefinition | undefined> {
    if (this.#known.has(name)) return this.#known.get(name)
    const found = await this.#read(name)
    if (found !== undefined) this.#known.set(name, found) // names that clients invent are not kept
    return found
  }

  /** The policy for writes into a namespace; undefined where nothing is defined. */
  async policy (namespace: string): Promise<EndorsementPolicy | undefined> {
    return namespace === lifecycleNamespace ? LIFECYCLE_POLICY : (await this.get(namespace))?.policy
  }

  /** Call after a block that wrote into `_lifecycle`. */
  forget (): void {
    this.#known.clear()
  }

  async #read (name: string): Promise<CommittedDefinition | undefined> {
    const [sequence, endorsement, validation] = await Promise.all((['Sequence', 'EndorsementInfo', 'ValidationInfo'] as const)
      .map(async (field) => (await this.#store.state(lifecycleNamespace, definitionFieldKey(name, field)))?.value))
    if (sequence === undefined || endorsement === undefined || validation === undefined) return undefined
    const info = definition.ChaincodeValidationInfo.deserializeBinary(stateBytes(validation))
    return {
      name,
      version: definition.ChaincodeEndorsementInfo.deserializeBinary(stateBytes(endorsement)).getVersion(),
      sequence: lifecycleDb.StateData.deserializeBinary(sequence).getInt64(),
      policy: policyOf(info.getValidationParameter_asU8())
    }
  }
}

function stateBytes (value: Uint8Array): Uint8Array {
  return lifecycleDb.StateData.deserializeBinary(value).getBytes_asU8()
}

function policyOf (parameter: Uint8Array): EndorsementPolicy {
  const policy = applicationPolicy.ApplicationPolicy.deserializeBinary(parameter)
  const signature = policy.getSignaturePolicy()
  return signature === undefined
    ? { kind: 'reference', path: policy.getChannelConfigPolicyReference() }
    : { kind: 'signature', rule: readSignaturePolicy(signature) }
}

/** Do these signers satisfy the policy? */
export function satisfies (config: ChannelConfig, policy: EndorsementPolicy, signers: readonly PolicySigner[]): boolean {
  return policy.kind === 'reference' ? evaluatePolicy(config.policies, policy.path, signers) : evaluateSignatureRule(policy.rule, signers)
}
