/** Organizations that stop while deposits flow. */
import { join } from 'node:path'
import t from 'tap'
import { setOrg } from '../../network/embedded/client.js'
import { dataFolder } from '../support/service.js'
import { stopOrganizations } from '../support/stopped-organizations.js'

const data = dataFolder(t)
const network = join(data, 'network')

t.test('one organization of four stops, then a second, and both come back', { timeout: 120_000 }, async (t) => {
  await stopOrganizations(t, data, {
    env: { STEELYARD_ORGS: '4' },
    profile: join(network, 'profiles', 'platform.json'),
    setOrganization: async (name, running) => { await setOrg(network, name, running) }
  })
})
