/**
 * What PROOF.md section 3 forbids: a second channel on the keys of the first one's organizations, on the same nodes, with the same
 * contract. All four have to take part in making it.
 */
import { randomBytes } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { joinOrderer, joinPeer } from '../../network/native/administration.js'
import { ensureGenesis } from '../../network/native/genesis.js'
import { probeEndorsement } from '../../network/native/probe.js'
import { operatorOf } from '../../network/native/state.js'
import { until } from '../../network/native/until.js'
import { fromBase64url } from '../../src/core/bytes.js'
import { openLedger } from '../../src/ledger/open.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { defineInOrder, networkIn } from '../support/ordered-approvals.js'
import { CLIENT } from './adversary.js'

/** Makes another channel on the same nodes, the definition in its block 5 as well, as `networkInOrder` has it; the answer is a connection profile of it. */
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
  await defineInOrder(network, context, channel)
  await Promise.all(orgs.map(async (org) => {
    await until(`${org.name}.peer does not answer on ${channel}`, async () => {
      await probeEndorsement(layout, org, { channel, chaincode: consortium.chaincode.name })
    })
  }))
  const profile = layout.profile(channel)
  writeFileSync(profile, readFileSync(layout.profile(operatorOf(orgs).name), 'utf8').replaceAll(`"${consortium.channel}"`, `"${channel}"`), { mode: 0o600 })
  return profile
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
