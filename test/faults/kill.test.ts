import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { FAULT_POINTS, type FaultPoint } from '../../src/store/fault-points.js'
import { createPromises } from '../support/promises.js'
import { dataFolder, EndedAtStart, type RunningService, startService, until } from '../support/service.js'

const data = dataFolder(t)
const promises = createPromises(data)

/** Runs with a fault point until the process is gone. A start may pass the point already, by resuming what the one before left. */
async function diesAt (point: FaultPoint): Promise<string | null> {
  let service: RunningService
  try {
    service = await startService(data, { STEELYARD_FAULT_POINT: point })
  } catch (error) {
    if (error instanceof EndedAtStart) return error.signal
    throw error
  }
  let isGone = false
  void service.gone.then(() => { isGone = true })
  await until(async () => {
    if (!isGone) await promises.deposit(service)
    return isGone
  })
  return (await service.gone).signal
}

t.test('kill -9 between any two steps loses and doubles nothing', { timeout: 280_000 }, async (t) => {
  for (const point of FAULT_POINTS) {
    t.equal(await diesAt(point), 'SIGKILL', `died at ${point}`)
  }
  const service = await startService(data)
  await promises.check(t, service)
  t.equal(await service.stop(), 0, 'stops by itself')
})

t.test('credentials and key are made once and for their owner only', async (t) => {
  for (const file of ['credentials.json', 'keys/receipt.pem']) {
    t.equal((await stat(join(data, file))).mode & 0o777, 0o600)
  }
  const { admin, demo } = JSON.parse(await readFile(join(data, 'credentials.json'), 'utf8')) as { admin: string, demo: string }
  t.not(admin, demo)
})
