/** An import that is stopped leaves nothing; what one that was killed left is removed by the next. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import t from 'tap'
import { openMaintenance } from '../../src/store/maintenance.js'
import { dataFolder, until } from '../support/service.js'
import { noSmallDisk, smallDisk } from '../support/small-disk.js'

const CLI = resolve('dist/src/cli/main.js')

interface Import { readonly child: ChildProcess, readonly ended: Promise<number | NodeJS.Signals | null>, said (): string }

function steelyard (...args: string[]): Import {
  const child = spawn(process.execPath, [CLI, 'import', ...args], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.on('data', (chunk) => { said += String(chunk) })
  return { child, said: () => said, ended: new Promise((resolve) => { child.once('close', (code, signal) => { resolve(signal ?? code) }) }) }
}

/** One that has its folder and waits for its archive, which never comes. */
async function waiting (parent: string, { isInside = false } = {}): Promise<Import & { readonly folder: string }> {
  const fifo = join(parent, 'archive.tar')
  if (!existsSync(fifo)) execFileSync('mkfifo', [fifo])
  const run = steelyard(fifo, '--data', join(parent, 'restored'))
  const folder = join(parent, `restored${isInside ? '/' : ''}.importing-${run.child.pid}`)
  await until(() => Promise.resolve(existsSync(join(folder, 'db', 'CURRENT'))))
  return { ...run, folder }
}

t.test('one that is told to end leaves nothing, and ends by that signal', async (t) => {
  const parent = t.testdir({})
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    const { child, ended, folder, said } = await waiting(parent)
    child.kill(signal)
    t.equal(await ended, signal)
    t.notOk(existsSync(folder), signal)
    t.match(said(), /^steelyard: stopped before its end: nothing of it was kept[^\n]*\n$/)
  }
  t.same(readdirSync(parent), ['archive.tar'])
})

t.test('what is to be restored on a disk of its own is read onto that disk', { skip: noSmallDisk }, async (t) => {
  const parent = dataFolder(t)
  const target = join(parent, 'restored')
  smallDisk(t, target, 8)
  mkdirSync(join(target, 'lost+found'))
  const killed = await waiting(parent, { isInside: true })
  killed.child.kill('SIGKILL')
  await killed.ended
  const { child, ended, folder } = await waiting(parent, { isInside: true })
  t.notOk(existsSync(killed.folder), 'where what one left that was killed is no content')
  t.equal(await steelyard(join(parent, 'nothing.tar'), '--data', target).ended, 2, 'and two at once are one too many')
  child.kill('SIGTERM')
  await ended
  t.notOk(existsSync(folder))
  t.same(readdirSync(target), ['lost+found'])
})

t.test('an archive that is not there, or is a folder, is named in one line', async (t) => {
  const parent = t.testdir({ folder: {} })
  for (const [name, why] of [['nothing.tar', 'no such file'], ['folder', 'is a folder']] as const) {
    const { ended, said } = steelyard(join(parent, name), '--data', join(parent, 'restored'))
    t.equal(await ended, 1)
    t.equal(said(), `steelyard: cannot read ${join(parent, name)}: ${why}\n`)
  }
  t.same(readdirSync(parent), ['folder'])
})

t.test('a place where no folder can be is named, and nothing is tried', async (t) => {
  const parent = t.testdir({ file: 'a file' })
  const { ended, said } = steelyard(join(parent, 'nothing.tar'), '--data', join(parent, 'file', 'restored'))
  t.equal(await ended, 2)
  t.match(said(), /^steelyard: [^\n]*file is not a folder, or lies below something that is none[^\n]*\n$/)
  const itself = steelyard(join(parent, 'nothing.tar'), '--data', join(parent, 'file'))
  t.equal(await itself.ended, 2, 'nor where a file is')
  t.match(itself.said(), /^steelyard: [^\n]*file is not a folder[^\n]*\n$/)
})

t.test('the next import sweeps what killed ones left, and nothing that is in use or is something else', async (t) => {
  const parent = t.testdir({})
  const left = await waiting(parent)
  left.child.kill('SIGKILL')
  t.equal(await left.ended, 'SIGKILL')
  t.ok(existsSync(left.folder))
  const dead = left.child.pid as number
  const running = await waiting(parent) // sweeps, and is not swept
  t.notOk(existsSync(left.folder))

  const elsewhere = join(parent, `other.importing-${dead}`) // of a process that this one cannot see
  mkdirSync(elsewhere)
  const db = await openMaintenance(elsewhere, { create: true })
  const foreign = join(parent, `photos.importing-${dead}`)
  mkdirSync(foreign)
  writeFileSync(join(foreign, 'one.jpg'), '')
  writeFileSync(join(parent, 'garbage.tar'), 'garbage')
  t.equal(await steelyard(join(parent, 'garbage.tar'), '--check', '--data', join(parent, 'checked')).ended, 1)
  t.ok([running.folder, elsewhere, foreign].every((folder) => existsSync(folder)))
  await db.close()
  t.equal(await steelyard(join(parent, 'garbage.tar'), '--check', '--data', join(parent, 'checked')).ended, 1)
  t.notOk(existsSync(elsewhere))
  running.child.kill('SIGTERM')
  t.equal(await running.ended, 'SIGTERM')
  t.same(readdirSync(parent).sort(), ['archive.tar', 'garbage.tar', `photos.importing-${dead}`])
})
