import { createHash, randomBytes } from 'node:crypto'
import { open, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { pour } from '../../src/store/content-pour.js'
import { createDigestThreads } from '../../src/store/digest-threads.js'
import { alignedMemory, createDirectFile } from '../../src/store/direct-file.js'

const MB = 1024 ** 2
// Idle digest threads keep no process alive; in a service its sockets do, and here this does until the tests have ended.
const alive = setInterval(() => undefined, 60_000)
t.teardown(() => { clearInterval(alive) })
const digest = (name: string, bytes: Uint8Array): string => createHash(name).update(bytes).digest('hex')

/** Chunks of sizes that fit no piece. */
async function * cut (bytes: Uint8Array, error?: Error): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += 65_521) {
    await Promise.resolve()
    yield bytes.subarray(at, at + 65_521)
  }
  if (error !== undefined) throw error
}

t.test('content is written and hashed, whatever its size and however many come at once', async (t) => {
  const threads = createDigestThreads(2)
  t.teardown(async () => { await threads.close() })
  const folder = t.testdir({})
  const sizes = [0, 1, MB - 1, MB, MB + 1, 2 * MB, 7 * MB + 12_345, 9 * MB]
  await Promise.all(sizes.map(async (size, i) => {
    const bytes = randomBytes(size)
    const file = await open(join(folder, String(i)), 'w')
    t.same(await pour(cut(bytes), file, threads), { size, digests: { sha256: digest('sha256', bytes), sm3: digest('sm3', bytes) } }, `${size} bytes`)
    await file.close()
    t.ok((await readFile(join(folder, String(i)))).equals(bytes), `${size} bytes are in the file`)
  }))
})

t.test('a source that is cut, a file that cannot be written and a thread that ends fail the stream, and only it', async (t) => {
  const threads = createDigestThreads(1)
  const path = join(t.testdir({}), 'file')
  const file = await open(path, 'w')
  const bytes = randomBytes(6 * MB)
  await t.rejects(pour(cut(bytes, new Error('cut')), file, threads), { message: 'cut' })
  const reading = await open(path, 'r')
  await t.rejects(pour(cut(bytes), reading, threads), { code: 'EBADF' })
  await reading.close()
  t.equal((await pour(cut(bytes), file, threads)).digests.sha256, digest('sha256', bytes))
  const ending = pour((async function * () {
    yield * cut(bytes.subarray(0, 3 * MB))
    await threads.close()
    yield * cut(bytes)
  })(), file, threads)
  await t.rejects(ending, { message: 'a digest thread has ended' })
  await file.close()
})

t.test('large content goes past the page cache where the system lets it, in any mixture of sizes and positions', async (t) => {
  const path = join(t.testdir({}), 'file')
  const file = await open(path, 'w')
  const writer = createDirectFile(file)
  const bytes = new Uint8Array(alignedMemory(3 * MB))
  bytes.set(randomBytes(3 * MB))
  const parts = [[0, MB], [MB, MB + 5], [MB + 5, 2 * MB], [2 * MB, 3 * MB - 4096], [3 * MB - 4096, 3 * MB]] as const
  for (const [from, to] of parts) await writer.write(bytes.subarray(from, to), from)
  await writer.release()
  await writer.write(bytes.subarray(0, MB), 3 * MB)
  await writer.release()
  await file.close()
  t.ok((await readFile(path)).equals(Buffer.concat([bytes, bytes.subarray(0, MB)])))
})
