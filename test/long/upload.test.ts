import t from 'tap'
import { uploadMegabytes, uploadsInConstantMemory } from '../support/long-upload.js'
import { dataFolder, startService } from '../support/service.js'

const MEGABYTES = uploadMegabytes(2048)

t.test(`an upload of ${MEGABYTES} MB in constant memory`, { timeout: 240_000 }, async (t) => {
  const service = await startService(dataFolder(t))
  t.teardown(async () => { await service.stop() })
  await uploadsInConstantMemory(t, service, MEGABYTES)
})
