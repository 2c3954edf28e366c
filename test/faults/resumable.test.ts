/**
 * Uploads in parts that are killed where the tests of kill.test.ts may be killed in another deposit: in the second part, and between the
 * steps that every deposit takes.
 */
import { randomBytes } from 'node:crypto'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { dataFolder, startService } from '../support/service.js'
import { goOn, type StartedUpload } from '../support/tus.js'

/**
 * From the last step to the first: so a service ends the upload of the one before it without passing the point at which it dies in its own.
 * Only what was validated is validated again.
 */
const DEATHS = ['commit.written', 'commit.signed', 'intake.validated:2', 'content.kept', 'content.synced', 'upload.noted:2', 'upload.written:2']

t.setTimeout(250_000)
t.test('kill -9 between any two steps of an upload makes one deposit of it, with the answer at its address', { timeout: 240_000 }, async (t) => {
  const data = dataFolder(t)
  const settings = { STEELYARD_SEAL_AGE: '60000' } // what follows on the deposit is not what is tried here
  let killed: { readonly upload: StartedUpload, readonly at: string } | undefined
  const end = async (service: Parameters<typeof goOn>[0]): Promise<void> => {
    if (killed !== undefined) t.match(await goOn(service, killed.upload), { status: 200, body: { state: 'received', number: /./ } }, `after ${killed.at}`)
  }
  for (const point of DEATHS) {
    const service = await startService(data, { ...settings, STEELYARD_FAULT_POINT: point })
    await end(service)
    const upload = { content: randomBytes(2000), acknowledged: 0 }
    await t.rejects(goOn(service, upload))
    t.equal((await service.gone).signal, 'SIGKILL', `died at ${point}`)
    killed = { upload, at: point }
  }
  const service = await startService(data, settings)
  t.teardown(async () => { await service.kill() })
  await end(service)
  t.equal((await service.json('/health/ready')).body.deposits.received, DEATHS.length, 'each is one deposit')
  t.same(await readdir(join(data, 'content', 'uploads')), [])
})
