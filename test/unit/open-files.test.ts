/** A process that may open no more files says so: nothing is damaged, and no repair helps. */
import { spawnSync } from 'node:child_process'
import t from 'tap'

/** Opens a folder's database, takes every file that this process may have, and tells of both failures. */
const SCRIPT = `
  const { openSync } = await import('node:fs')
  const { Level } = await import('level')
  const { unusable } = await import('./dist/src/store/unusable.js')
  const says = (error) => { const { code, message } = unusable(error, '/folder') ?? {}; console.log(JSON.stringify({ code, message })) }
  const { folder } = process.env
  const db = new Level(folder)
  await db.open()
  await db.close()
  try { for (;;) openSync('/dev/null') } catch (error) { says(error) }
  await new Level(folder).open().catch((error) => { says(error.cause) })
`

t.test('no more files may be opened', (t) => {
  const { stdout, stderr } = spawnSync('sh', ['-c', 'ulimit -n 256; exec "$0" --input-type=module -e "$SCRIPT"', process.execPath], {
    env: { PATH: process.env.PATH, SCRIPT, folder: t.testdir() }, encoding: 'utf8'
  })
  const [file, database, ...rest] = stdout.trim().split('\n').map((line) => JSON.parse(line))
  t.match(file, { code: 'FOLDER_UNUSABLE', message: /^\/dev\/null cannot be opened, this process has as many files open as it may/ }, stderr)
  t.match(database, { code: 'FOLDER_UNUSABLE', message: /\/LOCK cannot be opened.*ulimit -n/ }, stderr)
  t.equal(rest.length, 0)
  t.end()
})
