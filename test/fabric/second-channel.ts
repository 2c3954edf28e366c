/**
 * What PROOF.md section 3 forbids: a second channel on the keys of the first one's organizations, on the same nodes, with the same
 * contract. All four have to take part in making it.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { type AdminContext, approve, commit, joinOrderer, joinPeer } from '../../network/native/administration.js'
import { createPackage } from '../../network/native/chaincode-package.js'
import { networkUp } from '../../network/native/client.js'
import { installPackages } from '../../network/native/deployment.js'
import { ensureGenesis } from '../../network/native/genesis.js'
import { layoutOf } from '../../network/native/layout.js'
import type { Network } from '../../network/native/network.js'
import { probeEndorsement } from '../../network/native/probe.js'
import { operatorOf, requireState, writeState } from '../../network/native/state.js'
import { until } from '../../network/native/until.js'
import { fromBase64url } from '../../src/core/bytes.js'
import { openLedger } from '../../src/ledger/open.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { CLIENT, networkIn } from './adversary.js'

/** Makes the consortium, with the contract's definition in block 5 of its channel; the answer is the operator's connection profile. */
export async function makeFirstChannel (dir: string): Promise<string> {
  await networkUp({ dir })
  const layout = layoutOf(dir)
  const state = requireState(layout)
  const { name, version } = state.consortium.chaincode
  const chaincode = createPackage(layout, { name, version, sequence: 1, folder: resolve('chaincode') })
  writeState(layout, { ...state, chaincode })
  const network = networkIn(dir)
  await installPackages(network, network.orgs)
  await defineInBlock5(network, network, state.consortium.channel)
  return (await networkUp({ dir, chaincode: 'chaincode' })).profile
}

/** Makes another channel on the same nodes, the definition in its block 5 as well; the answer is a connection profile of it. */
export async function makeSecondChannel (dir: string, channel: string): Promise<string> {
  const network = networkIn(dir)
  const { layout, state, orgs } = network
  const { consortium } = state
  const context = { ...network, layout: { ...layout, genesis: join(layout.folder, `${channel}.block`) } }
  ensureGenesis(context.layout, { ...state, consortium: { ...consortium, channel } })
  await Promise.all(orgs.map(async (org) => {
    await joinOrderer(context, org, channel)
    await joinPeer(context, org)
  }))
  await defineInBlock5(network, context, channel)
  await Promise.all(orgs.map(async (org) => {
    await until(`${org.name}.peer does not answer on ${channel}`, async () => {
      await probeEndorsement(layout, org, { channel, chaincode: consortium.chaincode.name })
    })
  }))
  const profile = layout.profile(channel)
  writeFileSync(profile, readFileSync(layout.profile(operatorOf(orgs).name), 'utf8').replaceAll(`"${consortium.channel}"`, `"${channel}"`), { mode: 0o600 })
  return profile
}

/** The approvals one after the other, so that each has a block of its own. */
async function defineInBlock5 ({ state, orgs }: Network, context: AdminContext, channel: string): Promise<void> {
  const { consortium, chaincode } = state
  if (chaincode === undefined) throw new Error('no chaincode')
  const orderer = operatorOf(orgs)
  const definition = { channel, name: consortium.chaincode.name, version: chaincode.version, sequence: 1 }
  for (const org of orgs) {
    await until(`${channel} is not ordered`, async () => { await approve(context, org, definition, { packageId: chaincode.packageId, orderer }) })
  }
  await commit(context, orderer, definition, { endorsers: orgs, orderer })
}

/** Blocks on the channel that has fewer, until both are at one height: logs that nobody uses are opened. */
export async function sameHeight (first: string, second: string, wallet: string): Promise<void> {
  const ledgerOf = async (profile: string, log: string): ReturnType<typeof openLedger> =>
    await openLedger({ client: CLIENT, profile, wallet, log, crypto: nodeCrypto, clock: Date.now })
  const spki = fromBase64url('MCowBQYDK2VwAyEA11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo') // RFC 8032 section 7.1, test 1
  const height = async (profile: string): Promise<number> => {
    const ledger = await ledgerOf(profile, 'height.example/0000000000000000')
    try {
      return Number(await ledger.height())
    } finally {
      await ledger.close()
    }
  }
  for (;;) {
    const [a, b] = [await height(first), await height(second)]
    if (a === b) return
    const ledger = await ledgerOf(a < b ? first : second, `pad.example/${randomBytes(8).toString('hex')}`)
    await ledger.openLog({ skewMs: 30_000, deadlineMs: 86_400_000, spki })
    await ledger.close()
  }
}
