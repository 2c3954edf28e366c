import { randomBytes } from 'node:crypto'
import { readdir, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Test } from 'tap'
import { run as fsck } from '../../src/cli/commands/fsck.js'
import { run as rebuildIndex } from '../../src/cli/commands/rebuild-index.js'
import { type Tool, toolWith } from './commands.js'
import { dump, serviceCopy } from './damage.js'
import { dataFolder, type RunningService, startService, until, untilReady } from './service.js'

/** A data folder whose service was stopped when all was final, some of it in a table and some in the log; its network runs. Tests damage copies of it. */
export interface WholeFolder {
  /** The operator's connection profile. */
  readonly profile: string
  /** Evidence numbers by sequence. */
  readonly numbers: readonly string[]
  readonly copy: () => Promise<string>
  /** Runs a command in this process, with the ledger. */
  readonly tool: Tool
  /**
   * Holds the repaired folder against what it was: whatever is not there any more, or is otherwise, is named. Left out: `x` and `k`, which the service
   * makes anew, block 0, of which only the data count and come from the trust bundle, and `i`, whose names are their digests.
   */
  readonly isSaved: (t: Test, folder: string, loses?: boolean) => Promise<void>
}

export async function wholeFolder (t: Pick<Test, 'teardown'>): Promise<WholeFolder> {
  const data = dataFolder(t)
  const profile = join(data, 'network', 'profiles', 'operator.json')
  const numbers: string[] = []
  const fill = async (service: RunningService): Promise<void> => {
    await untilReady(service)
    for (let i = 0; i < 5; i++) numbers.push((await service.depositDigests(randomBytes(32).toString('hex'))).body.number)
    await until(async () => (await service.json(`/v1/evidence/${numbers.at(-1) as string}?wait=final`)).body.state === 'final')
    await service.kill()
  }
  await fill(await startService(data))
  await fill(await startService(data)) // what was in the log is in a table now
  let copies = 0
  const copy = async (): Promise<string> => await serviceCopy(data, join(data, `copy-${++copies}`))
  const whole = await dump(await copy()) // to look into it empties its log

  const tool = toolWith(profile)
  return {
    profile,
    numbers,
    copy,
    tool,
    async isSaved (t, folder, loses) {
      const repaired = await tool(rebuildIndex, { data: folder, repair: true }).catch((error: unknown) => error as Error)
      if (repaired instanceof Error) { // where a bit is chosen by its place in the file, it may make keys that LevelDB reads nothing after
        t.match(repaired, { code: 'DATA', exitCode: 2, reason: /DAMAGED|UNREADABLE/, message: loses === undefined ? /./ : 'nothing' })
        return
      }
      const checked = await tool(fsck, { data: folder })
      const left = await dump(folder)
      const lost = [...whole].filter(([key, value]) => !/^(78|6b|69|620{16}$)/.test(key) && left.get(key) !== value).map(([key]) => key)
      if (loses !== undefined) t.equal(lost.length > 0, loses, `${lost.length} entries are lost`)
      const about = JSON.stringify([checked.code, checked.report.byCode, repaired.report.byCode, lost.slice(0, 3)])
      // Without its trust bundle, which the service makes anew, not everything can be checked.
      t.ok(lost.length > 0 ? checked.code !== 0 : loses === undefined || checked.code !== 1, about)
    }
  }
}

export async function fileOf (folder: string, name: RegExp): Promise<string> {
  const found = (await readdir(join(folder, 'db'))).find((each) => name.test(each))
  if (found === undefined) throw new Error(`no file ${name.source}`)
  return join(folder, 'db', found)
}

type Damage = (folder: string) => Promise<void>

export const gone = (name: RegExp): Damage => async (folder) => { await rm(await fileOf(folder, name)) }
const cut = (name: RegExp, size: number): Damage => async (folder) => { await truncate(await fileOf(folder, name), size) }
/** A bit changes at that part of a file's length. */
export const flipped = (name: RegExp, part: number): Damage => async (folder) => {
  const path = await fileOf(folder, name)
  const bytes = await readFile(path)
  const at = Math.floor((bytes.length - 1) * part)
  bytes[at] = (bytes[at] as number) ^ 0x40
  await writeFile(path, bytes)
}
const [LOG, TABLE, CURRENT, MANIFEST] = [/\.log$/, /\.ldb$/, /^CURRENT$/, /^MANIFEST/]

/** What of the database is damaged; whether anything is lost by it, if that is certain. */
export interface FileDamage { readonly what: string, readonly damage: Damage, readonly loses?: boolean }

/** One of each kind, each of which keeps the service from starting. */
export const FILE_DAMAGES: readonly FileDamage[] = [
  { what: 'a bit in the log', damage: flipped(LOG, 0.3) },
  { what: 'the log gone', damage: gone(LOG), loses: true },
  { what: 'CURRENT cut', damage: cut(CURRENT, 3), loses: false },
  { what: 'CURRENT gone', damage: gone(CURRENT), loses: false },
  { what: 'MANIFEST gone', damage: gone(MANIFEST), loses: false },
  { what: 'MANIFEST cut', damage: cut(MANIFEST, 20), loses: false },
  { what: 'a bit in MANIFEST', damage: flipped(MANIFEST, 0.5), loses: false },
  { what: 'a table gone', damage: gone(TABLE), loses: true },
  { what: 'a table cut', damage: cut(TABLE, 2000), loses: true },
  { what: 'the end of a table changed', damage: flipped(TABLE, 1), loses: true }
]

/** The same kinds elsewhere in the files: for the long tests. */
export const MORE_FILE_DAMAGES: readonly FileDamage[] = [
  ...[0.01, 0.5, 0.9, 0.999].map((part) => ({ what: `a bit at ${part} of the log`, damage: flipped(LOG, part) })),
  { what: 'CURRENT empty', damage: cut(CURRENT, 0), loses: false },
  { what: 'MANIFEST empty', damage: cut(MANIFEST, 0), loses: false },
  ...[0.1, 0.9].map((part) => ({ what: `a bit at ${part} of MANIFEST`, damage: flipped(MANIFEST, part), loses: false })),
  ...[0, 100].map((size) => ({ what: `a table cut to ${size}`, damage: cut(TABLE, size), loses: true }))
]

/** Nothing starts on a folder that is so damaged, and the tool that is named saves what is left and names the rest. */
export async function isRefusedAndSaved (t: Test, whole: WholeFolder, { damage, loses }: FileDamage): Promise<void> {
  const folder = await whole.copy()
  await damage(folder)
  await t.rejects(startService(folder), { signal: null, message: /rebuild-index --repair[^]*fsck/ })
  await whole.isSaved(t, folder, loses)
  await rm(folder, { recursive: true })
}
