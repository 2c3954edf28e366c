/**
 * The part of the channel's configuration that says who orders: the consenter mapping and, derived from it, the policy by which
 * blocks are valid. Fabric's orderers refuse an update in which the two do not agree.
 * @module
 */
import { bftQuorum } from '../../src/core/fabric/config.js'
import { configtx, configuration } from '../../src/core/fabric/proto.js'
import { serializeIdentity } from '../embedded/crypto/identity.js'
import { setSignaturePolicy } from '../embedded/genesis/config-group.js'
import { elementOf } from './channel-update.js'

/** Changes the consenter mapping of a configuration, and the policy with it. */
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
