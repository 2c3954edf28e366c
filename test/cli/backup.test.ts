/** A backup that is stopped leaves nothing of what it has received: an archive holds deposit secrets. */
import { spawn } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import t from 'tap'
import { until } from '../support/service.js'

const CLI = resolve('dist/src/cli/main.js')

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  t.test(signal, async (t) => {
    const folder = t.testdir({})
    const server = createServer((_request, response) => { response.write('the beginning of an archive') }) // which does not end
    server.listen(0, '127.0.0.1')
    t.teardown(() => {
      server.closeAllConnections()
      server.close()
    })
    await until(() => Promise.resolve(server.listening))
    const file = join(folder, 'backup.tar')
    const child = spawn(process.execPath, [CLI, 'backup', file, '--url', `http://127.0.0.1:${(server.address() as AddressInfo).port}`, '--key', 'any'], {
      stdio: ['ignore', 'ignore', 'pipe']
    })
    let said = ''
    child.stderr.on('data', (chunk) => { said += String(chunk) })
    const ended = new Promise((resolve) => { child.once('close', (_code, by) => { resolve(by) }) })
    await until(() => Promise.resolve(existsSync(`${file}.${child.pid}.new`)))
    child.kill(signal)
    t.equal(await ended, signal)
    t.same(readdirSync(folder), [])
    t.equal(said, `steelyard: stopped before its end: nothing of ${file} was kept, and nothing is to be cleaned up; give the same command again\n`)
  })
}
