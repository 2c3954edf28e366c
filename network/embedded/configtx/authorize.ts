/**
 * Whether a configuration update may be applied, by Fabric's rules: what it read is still so, each change raises its element's version by
 * one, and the policy of every element that changes is satisfied by the signatures that come with it.
 * @module
 */
import { concat } from '../../../src/core/bytes.js'
import { verifySignature } from '../../../src/core/fabric/commit/envelope.js'
import type { ChannelConfig } from '../../../src/core/fabric/config.js'
import { type PolicySigner, policyAt } from '../../../src/core/fabric/policy.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import { policyRefusal } from '../ledger/policy-refusal.js'
import { common, configtx } from '../proto.js'
import { type ConfigElement, type ConfigMap, mapConfig, wrongName } from './config-map.js'
import { ConfigRefusal, step } from './refusal.js'

/**
 * The whole configuration with the update in it.
 * @throws ConfigRefusal
 */
export function authorize (config: ChannelConfig, update: configtx.ConfigUpdateEnvelope): ConfigMap {
  const asked = readUpdate(update)
  if (asked.getChannelId() !== config.channelId) {
    throw new ConfigRefusal(`ConfigUpdate for channel '${asked.getChannelId()}' but envelope for channel '${config.channelId}'`)
  }
  const current = mapConfig(configtx.ConfigGroup.deserializeBinary(config.channelGroup))
  const readSet = step('error mapping ReadSet', () => mapConfig(asked.getReadSet()))
  step('error validating ReadSet', () => { verifyReadSet(current, readSet) })
  const writeSet = step('error mapping WriteSet', () => mapConfig(asked.getWriteSet()))
  const delta = new Map([...writeSet].filter(([name, { message }]) => readSet.get(name)?.message.getVersion() !== message.getVersion()))
  const signers = signersOf(config, update)
  step('error validating DeltaSet', () => { verifyDelta(config, current, delta, signers) })
  const proposed = new Map([...current, ...delta])
  for (const name of writeSet.keys()) {
    if (!proposed.has(name)) throw new ConfigRefusal(`full config did not verify: writeset contained key ${name} which did not appear in proposed config`)
  }
  return proposed
}

function readUpdate (envelope: configtx.ConfigUpdateEnvelope): configtx.ConfigUpdate {
  try {
    return configtx.ConfigUpdate.deserializeBinary(envelope.getConfigUpdate_asU8())
  } catch (cause) {
    throw new ConfigRefusal('error unmarshalling ConfigUpdate', { cause })
  }
}

function verifyReadSet (current: ConfigMap, readSet: ConfigMap): void {
  for (const [name, { message }] of readSet) {
    const existing = current.get(name)?.message
    if (existing === undefined) throw new ConfigRefusal(`existing config does not contain element for ${name} but was in the read set`)
    if (existing.getVersion() !== message.getVersion()) {
      throw new ConfigRefusal(`proposed update requires that key ${name} be at version ${message.getVersion()}, ` +
        `but it is currently at version ${existing.getVersion()}`)
    }
  }
}

function verifyDelta (config: ChannelConfig, current: ConfigMap, delta: ConfigMap, signers: readonly PolicySigner[]): void {
  if (delta.size === 0) throw new ConfigRefusal('delta set was empty -- update would have no effect')
  for (const [name, { message }] of delta) {
    const version = message.getVersion()
    step(`invalid mod_policy for element ${name}`, () => { verifyModPolicy(message.getModPolicy()) })
    const existing = current.get(name)
    if (existing === undefined) {
      if (version !== 0) throw new ConfigRefusal(`attempted to set key ${name} to version ${version}, but key does not exist`)
      continue
    }
    const before = existing.message.getVersion()
    if (version !== before + 1) throw new ConfigRefusal(`attempt to set key ${name} to version ${version}, but key is at version ${before}`)
    verifyPolicy(config, name, existing, signers)
  }
}

function verifyModPolicy (modPolicy: string): void {
  if (modPolicy === '') throw new ConfigRefusal('mod_policy not set')
  for (const [i, part] of modPolicy.replace(/^\//, '').split('/').entries()) {
    const wrong = wrongName(part)
    if (wrong !== undefined) throw new ConfigRefusal(`path element at ${i} is invalid: ${wrong}`)
  }
}

/** The policy that the existing element names, never the one that it is to have. */
function verifyPolicy ({ policies }: ChannelConfig, name: string, existing: ConfigElement, signers: readonly PolicySigner[]): void {
  const modPolicy = existing.message.getModPolicy()
  const path = pathOf(existing, modPolicy)
  if (policyAt(policies, path).policy === undefined) throw new ConfigRefusal(`unexpected missing policy ${modPolicy} for item ${name}`)
  const refusal = policyRefusal(policies, path, signers)
  if (refusal !== undefined) throw new ConfigRefusal(`policy for ${name} not satisfied: ${refusal}`)
}

/** Relative to the group that the element is in; to itself, if it is one. */
function pathOf ({ kind, path, key }: ConfigElement, modPolicy: string): string {
  if (modPolicy.startsWith('/')) return modPolicy
  return `/${[...path, ...(kind === 'Group' ? [key] : [])].join('/')}/${modPolicy}`
}

/** Those whose signatures are good; the others count for nothing. */
function signersOf (config: ChannelConfig, update: configtx.ConfigUpdateEnvelope): PolicySigner[] {
  return update.getSignaturesList().flatMap((signed) => {
    const header = signed.getSignatureHeader_asU8()
    const identity = creatorOf(header)
    const verdict = verifySignature(nodeCrypto, config, identity, concat(header, update.getConfigUpdate_asU8()), signed.getSignature_asU8())
    return verdict === undefined ? [] : [{ mspId: verdict.mspId, role: verdict.role, roles: verdict.roles, identity }]
  })
}

function creatorOf (header: Uint8Array): Uint8Array {
  try {
    return common.SignatureHeader.deserializeBinary(header).getCreator_asU8()
  } catch (cause) {
    throw new ConfigRefusal('error unmarshalling SignatureHeader', { cause })
  }
}
