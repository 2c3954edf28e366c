/** Files of the database damaged in more places than test/faults/damage.test.ts has, and bits all over a table. */
import { rm } from 'node:fs/promises'
import t from 'tap'
import { flipped, isRefusedAndSaved, MORE_FILE_DAMAGES, wholeFolder } from '../support/damaged-folders.js'

const whole = await wholeFolder(t)

for (const damage of MORE_FILE_DAMAGES) {
  t.test(`${damage.what}: nothing starts, and the tool that is named saves what is left and names the rest`, async (t) => { await isRefusedAndSaved(t, whole, damage) })
}

t.test('bits of a table that LevelDB takes as they are: the tools name what is not what it was', async (t) => {
  for (let part = 0.05; part < 0.95; part += 0.05) {
    const folder = await whole.copy()
    await flipped(/\.ldb$/, part)(folder)
    await whole.isSaved(t, folder)
    await rm(folder, { recursive: true })
  }
})
