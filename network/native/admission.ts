/**
 * Organizations that come after the channel's genesis: put into its configuration by those that are there, their orderer joined by
 * the block that names it.
 * @module
 */
import { applicationMember, consenterOf, ordererMember } from '../embedded/genesis/channel-config.js'
import { joinOrderer, ordererJoined } from './administration.js'
import { changeConsenters, elementOf } from '../shared/config-edits.js'
import { currentConfig, updateChannel, withConfigBlock } from './channel-update.js'
import { channelMember } from './genesis.js'
import type { Network } from './network.js'
import type { PlacedOrg } from './state.js'
import { until } from './until.js'

/** Puts those into the configuration that are not in it yet. Signed by the administrators of all members whose keys are in this folder. */
export async function admitOrganizations (network: Network, orgs: readonly PlacedOrg[]): Promise<void> {
  if (orgs.length === 0) return
  const { applicationMsps, ordererMsps } = await currentConfig(network)
  for (const org of orgs) {
    const ordering = org.consenter !== undefined && !ordererMsps.has(org.ordererMspId)
    if (applicationMsps.has(org.mspId) && !ordering) continue
    network.log(`admitting ${org.name} to the channel`)
    await updateChannel(network, (channel) => {
      const member = channelMember(network.layout, org)
      const groups = channel.getGroupsMap()
      if (!applicationMsps.has(org.mspId)) elementOf(groups.get('Application'), 'Application').getGroupsMap().set(org.mspId, applicationMember(member))
      if (!ordering) return
      elementOf(groups.get('Orderer'), 'Orderer').getGroupsMap().set(org.ordererMspId, ordererMember(member))
      changeConsenters(channel, (consenters) => [...consenters, consenterOf(member)])
    })
  }
}

/** Joins orderers that block 0 does not name: by the configuration block that does, from which they replicate what was before. */
export async function joinLaterOrderers (network: Network, orgs: readonly PlacedOrg[]): Promise<void> {
  const { channel } = network.state.consortium
  for (const org of orgs.filter(({ consenter }) => consenter !== undefined)) {
    await until(`${org.name}.orderer does not join`, async () => {
      if (await ordererJoined(network, org, channel)) return
      network.log(`joining ${org.name}.orderer`)
      await withConfigBlock(network, async (file) => { await joinOrderer(network, org, channel, file) })
    })
  }
}
