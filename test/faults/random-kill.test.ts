import { randomInt } from 'node:crypto'
import t from 'tap'
import { createPromises } from '../support/promises.js'
import { dataFolder, startService, until } from '../support/service.js'

/** `npm run test:long` sets 200. */
const KILLS = Number(process.env.STEELYARD_TEST_KILLS ?? 10)
const data = dataFolder(t)
const promises = createPromises(data)
t.setTimeout(280_000 + 10_000 * KILLS)

t.test(`${KILLS} kills at any moment`, async (t) => {
  for (let i = 0; i < KILLS; i++) {
    const service = await startService(data)
    const limit = Date.now() + randomInt(50, 1500)
    await until(async () => {
      await promises.deposit(service)
      return Date.now() > limit
    })
    await service.kill()
  }
  const service = await startService(data)
  await promises.deposit(service)
  await promises.check(t, service)
  t.equal(await service.stop(), 0, 'stops by itself')
})
