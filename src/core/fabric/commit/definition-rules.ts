/**
 * What a chaincode's definition in the `_lifecycle` namespace says of the endorsements that its transactions need. Peers follow the definition
 * by its fields in the state, whoever wrote them.
 * @module
 */
import { DOUBTS } from '../../audit-wording.js'
import type { Sentences } from '../../findings.js'
import { EvidenceError } from '../../errors.js'
import type { ChannelConfig } from '../config.js'
import { LIFECYCLE_POLICY } from '../definition.js'
import { decodeAny } from '../message.js'
import * as messages from '../messages.js'
import { type EndorsementPolicy, policyAt, readEndorsementPolicy } from '../policy.js'
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
  readonly rules: NamespaceRules | { readonly unread: Sentences }
}

/** Reads a definition by its fields; undefined where one of those that every definition has is missing. */
export function readFields (read: (field: DefinitionField) => Uint8Array | undefined): CommittedFields | undefined {
  const [sequence, endorsement, validation] = [read('Sequence'), read('EndorsementInfo'), read('ValidationInfo')]
  if (sequence === undefined || endorsement === undefined || validation === undefined) return undefined
  return {
    sequence: decodeAny(messages.stateData, sequence).int64 ?? 0,
    version: decodeAny(messages.chaincodeEndorsementInfo, stateBytes(endorsement)).version,
    rules: rulesOf(stateBytes(validation), stateBytes(read('Collections') ?? new Uint8Array(0)))
  }
}

function stateBytes (value: Uint8Array): Uint8Array {
  return decodeAny(messages.stateData, value).bytes ?? new Uint8Array(0)
}

function rulesOf (validation: Uint8Array, collections: Uint8Array): CommittedFields['rules'] {
  const { validationPlugin: plugin, validationParameter } = decodeAny(messages.chaincodeValidationInfo, validation)
  if (plugin !== '' && plugin !== 'vscc') return { unread: DOUBTS.plugin(plugin) }
  try {
    return { policy: readEndorsementPolicy(decodeAny(messages.applicationPolicy, validationParameter)), collections: policiesOf(collections) }
  } catch (error) {
    if (error instanceof EvidenceError) return { unread: DOUBTS.definedPolicy }
    throw error
  }
}

function policiesOf (bytes: Uint8Array): Map<string, EndorsementPolicy> {
  const policies = new Map<string, EndorsementPolicy>()
  for (const { staticCollectionConfig: own } of decodeAny(messages.collectionConfigPackage, bytes).config) {
    if (own?.endorsementPolicy !== undefined) policies.set(own.name, readEndorsementPolicy(own.endorsementPolicy))
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
export function lifecycleRules (config: ChannelConfig): NamespaceRules | { readonly unread: Sentences } {
  if (LIFECYCLE_POLICY.kind === 'reference' && policyAt(config.policies, LIFECYCLE_POLICY.path).policy === undefined) {
    return { unread: DOUBTS.lifecyclePolicy }
  }
  return withImplicitCollections(config, { policy: LIFECYCLE_POLICY, collections: new Map() })
}
