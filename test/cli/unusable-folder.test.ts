/** A data folder that the system refuses, though nothing in it is damaged: each program says so in one line, and none advises a repair. */
import { spawnSync } from 'node:child_process'
import { chmodSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import { openStore } from '../../src/store/store.js'
import { dataFolder } from '../support/service.js'
import { noSmallDisk, smallDisk } from '../support/small-disk.js'

const CLI = resolve('dist/src/cli/main.js')
const NOBODY = 65534
const TOOLS = [['fsck', '--no-ledger'], ['rebuild-index', '--no-ledger'], ['rebuild-index', '--no-ledger', '--repair'], ['export', '/nowhere/archive.tar']] as const

/** Why no other user can run the program here, or false. */
const noOtherUser: string | false = process.getuid?.() !== 0 ? 'to become another user takes root' : isOpen(CLI) ? false : `others may not read ${CLI}`

function isOpen (path: string): boolean {
  const isAllowed = (statSync(path).mode & 0o005) !== 0
  return isAllowed && (path === '/' || isOpen(dirname(path)))
}

/** A data folder as a service leaves it. */
async function whole (data: string): Promise<void> {
  const store = await openStore(data, () => undefined, { log: { warn: () => undefined, error: () => undefined } })
  await store.close()
}

interface Run { readonly code: number | null, readonly said: string }

function steelyard (data: string, args: readonly string[], uid?: number): Run {
  const env = { PATH: process.env.PATH, STEELYARD_DATA: data, STEELYARD_PORT: '0', STEELYARD_LOG_LEVEL: 'silent' }
  const { status, stderr } = spawnSync(process.execPath, [CLI, ...args], { encoding: 'utf8', env, timeout: 60_000, ...(uid === undefined ? {} : { uid, gid: uid }) })
  return { code: status, said: stderr }
}

/** One line that says what it is. */
function refuses (t: Test, { code, said }: Run, expected: { readonly code: number, readonly says: RegExp }, what: string): void {
  t.equal(code, expected.code, what)
  t.match(said, expected.says, what)
  t.equal(said.trimEnd().split('\n').length, 1, said)
  t.notMatch(said, /rebuild-index|another process|stop the service|E[A-Z]{4,}:/, what)
}

t.test('another user than the owner', { skip: noOtherUser }, async (t) => {
  const data = dataFolder(t)
  await whole(data)
  const says = new RegExp(`^steelyard: this user \\(${NOBODY}\\) may not use ${data}[^ ]*: run as the user that owns ${data}`)
  for (const [mode, tools] of [[0o700, TOOLS.slice(0, 1)], [0o755, TOOLS]] as const) { // what refuses is the folder, then the lock in it
    for (const folder of [data, join(data, 'db')]) chmodSync(folder, mode)
    refuses(t, steelyard(data, ['serve'], NOBODY), { code: 1, says }, `serve, ${mode.toString(8)}`)
    for (const args of tools) refuses(t, steelyard(data, args, NOBODY), { code: 2, says }, `${args.join(' ')}, ${mode.toString(8)}`)
  }
})

t.test('a disk that is read-only', { skip: noSmallDisk }, async (t) => {
  const disk = dataFolder(t)
  smallDisk(t, disk, 40)
  const data = join(disk, 'data')
  await whole(data)
  t.equal(spawnSync('mount', ['-o', 'remount,ro', disk]).status, 0)
  const says = new RegExp(`^steelyard: ${disk}[^ ]* cannot be written, the disk is read-only`)
  refuses(t, steelyard(data, ['serve']), { code: 1, says }, 'serve')
  refuses(t, steelyard(join(disk, 'new', 'data'), ['serve']), { code: 1, says }, 'serve on a new folder')
  for (const args of [TOOLS[0], TOOLS[2]]) refuses(t, steelyard(data, args), { code: 2, says }, args.join(' '))
})

t.test('a disk that is full', { skip: noSmallDisk }, async (t) => {
  const data = dataFolder(t)
  const disk = smallDisk(t, data, 40)
  await whole(data)
  await disk.fill()
  refuses(t, steelyard(data, ['serve']), { code: 1, says: new RegExp(`^steelyard: .*${data}.*full`) }, 'serve')
})

t.test('something else in the place of the folder, or of a file in it', async (t) => {
  const parent = dataFolder(t)
  const data = join(parent, 'data')
  await whole(data)
  mkdirSync(join(data, 'credentials.json'))
  refuses(t, steelyard(data, ['serve']), { code: 1, says: new RegExp(`^steelyard: a folder lies in ${data} where a file has to be`) }, 'a folder for a file')

  const file = join(parent, 'file')
  writeFileSync(file, '')
  for (const path of [file, join(file, 'data')]) {
    refuses(t, steelyard(path, ['serve']), { code: 1, says: new RegExp(`^steelyard: ${path} is not a folder, or lies below`) }, path)
    for (const args of [...TOOLS, ['fsck'], ['reconcile'], ['rebuild-index']]) {
      refuses(t, steelyard(path, args), { code: 2, says: new RegExp(`^steelyard: ${path}(/db)? is not a folder, or lies below`) }, `${args.join(' ')}, ${path}`)
    }
  }
  const link = join(parent, 'link')
  symlinkSync(join(parent, 'unmounted', 'data'), link)
  refuses(t, steelyard(link, ['serve']), { code: 1, says: new RegExp(`^steelyard: ${link} is not there and cannot be made`) }, 'a link that leads nowhere')
})
