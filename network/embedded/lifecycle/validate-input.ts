import { validateIdentity } from '../../../src/core/fabric/commit/envelope.js'
import type { ChannelConfig } from '../../../src/core/fabric/config.js'
import { decodeExact } from '../../../src/core/fabric/message.js'
import { signaturePolicyEnvelope } from '../../../src/core/fabric/messages.js'
import { readSignaturePolicy, type SignatureRule } from '../../../src/core/fabric/policy.js'
import { collection, mspPrincipal, type policies } from '../proto.js'
import { type LifecycleContext, publicState } from './context.js'
import { type Definition, ENDORSEMENT_PLUGIN, readParameters, VALIDATION_PLUGIN } from './definition.js'
import { LifecycleRefusal } from './refusal.js'
import { NAMESPACES, readField, readMetadata } from './state.js'

const NAME = /^[a-zA-Z0-9]+([-_][a-zA-Z0-9]+)*$/
const VERSION = /^[A-Za-z0-9_.+-]+$/
const COLLECTION = /^[A-Za-z0-9-]+([A-Za-z0-9_-]+)*$/
const SYSTEM = new Set(['cscc', 'escc', 'lscc', 'qscc', 'vscc'])

/** Checks what a proposed definition names, before it is approved or committed. @throws LifecycleRefusal */
export async function validateInput (context: LifecycleContext, proposed: Definition): Promise<void> {
  const fault = nameFault(proposed) ?? pluginFault(proposed) ?? collectionsFault(context.channel.config, proposed.collections) ??
    collectionsChange(proposed.collections, await committedCollections(context, proposed.name))
  if (fault !== undefined) throw new LifecycleRefusal(`error validating chaincode definition: ${fault}`)
}

function nameFault ({ name, endorsement }: Definition): string | undefined {
  if (!NAME.test(name)) {
    return `invalid chaincode name '${name}'. Names can only consist of alphanumerics, '_', and '-' and can only begin with alphanumerics`
  }
  if (SYSTEM.has(name)) return `chaincode name '${name}' is the name of a system chaincode`
  const version = endorsement.getVersion()
  if (VERSION.test(version)) return undefined
  return `invalid chaincode version '${version}'. Versions can only consist of alphanumerics, '_', '-', '+', and '.'`
}

/** Fabric finds out when the plugin is needed, and halts the channel; this network has none but the built-in ones. */
function pluginFault ({ endorsement, validation }: Definition): string | undefined {
  const [endorser, validator] = [endorsement.getEndorsementPlugin(), validation.getValidationPlugin()]
  if (endorser !== ENDORSEMENT_PLUGIN) return `this network has no endorsement plugin '${endorser}'`
  return validator === VALIDATION_PLUGIN ? undefined : `this network has no validation plugin '${validator}'`
}

/** As a peer reads the committed definition; where there is none it looks for one of the old lifecycle. */
async function committedCollections (context: LifecycleContext, name: string): Promise<collection.CollectionConfigPackage> {
  const state = publicState(context)
  if (await readMetadata(state, NAMESPACES, name) === undefined) {
    await context.simulator.get('lscc', name)
    return new collection.CollectionConfigPackage()
  }
  await readField(state, NAMESPACES, name, 'Sequence')
  return (await readParameters(state, name)).collections
}

function staticConfigs (all: collection.CollectionConfigPackage): collection.StaticCollectionConfig[] {
  return all.getConfigList().flatMap((each) => each.getStaticCollectionConfig() ?? [])
}

function collectionsFault (config: ChannelConfig, all: collection.CollectionConfigPackage): string | undefined {
  const seen = new Set<string>()
  for (const each of staticConfigs(all)) {
    const name = each.getName()
    if (!COLLECTION.test(name)) {
      return `invalid collection name '${name}'. Names can only consist of alphanumerics, '_', and '-' and cannot begin with '_'`
    }
    if (seen.has(name)) return `collection-name: ${name} -- found duplicate in collection configuration`
    seen.add(name)
    const fault = peersFault(each) ?? membersFault(config, each)
    if (fault !== undefined) return fault
  }
  return undefined
}

