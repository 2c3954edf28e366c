import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { message, program } from '../child.js'
import { createClient, digestBodies } from '../load.js'
import { bulkBodies, bulkDeposits } from '../ndjson.js'
import { median } from '../numbers.js'
import { atLeast, atMost } from '../row.js'
import type { Bench } from '../run.js'
import { startService } from '../service.js'
import type { VerifyTimes } from '../verify-proofs.js'

const PROOFS = 10_000
const AT_ONCE = 16

/** Offline verification of proofs of four organizations, in processes that have only just started. */
export const verify: Bench = async ({ folder, settings: { rounds }, note }) => {
  const proofs = join(folder, 'proofs.ndjson')
  const bundle = join(folder, 'bundle.json')
  await collect(join(folder, 'data'), proofs, bundle)
  const times: VerifyTimes[] = []
  for (let round = 0; round < rounds; round++) {
    times.push(await message<VerifyTimes>(program('verify-proofs', [proofs, bundle])))
    const { opening = 0, first = 0, rate = 0 } = times.at(-1) ?? {}
    note(`trust bundle ${opening.toFixed(1)} ms, first proof ${first.toFixed(1)} ms, then ${Math.round(rate)} a second`)
  }
  return [
    atMost('verify one', 'first proof after the modules are loaded, bundle included / limit', 'ms', median(times.map(({ opening, first }) => opening + first)), 20),
    atMost('verify one, opened', 'the same without the opening of the trust bundle / limit', 'ms', median(times.map(({ first }) => first)), 20),
    atLeast('verify many', `${PROOFS} proofs in one process / goal`, '1/s', median(times.map(({ rate }) => rate)), 2000, 1)
  ]
}

async function collect (data: string, proofs: string, bundle: string): Promise<void> {
  const service = await startService({ data, env: { STEELYARD_ORGS: '4', STEELYARD_SEAL_SIZE: '1024' } })
  const client = createClient(service.url, service.authorization, AT_ONCE)
  try {
    const { numbers, deposits } = await bulkDeposits(client, bulkBodies(digestBodies(4096)), PROOFS, { sample: 1 })
    await service.reached('final', deposits)
    const lines: Buffer[] = []
    const queue = numbers.values()
    const work = async (): Promise<void> => {
      for (const number of queue) {
        const { body, status } = await client.call('GET', `/v1/evidence/${number}/proof`)
        if (status !== 200) throw new Error(`a proof was answered ${status}`)
        lines.push(body, Buffer.from('\n'))
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, work))
    await writeFile(proofs, Buffer.concat(lines))
    await writeFile(bundle, (await client.call('GET', '/v1/trust-bundle')).body)
  } finally {
    client.close()
    await service.stop()
  }
}
