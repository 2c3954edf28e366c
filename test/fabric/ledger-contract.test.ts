/** The ledger's contract suite on official binaries: the same tests as on the embedded network, faults included. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { networkDown, networkReset, networkUp, restartNodes, stopNodes } from '../../network/native/client.js'
import { LEDGER_CLIENTS } from '../../src/ledger/open.js'
import { ledgerContract } from '../ledger/contract-suite.js'
import type { LedgerNetwork } from '../support/ledger-network.js'
import { fabricBinaries } from './binaries.js'

const { skip } = fabricBinaries()

async function nativeNetwork (t: Test): Promise<LedgerNetwork> {
  const dir = mkdtempSync(join(tmpdir(), 'steelyard-contract-'))
  t.teardown(async () => {
    await networkReset(dir)
    rmSync(dir, { recursive: true, force: true })
  })
  const { profile } = await networkUp({ dir, chaincode: 'chaincode' })
  return {
    profile,
    wallet: join(dir, 'wallet'),
    organizations: 4,
    own: 'platform',
    others: ['court', 'notary', 'forensic'],
    setOrganization: async (name, running) => { await (running ? restartNodes(dir, [name]) : stopNodes(dir, [name])) },
    setRunning: async (running) => { await (running ? networkUp({ dir }) : networkDown(dir)) },
    close: () => Promise.resolve()
  }
}

t.test('on official binaries', { skip, timeout: 400_000 }, async (t) => {
  const network = await nativeNetwork(t)
  for (const client of LEDGER_CLIENTS) {
    await t.test(client, (t) => {
      ledgerContract(t, client, network)
      t.end()
    })
  }
})
