/**
 * Changes of a channel's configuration, made in a copy of it; `configUpdate` then finds what differs.
 * @module
 */
import { bftQuorum } from '../../src/core/fabric/config.js'
import { configtx, configuration, mspConfig, orderer } from './proto.js'
import { serializeIdentity } from '../embedded/crypto/identity.js'
import { setSignaturePolicy } from '../embedded/genesis/config-group.js'

/** An element that the channel's configuration must have. */
export function elementOf<T> (found: T | undefined, name: string): T {
  if (found === undefined) throw new RangeError(`${name} is not in the channel's configuration`)
  return found
}

/** Changes the MSP of an organization's peer and clients. */
export function changeMsp (channel: configtx.ConfigGroup, mspId: string, change: (msp: mspConfig.FabricMSPConfig) => void): void {
  const value = elementOf(elementOf(channel.getGroupsMap().get('Application'), 'Application').getGroupsMap().get(mspId), mspId)
    .getValuesMap().get('MSP')
  const outer = mspConfig.MSPConfig.deserializeBinary(elementOf(value, 'MSP').getValue_asU8())
  const inner = mspConfig.FabricMSPConfig.deserializeBinary(outer.getConfig_asU8())
  change(inner)
  outer.setConfig(inner.serializeBinary())
  elementOf(value, 'MSP').setValue(outer.serializeBinary())
}

/** Sets how long an orderer waits for more transactions before it cuts a block; as Go writes durations. */
export function setBatchTimeout (channel: configtx.ConfigGroup, timeout: string): void {
  const message = new orderer.BatchTimeout()
  message.setTimeout(timeout)
  elementOf(elementOf(channel.getGroupsMap().get('Orderer'), 'Orderer').getValuesMap().get('BatchTimeout'), 'BatchTimeout')
    .setValue(message.serializeBinary())
}

/**
 * Changes who orders: the consenter mapping and, derived from it, the policy by which blocks are valid. Fabric's orderers refuse an
 * update in which the two do not agree.
 */
export function changeConsenters (
  channel: configtx.ConfigGroup, change: (consenters: readonly configuration.Consenter[]) => configuration.Consenter[]
): void {
  const group = elementOf(channel.getGroupsMap().get('Orderer'), 'Orderer')
  const value = elementOf(group.getValuesMap().get('Orderers'), 'Orderers')
  const mapping = configuration.Orderers.deserializeBinary(value.getValue_asU8())
  const consenters = change(mapping.getConsenterMappingList())
  mapping.setConsenterMappingList(consenters)
  value.setValue(mapping.serializeBinary())
  const scratch = new configtx.ConfigGroup()
  setSignaturePolicy(scratch, 'BlockValidation', bftQuorum(consenters.length), consenters.map((consenter) => ({
    identity: serializeIdentity(consenter.getMspId(), Buffer.from(consenter.getIdentity_asU8()).toString())
  })))
  const policy = elementOf(group.getPoliciesMap().get('BlockValidation'), 'BlockValidation')
  policy.setPolicy(scratch.getPoliciesMap().get('BlockValidation')?.getPolicy())
}