function peersFault (each: collection.StaticCollectionConfig): string | undefined {
  const [most, required] = [each.getMaximumPeerCount(), each.getRequiredPeerCount()]
  const name = `collection-name: ${each.getName()} -- `
  if (most < required) return `${name}maximum peer count (${most}) cannot be less than the required peer count (${required})`
  return required < 0 ? `${name}requiredPeerCount (${required}) cannot be less than zero` : undefined
}

/** Members are named by a policy that is an OR of organizations of the channel. */
function membersFault (config: ChannelConfig, each: collection.StaticCollectionConfig): string | undefined {
  const name = each.getName()
  if (!each.hasMemberOrgsPolicy()) return `collection member policy is not set for collection '${name}'`
  const policy = each.getMemberOrgsPolicy()?.getSignaturePolicy()
  if (policy === undefined) return `collection member org policy is empty for collection '${name}'`
  const fault = orFault(policy)
  if (fault !== undefined) return `${fault.startsWith('invalid') ? '' : `collection-name: ${name} -- `}${fault.replace('{}', name)}`
  for (const principal of policy.getIdentitiesList()) {
    const stranger = principalFault(config, principal)
    if (stranger !== undefined) return `collection-name: ${name} -- ${stranger}`
  }
  return undefined
}

function orFault (policy: policies.SignaturePolicyEnvelope): string | undefined {
  const gates = (rule: SignatureRule): number[] => rule.kind === 'n-out-of' ? [rule.n, ...rule.rules.flatMap(gates)] : []
  try {
    const other = gates(readSignaturePolicy(decodeExact(signaturePolicyEnvelope, policy.serializeBinary()))).find((n) => n !== 1)
    return other === undefined ? undefined : `error in member org policy: signature policy is not an OR concatenation, NOutOf ${other}`
  } catch {
    return 'invalid member org policy for collection \'{}\''
  }
}

function principalFault (config: ChannelConfig, principal: mspPrincipal.MSPPrincipal): string | undefined {
  const classes = mspPrincipal.MSPPrincipal.Classification
  const bytes = principal.getPrincipal_asU8()
  switch (principal.getPrincipalClassification()) {
    case classes.ROLE: return strangeMsp(config, mspPrincipal.MSPRole.deserializeBinary(bytes).getMspIdentifier())
    case classes.ORGANIZATION_UNIT: return strangeMsp(config, mspPrincipal.OrganizationUnit.deserializeBinary(bytes).getMspIdentifier())
    case classes.IDENTITY: return validateIdentity(config, bytes).ok ? undefined : 'contains an identity that is not part of the channel'
    default: return `principal type ${String(principal.getPrincipalClassification())} is not supported`
  }
}

function strangeMsp (config: ChannelConfig, mspId: string): string | undefined {
  if (config.applicationMsps.has(mspId) || config.ordererMsps.has(mspId)) return undefined
  return `collection member '${mspId}' is not part of the channel`
}

/** Collections may be added, never dropped, and their data live as long as they were promised to. */
function collectionsChange (
  proposed: collection.CollectionConfigPackage, committed: collection.CollectionConfigPackage
): string | undefined {
  const next = new Map(staticConfigs(proposed).map((each) => [each.getName(), each]))
  const before = staticConfigs(committed)
  if (before.length > 0 && next.size === 0) return 'the proposed collection config does not contain previously defined collections'
  for (const each of before) {
    const name = each.getName()
    const same = next.get(name)
    if (same === undefined) return `existing collection [${name}] missing in the proposed collection configuration`
    if (same.getBlockToLive() !== each.getBlockToLive()) {
      return `the BlockToLive in an existing collection [${name}] modified. Existing value [${each.getBlockToLive()}]`
    }
  }
  return undefined
}
