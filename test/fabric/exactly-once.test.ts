/**
 * The service's promises with official binaries as its ledger: killed at every point, it or its ledger killed at any moment, and
 * organizations stopped. The same tests as on the embedded network, on one consortium.
 */
import { randomInt } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { networkReset, networkUp, restartNodes, stopNodes } from '../../network/native/client.js'
import { LEDGER_CLIENTS } from '../../src/ledger/open.js'
import { type OtherLedger, killAtEveryPoint } from '../support/kill-points.js'
import { killAtRandom } from '../support/random-kills.js'
import { stopOrganizations } from '../support/stopped-organizations.js'
import { fabricBinaries } from './binaries.js'

const { skip } = fabricBinaries()
const KILLS = 8
/** Any one of them may be away. */
const NODES = ['court', 'notary', 'forensic', 'platform'].flatMap((org) => ['peer', 'orderer', 'chaincode'].map((kind) => `${org}.${kind}`))

t.test('what was acknowledged, on official binaries', { skip, timeout: 590_000 }, async (t) => {
  const dir = mkdtempSync(join(tmpdir(), 'steelyard-promises-'))
  t.teardown(async () => {
    await networkReset(dir)
    rmSync(dir, { recursive: true, force: true })
  })
  const { profile } = await networkUp({ dir, chaincode: 'chaincode' })
  const [first, second] = LEDGER_CLIENTS
  const env = (client: string): OtherLedger['env'] => ({ STEELYARD_LEDGER: profile, STEELYARD_LEDGER_CLIENT: client })
  let away: string | undefined
  const kill = async (): Promise<boolean> => {
    if (away !== undefined) await restartNodes(dir, [away])
    away = NODES[randomInt(NODES.length)] as string
    return (await stopNodes(dir, [away], { kill: true })).length > 0
  }

  await t.test('kill -9 of the service between any two steps', async (t) => {
    await killAtEveryPoint(t, join(dir, 'points'), { profile, env: env(first), kill })
  })
  await t.test(`${KILLS} kills of the service, of a node or of both, under load`, async (t) => {
    await killAtRandom(t, join(dir, 'random'), KILLS, { profile, env: env(second), kill })
    await networkUp({ dir })
  })
  await t.test('one organization stops, then a second, and both come back', async (t) => {
    await stopOrganizations(t, join(dir, 'stopped'), {
      profile, env: env(first), setOrganization: async (name, running) => await (running ? restartNodes(dir, [name]) : stopNodes(dir, [name]))
    })
  })
})
