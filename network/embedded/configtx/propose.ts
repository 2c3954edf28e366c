/**
 * From a client's configuration update to the transaction that orders it.
 * @module
 */
import type { ChannelConfig } from '../../../src/core/fabric/config.js'
import { type UpdateSigner, signedEnvelope } from '../../shared/update-envelope.js'
import { common, configtx } from '../proto.js'
import { authorize } from './authorize.js'
import { checkNew } from './check-new.js'
import { toConfig } from './config-map.js'
import { ConfigRefusal, step } from './refusal.js'

/** A configuration that may be ordered. */
export interface Proposed {
  readonly envelope: Uint8Array
  readonly config: ChannelConfig
}

/**
 * The CONFIG envelope of an update, by one of the orderers: the whole new configuration, and the update that led to it.
 * @param envelope of type CONFIG_UPDATE
 * @throws ConfigRefusal
 */
export function proposeConfig (config: ChannelConfig, envelope: Uint8Array, orderer: UpdateSigner): Proposed {
  return step(`error applying config update to existing channel '${config.channelId}'`, () => {
    const lastUpdate = common.Envelope.deserializeBinary(envelope)
    const group = step('error authorizing update', () => authorize(config, readUpdate(lastUpdate)))
    const next = new configtx.Config()
    next.setSequence(Number(config.sequence) + 1)
    next.setChannelGroup(toConfig(group))
    const content = new configtx.ConfigEnvelope()
    content.setConfig(next)
    content.setLastUpdate(lastUpdate)
    const proposed = signedEnvelope(config.channelId, common.HeaderType.CONFIG, content.serializeBinary(), orderer)
    return { envelope: proposed, config: checkNew(config, proposed) }
  })
}

function readUpdate (envelope: common.Envelope): configtx.ConfigUpdateEnvelope {
  try {
    return configtx.ConfigUpdateEnvelope.deserializeBinary(common.Payload.deserializeBinary(envelope.getPayload_asU8()).getData_asU8())
  } catch (cause) {
    throw new ConfigRefusal('error converting envelope to config update', { cause })
  }
}
