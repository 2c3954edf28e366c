import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { FAULT_POINTS } from '../../src/store/fault-points.js'
import { dataFolder, startService } from '../support/service.js'
import { goOn, type StartedUpload } from '../support/tus.js'

/** Where an upload passes; where each of its two parts does, both. */
const POINTS = FAULT_POINTS.filter((point) => /^(upload|content|intake|commit)\./.test(point) && point !== 'content.received')
  .flatMap((point) => point === 'upload.written' || point === 'upload.noted' ? [point, `${point}:2`] : [point])

t.setTimeout(290_000)
t.test('kill -9 between any two steps of an upload makes one deposit of it, with the answer at its address', { timeout: 280_000 }, async (t) => {
  const data = dataFolder(t)
  const settings = { STEELYARD_SEAL_AGE: '60000' } // what follows on the deposit is not what is tried here
  for (const point of POINTS) {
    const upload: StartedUpload = { content: randomBytes(2000), acknowledged: 0 }
    const dying = await startService(data, { ...settings, STEELYARD_FAULT_POINT: point })
    await t.rejects(goOn(dying, upload))
    t.equal((await dying.gone).signal, 'SIGKILL', `died at ${point}`)
    if (upload.path === undefined) continue // nobody was told of it
    const service = await startService(data, settings)
    const first = await goOn(service, upload)
    t.match(first, { status: 200, body: { state: 'received', number: /./ } }, point)
    await service.kill()
  }
  const service = await startService(data, settings)
  t.equal((await service.json('/health/ready')).body.deposits.received, POINTS.length - 1, 'each is one deposit: all but the one that nobody was told of')
  t.same((await readdir(join(data, 'content', 'uploads'))).length, 0)
  await service.kill()
})
