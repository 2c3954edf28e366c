import t from 'tap'
import { killAtRandom } from '../support/random-kills.js'
import { dataFolder } from '../support/service.js'

/** Many more are killed by test/long/random-kill.test.ts. */
const KILLS = 10

t.test(`${KILLS} kills at any moment, under load`, { timeout: 240_000 }, async (t) => { await killAtRandom(t, dataFolder(t), KILLS) })
