import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { killAtEveryPoint } from '../support/kill-points.js'
import { dataFolder } from '../support/service.js'

const data = dataFolder(t)

t.test('kill -9 between any two steps loses and doubles nothing', { timeout: 280_000 }, async (t) => { await killAtEveryPoint(t, data) })

t.test('credentials and key are made once and for their owner only', async (t) => {
  for (const file of ['credentials.json', 'keys/receipt.pem']) {
    t.equal((await stat(join(data, file))).mode & 0o777, 0o600)
  }
  const { admin, demo } = JSON.parse(await readFile(join(data, 'credentials.json'), 'utf8')) as { admin: string, demo: string }
  t.not(admin, demo)
})
