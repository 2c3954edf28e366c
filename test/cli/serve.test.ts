/** `serve` that cannot do what it was told: it says why in one line, ends, and leaves nothing running. */
import { execFile } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join, resolve } from 'node:path'
import t from 'tap'
import { ensureNetwork, networkStatus } from '../../network/embedded/client.js'
import { dataFolder } from '../support/service.js'

const MAIN = resolve('dist/src/cli/main.js')

interface Run { readonly code: number, readonly out: string, readonly err: string }

/** Resolves when the process is gone; that it goes is what these tests are about. */
async function serve (data: string, env: Readonly<Record<string, string>>): Promise<Run> {
  return await new Promise((resolve) => {
    const all = { PATH: process.env.PATH, STEELYARD_DATA: data, STEELYARD_PORT: '0', STEELYARD_LOG_LEVEL: 'silent', ...env }
    const child = execFile(process.execPath, [MAIN, 'serve'], { encoding: 'utf8', env: all }, (_error, out, err) => {
      resolve({ code: child.exitCode ?? -1, out, err })
    })
  })
}

t.test('an address that cannot be listened on', async (t) => {
  const taken = createServer()
  await new Promise<void>((resolve) => { taken.listen(0, '127.0.0.1', resolve) })
  t.teardown(() => { taken.close() })
  const data = dataFolder(t)

  const second = await serve(data, { STEELYARD_PORT: String((taken.address() as AddressInfo).port) })
  t.equal(second.code, 1)
  t.equal(second.err.trimEnd().split('\n').length, 1, second.err)
  t.match(second.out, /^API key \(administrator\) sk_/, 'the keys of the first start are shown: no later start does it')
  t.notOk(existsSync(join(data, 'network')), 'no network was started')

  const nowhere = await serve(data, { STEELYARD_HOST: '192.0.2.1' })
  t.equal(nowhere.code, 1)
  t.equal(nowhere.err.trimEnd().split('\n').length, 1, nowhere.err)
  t.equal(nowhere.out, '')
})

t.test('a network folder of another number of organizations', async (t) => {
  const data = dataFolder(t)
  const dir = join(data, 'network')
  const chaincode = { name: 'steelyard', folder: 'chaincode' }
  const network = await ensureNetwork({ dir, chaincode, withParent: true })
  t.equal(network.status.organizations.length, 1)
  const besides = await serve(data, { STEELYARD_ORGS: '4' })
  t.equal(besides.code, 1)
  t.equal((await networkStatus(dir))?.pid, network.status.pid, 'a network of somebody else goes on')
  await network.close()

  const alone = await serve(data, { STEELYARD_ORGS: '4' })
  t.equal(alone.code, 1)
  t.equal(alone.err.trimEnd().split('\n').length, 1, alone.err)
  t.equal(await networkStatus(dir), undefined, 'its own was stopped')
})
