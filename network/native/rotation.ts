/**
 * Replacing the key and certificates of an organization's orderer: the new ones are made beside the old, the channel's configuration is
 * changed to name them, and then the orderer starts with them. From the block of that change on the old key signs nothing.
 * @module
 */
import { existsSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { utf8 } from '../../src/core/bytes.js'
import { changeConsenters } from '../shared/config-edits.js'
import { currentConfig, updateChannel } from './channel-update.js'
import { channelMember } from './genesis.js'
import { createOrdererKeys } from './keys.js'
import type { Layout } from './layout.js'
import { type Network, nodesOf } from './network.js'
import { nodeName } from './nodes.js'
import { stopProcess } from './processes.js'
import { startNodes } from './run-nodes.js'
import type { PlacedOrg } from './state.js'

/** Folder of the new keys, in an organization's folder; its presence says that a rotation is under way. */
const NEXT = 'orderer-next'

const nextFolder = (layout: Layout, org: PlacedOrg): string => join(layout.org(org.name).folder, NEXT)

/** Makes the new keys, from which on `finishRotation` has something to do. A crash half-way leaves nothing that counts as made. */
export async function prepareRotation (layout: Layout, org: PlacedOrg): Promise<void> {
  const next = nextFolder(layout, org)
  if (existsSync(next)) return
  const draft = `${next}.new`
  rmSync(draft, { recursive: true, force: true })
  await createOrdererKeys(layout.org(org.name).folder, org, draft)
  renameSync(draft, next)
}

/** Completes a rotation from wherever it stopped; without one it does nothing. */
export async function finishRotation (network: Network, org: PlacedOrg): Promise<void> {
  const { layout, state } = network
  const next = nextFolder(layout, org)
  if (!existsSync(next)) return
  // The certificate is the first that is moved to its place; where it is no longer here the configuration names it already.
  if (existsSync(join(next, 'msp'))) await nameInConfiguration(network, org, next)
  network.log(`starting ${org.name}.orderer with its new keys`)
  await stopProcess(layout, nodeName(org.name, 'orderer'))
  const { orderer } = layout.org(org.name)
  for (const part of ['msp', 'tls']) {
    if (!existsSync(join(next, part))) continue
    rmSync(join(orderer, part), { recursive: true, force: true })
    renameSync(join(next, part), join(orderer, part))
  }
  rmSync(next, { recursive: true, force: true })
  await startNodes(network, nodesOf(state, [org], ['orderer']))
}

async function nameInConfiguration (network: Network, org: PlacedOrg, next: string): Promise<void> {
  const certificate = utf8(readFileSync(join(next, 'msp', 'signcerts', 'cert.pem'), 'utf8'))
  const { consenters } = await currentConfig(network)
  const named = consenters.find(({ id }) => id === org.consenter)?.identity ?? new Uint8Array(0)
  if (Buffer.from(named).equals(certificate)) return
  network.log(`naming the new certificate of ${org.name}.orderer in the channel`)
  const { tls } = channelMember(network.layout, org, NEXT)
  await updateChannel(network, (channel) => {
    changeConsenters(channel, (list) => list.map((consenter) => {
      if (consenter.getId() !== org.consenter) return consenter
      consenter.setIdentity(certificate)
      consenter.setClientTlsCert(utf8(tls.orderer.certPem))
      consenter.setServerTlsCert(utf8(tls.orderer.certPem))
      return consenter
    }))
  })
}
