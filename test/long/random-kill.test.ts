import t from 'tap'
import { killAtRandom } from '../support/random-kills.js'
import { dataFolder } from '../support/service.js'

/** Fewer for a quick look. */
const KILLS = Number(process.env.STEELYARD_TEST_KILLS ?? 200)

t.test(`${KILLS} kills at any moment, under load`, { timeout: 3_600_000 }, async (t) => { await killAtRandom(t, dataFolder(t), KILLS) })
