/** The log's tree made again by the tools has the tiles that the service stores. */
import t from 'tap'
import { createLogTree } from '../../src/notary/log-tree.js'
import { createLogLevels } from '../../src/ops/log-levels.js'
import { nodeCrypto } from '../../src/platform/node.js'

t.test('tiles as the service appends them, full ones and the rest', async (t) => {
  for (const batches of [0, 1, 255, 256, 257, 600]) {
    const stored = new Map<string, Buffer>()
    const tree = createLogTree(nodeCrypto, (level, index) => Promise.resolve(stored.get(`${level}/${index}`)))
    const told = new Map<string, Buffer>()
    const levels = createLogLevels(nodeCrypto, ({ level, index, hashes }) => {
      t.notOk(told.has(`${level}/${index}`), 'each tile is told once')
      told.set(`${level}/${index}`, Buffer.concat(hashes))
      return Promise.resolve()
    })
    for (let number = 0; number < batches; number++) {
      const leaf = nodeCrypto.sha256(Buffer.from(String(number)))
      for (const { level, index, hashes } of await tree.append(number, leaf)) stored.set(`${level}/${index}`, hashes)
      await levels.append(leaf)
    }
    await levels.finish()
    t.same([...told].sort(), [...stored].sort(), `${batches} batches`)
    t.equal(levels.range.size, batches)
  }
})
