/**
 * What a chaincode's definition in the `_lifecycle` namespace says of the endorsements that its transactions need. Peers follow the definition
 * by its fields in the state, whoever wrote them.
 * @module
 */
import { EvidenceError } from '../../errors.js'
import type { ChannelConfig } from '../config.js'
import { LIFECYCLE_POLICY } from '../definition.js'
import { type EndorsementPolicy, policyAt, readSignaturePolicy } from '../policy.js'
import { applicationPolicy, collection, decodeAny, definition, lifecycleDb } from '../proto.js'
import type { NamespaceRules } from './state.js'

/** Fields of a definition in the state. */
export type DefinitionField = 'Sequence' | 'EndorsementInfo' | 'ValidationInfo' | 'Collections'

/** Where `_lifecycle` keeps a field of a definition. */
export function definitionFieldKey (chaincode: string, field: DefinitionField): string {
  return `namespaces/fields/${chaincode}/${field}`
}

/** A definition's values: sequence, version, policies. */
export interface CommittedFields {
  readonly sequence: number
  readonly version: string
  readonly rules: NamespaceRules | { readonly unread: string }
}

/** Reads a definition by its fields; undefined where one of those that every definition has is missing. */
export function readFields (read: (field: DefinitionField) => Uint8Array | undefined): CommittedFields | undefined {
  const [sequence, endorsement, validation] = [read('Sequence'), read('EndorsementInfo'), read('ValidationInfo')]
  if (sequence === undefined || endorsement === undefined || validation === undefined) return undefined
  return {
    sequence: decodeAny(lifecycleDb.StateData, sequence).getInt64(),
    version: decodeAny(definition.ChaincodeEndorsementInfo, stateBytes(endorsement)).getVersion(),
    rules: rulesOf(stateBytes(validation), stateBytes(read('Collections') ?? new Uint8Array(0)))
  }
}

function stateBytes (value: Uint8Array): Uint8Array {
  return decodeAny(lifecycleDb.StateData, value).getBytes_asU8()
}

function rulesOf (validation: Uint8Array, collections: Uint8Array): CommittedFields['rules'] {
  const info = decodeAny(definition.ChaincodeValidationInfo, validation)
  const plugin = info.getValidationPlugin()
  if (plugin !== '' && plugin !== 'vscc') return { unread: `the validation plugin ${plugin} is not run here` }
  try {
    return { policy: policyOf(info.getValidationParameter_asU8()), collections: policiesOf(collections) }
  } catch (error) {
    if (error instanceof EvidenceError) return { unread: 'an endorsement policy of a kind that is not read here' }
    throw error
  }
}

function policyOf (parameter: Uint8Array): EndorsementPolicy {
  return asPolicy(decodeAny(applicationPolicy.ApplicationPolicy, parameter))
}

function asPolicy (policy: applicationPolicy.ApplicationPolicy): EndorsementPolicy {
  const signature = policy.getSignaturePolicy()
  return signature === undefined
    ? { kind: 'reference', path: policy.getChannelConfigPolicyReference() }
    : { kind: 'signature', rule: readSignaturePolicy(signature) }
}

function policiesOf (bytes: Uint8Array): Map<string, EndorsementPolicy> {
  const policies = new Map<string, EndorsementPolicy>()
  for (const each of decodeAny(collection.CollectionConfigPackage, bytes).getConfigList()) {
    const own = each.getStaticCollectionConfig()
    const policy = own?.getEndorsementPolicy()
    if (own !== undefined && policy !== undefined) policies.set(own.getName(), asPolicy(policy))
  }
  return policies
}

/** The collection that an organization has of its own in each namespace. */
export function implicitCollection (mspId: string): string {
  return `_implicit_org_${mspId}`
}

/**
 * With the collection that every organization has of its own in each namespace, without anybody defining it: it is written with that
 * organization's endorsement alone.
 */
export function withImplicitCollections (config: ChannelConfig, { policy, collections }: NamespaceRules): NamespaceRules {
  const implicit = config.organizations.map(({ name, mspId }): [string, EndorsementPolicy] => {
    const path = `/Channel/Application/${name}/Endorsement`
    return [implicitCollection(mspId), policyAt(config.policies, path).policy === undefined ? anyMember(mspId) : { kind: 'reference', path }]
  })
  return { policy, collections: new Map([...collections, ...implicit]) }
}

function anyMember (mspId: string): EndorsementPolicy {
  return { kind: 'signature', rule: { kind: 'signed-by', principal: { kind: 'role', mspId, role: 'member' } } }
}

/** The rules of `_lifecycle` itself, which nobody defines. */
export function lifecycleRules (config: ChannelConfig): NamespaceRules | { readonly unread: string } {
  if (LIFECYCLE_POLICY.kind === 'reference' && policyAt(config.policies, LIFECYCLE_POLICY.path).policy === undefined) {
    return { unread: 'the channel has no lifecycle policy of its own, and Fabric\'s default is not read here' }
  }
  return withImplicitCollections(config, { policy: LIFECYCLE_POLICY, collections: new Map() })
}
