import { generateKeyPairSync } from 'node:crypto'
import { join } from 'node:path'
import { LEDGER_CLIENTS } from '../../../src/ledger/open.js'
import { openConsortium } from '../consortium.js'
import { createClient, digestBodies } from '../load.js'
import { oneTransactionEach } from '../naive.js'
import { bulkBodies, bulkDeposits } from '../ndjson.js'
import { atLeast, type Row } from '../row.js'
import type { Bench } from '../run.js'
import { startService } from '../service.js'

const DEPOSITS = 150_000
const IN_FLIGHT = 64
const GOAL = { embedded: 100, native: 300 } as const

/** Deposits a second until they are on the ledger, against one transaction for each, on the same running network of four organizations. */
export const ledger: Bench = async ({ folder, settings: { seconds }, note }) => {
  const consortium = await openConsortium(folder)
  const { isNative } = consortium
  const spki = new Uint8Array(generateKeyPairSync('ed25519').publicKey.export({ format: 'der', type: 'spki' }))
  const rows: Row[] = []
  try {
    for (const client of LEDGER_CLIENTS) {
      const data = join(folder, client)
      const service = await startService({ data, env: { ...consortium.env, STEELYARD_LEDGER_CLIENT: client } })
      const http = createClient(service.url, service.authorization)
      try {
        const bodies = bulkBodies(digestBodies(4096))
        const warm = await bulkDeposits(http, bodies, 10_000)
        await service.reached('final', warm.deposits)
        const naive = await oneTransactionEach({ client, profile: consortium.profile(data), wallet: join(data, 'naive'), inFlight: IN_FLIGHT, seconds: 2 * seconds, spki })
        const began = performance.now()
        const { deposits } = await bulkDeposits(http, bodies, DEPOSITS)
        await service.reached('anchored', warm.deposits + deposits)
        const ours = deposits / ((performance.now() - began) / 1000)
        note(`${client}: ${Math.round(naive)} transactions a second, ${Math.round(ours)} deposits a second`)
        const what = `deposits anchored / one transaction per deposit, 4 organizations, ${isNative ? 'official binaries' : 'embedded'}`
        rows.push(atLeast(`ledger ${client}`, what, '1/s', ours, naive, isNative ? GOAL.native : GOAL.embedded))
      } finally {
        http.close()
        await service.stop()
      }
    }
    return rows
  } finally {
    await consortium.close()
  }
}
