import { readdir, readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Database } from './database.js'

/**
 * Whether the files of an open database are still in their folder. LevelDB goes on with files that somebody removed, and whatever it writes to
 * them ends with the process: it is looked at now and then, so that no more is acknowledged that way. What was written so far can still be read, and
 * what only a removed log had is written anew.
 */
export interface FileWatch {
  /** The first file that is gone, or shorter than it was at the last look. */
  readonly missing: string | undefined
  close (): void
}

const LOOK_MS = 1000
/** Tables that are looked at in one go: a large database has thousands, and each look takes its time from the deposits. */
const TABLES = 50

/** What `level` is in Node. */
export interface ClassicLevel {
  getProperty (name: string): string
  compactRange (start: Buffer, end: Buffer): Promise<void>
}

/** A file of the database, which has at least so many bytes. */
interface Wanted { readonly name: string, readonly least: number }

export function watchFiles (db: Database): FileWatch {
  const search = createSearch(db)
  let missing: string | undefined
  let isLooking = false
  const look = async (): Promise<void> => {
    missing = await search(missing)
    if (missing?.endsWith('.log') === true) await flush(db)
  }
  const start = (): void => {
    if (isLooking || db.status !== 'open') return // it is opened again after a write that failed
    isLooking = true
    look().catch(() => undefined).finally(() => { isLooking = false })
  }
  start()
  const timer = setInterval(start, LOOK_MS).unref()
  return {
    get missing () { return missing },
    close () { clearInterval(timer) }
  }
}

/**
 * The search for a file that is missing, some at a time: the list of tables is asked for anew when all of them were looked at. Files come
 * and go while the database works, and none comes back: one that is not there is missing if the database has it before that and
 * still afterwards. `known`: one that was missing the last time; `most`: tables of one go.
 */
export function createSearch (db: Database, most = TABLES): (known?: string) => Promise<string | undefined> {
  let newestLog = ''
  let tables: Wanted[] = []
  const grown = new Map<string, number>() // bytes that log and MANIFEST had
  const others = async (): Promise<Wanted[]> => {
    const { location } = db
    const names = await readdir(location).catch(() => [])
    const manifest = (await readFile(join(location, 'CURRENT'), 'latin1').catch(() => '')).trimEnd()
    newestLog = names.filter((name) => name.endsWith('.log')).reduce(newer, newestLog)
    const growing = [manifest, newestLog]
    for (const name of grown.keys()) if (!growing.includes(name)) grown.delete(name)
    return [{ name: 'CURRENT', least: 1 }, ...growing.map((name) => ({ name, least: grown.get(name) ?? 0 }))]
  }
  return async (known) => {
    if (tables.length === 0 || known !== undefined) tables = tablesOf(db)
    const again = tables.filter(({ name }) => name === known)
    const rest = await others()
    const first = await firstOf(db.location, [...rest, ...again, ...tables.splice(0, most)])
    if (first === undefined) {
      for (const { name } of rest.slice(1)) grown.set(name, (await stat(join(db.location, name)).catch(() => undefined))?.size ?? 0)
      return undefined
    }
    tables = tablesOf(db)
    if (![...await others(), ...tables].some(({ name }) => name === first)) return undefined
    return first === '' ? 'MANIFEST' : first
  }
}

/** Of the names of two logs: their numbers have six digits or more. */
function newer (a: string, b: string): string {
  return a.length > b.length || (a.length === b.length && a > b) ? a : b
}

async function firstOf (location: string, wanted: readonly Wanted[]): Promise<string | undefined> {
  for (const { name, least } of wanted) {
    const found = await stat(join(location, name)).catch(() => undefined)
    if (found?.isFile() !== true || found.size < least) return name
  }
  return undefined
}

/** Writes what only the log had into a table, and begins a new log: then nothing is missing any more. */
async function flush (db: Database): Promise<void> {
  const nothing = Buffer.of(0xff)
  await (db as unknown as ClassicLevel).compactRange(nothing, nothing)
}

/** The tables of the present version, as LevelDB lists them: ` 17:123['a' .. 'd']`. */
function tablesOf (db: Database): Wanted[] {
  const list = (db as unknown as ClassicLevel).getProperty('leveldb.sstables')
  return [...list.matchAll(/^ (\d+):(\d+)\[/gm)].map(([, number = '', size]) => ({ name: `${number.padStart(6, '0')}.ldb`, least: Number(size) }))
}
