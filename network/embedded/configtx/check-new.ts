/**
 * What Fabric asks of a new configuration as a whole: that it can be read, that organizations keep their names, and that BFT orderers go
 * on as BFT orderers.
 * @module
 */
import { equalBytes } from '../../../src/core/bytes.js'
import { EvidenceError } from '../../../src/core/errors.js'
import { bftQuorum, type ChannelConfig, parseConfigEnvelope } from '../../../src/core/fabric/config.js'
import type { Msp } from '../../../src/core/fabric/msp.js'
import { FabricRefusal } from '../../../src/core/fabric/refusal.js'
import { nodeCrypto } from '../../../src/platform/node.js'
import { serializeIdentity } from '../crypto/identity.js'
import { configGroup, setSignaturePolicy } from '../genesis/config-group.js'
import { mspConfig } from '../proto.js'
import { ConfigRefusal } from './refusal.js'

/** The configuration of a CONFIG envelope, if it can follow the one that is in force. */
export function checkNew (current: ChannelConfig, envelope: Uint8Array): ChannelConfig {
  const next = readNew(envelope)
  if (next.consensusType !== current.consensusType) {
    throw new ConfigRefusal(`attempted to change consensus type from ${current.consensusType} to ${next.consensusType}`)
  }
  for (const kind of ['Orderer', 'Application'] as const) {
    if (next.group(kind) === undefined) {
      throw new ConfigRefusal(`current config has ${kind.toLowerCase()} section, but new config does not`)
    }
    keepMspIds(kind, current, next)
  }
  return next
}

function readNew (envelope: Uint8Array): ChannelConfig {
  try {
    return parseConfigEnvelope(nodeCrypto, envelope)
  } catch (cause) {
    if (cause instanceof FabricRefusal || cause instanceof EvidenceError) throw new ConfigRefusal(`config update is not compatible: ${cause.message}`, { cause })
    throw cause
  }
}

function keepMspIds (kind: 'Orderer' | 'Application', current: ChannelConfig, next: ChannelConfig): void {
  current.group(kind)?.groups.forEach((_, name) => {
    const [before, after] = [mspIdOf(current, `${kind}/${name}`), mspIdOf(next, `${kind}/${name}`)]
    if (after !== undefined && before !== after) {
      throw new ConfigRefusal(`${kind.toLowerCase()} org ${name} attempted to change MSP ID from ${String(before)} to ${after}`)
    }
  })
}

function mspIdOf (config: ChannelConfig, path: string): Msp['id'] | undefined {
  const bytes = config.value(path, 'MSP')
  return bytes === undefined
    ? undefined
    : mspConfig.FabricMSPConfig.deserializeBinary(mspConfig.MSPConfig.deserializeBinary(bytes).getConfig_asU8()).getName()
}

/**
 * Why BFT orderers do not go over to a configuration: its BlockValidation must be the quorum of its consenters, each by its exact identity,
 * in their order.
 */
export function checkConsenters (config: ChannelConfig): string | undefined {
  const expected = configGroup()
  const identities = config.consenters.map(({ mspId, identity }) => ({ identity: serializeIdentity(mspId, Buffer.from(identity).toString()) }))
  setSignaturePolicy(expected, NAME, bftQuorum(identities.length), identities)
  const wanted = expected.getPoliciesMap().get(NAME)?.getPolicy()
  const found = config.group('Orderer')?.policies.get(NAME)?.policy
  if (found === undefined) return 'block validation policy is not found in the policies of \'Orderer\' group'
  return wanted?.getType() === found.type && equalBytes(wanted.getValue_asU8(), found.value)
    ? undefined
    : 'block validation policy should be a signature policy of the quorum of the consenters but it is another'
}

const NAME = 'BlockValidation'
