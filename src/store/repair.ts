import { chmod, chown, copyFile, link, mkdir, open, readdir, readFile, readlink, rename, rm, stat, statfs } from 'node:fs/promises'
import { basename, dirname, join, resolve } from 'node:path'
import { Level } from 'level'
import { syncFolder } from './content.js'
import { noteRepair } from './doubt.js'
import { isFull, StoreError } from './errors.js'
import { bringBack, nextKept, putAside } from './kept-database.js'
import { isLocked, isThere, noDatabase, requireUnlocked } from './lock.js'
import { locked, openError } from './open-error.js'
import { unsavedIn } from './repair-log.js'
import { unusable } from './unusable.js'

/** What LevelDB's repair reads: logs and tables. It makes CURRENT and MANIFEST anew of them. */
const READ = /^\d{6,}\.(log|ldb|sst)$/
/** What a process that only looks whether the database is in use changes in it. */
const TOUCHED = ['LOG', 'LOG.old', 'LOCK']
const ENDED = '-ended-'

/**
 * Puts what LevelDB can still read of a damaged database in its place, and answers where the damaged one is now: what is in damaged blocks is in that
 * only. Nobody may have it open. LevelDB repairs without its lock, and moves files out of the way also where it could not save what is in
 * them. So it works on links to them beside the database, whose own files stay as they are: a repair writes new files and renames, and changes
 * none. Only when all is saved that can be read, and nobody has used the database meanwhile, the two change places. Noted before as
 * a folder in doubt, which stays whatever becomes of this process.
 */
export async function repairDatabase (data: string): Promise<string> {
  const folder = await resolved(join(data, 'db'))
  try {
    if (!await isThere(folder) && await putAside(folder) === undefined) throw await noDatabase(folder)
    return await alone(folder, async (copy) => {
      await bringBack(folder)
      await requireUnlocked(folder)
      await requireMovable(folder)
      await noteRepair(folder)
      const before = await filesIn(folder)
      const names = await linkInto(copy, folder)
      await (Level as unknown as { repair (location: string): Promise<void> }).repair(copy) // of classic-level, which `level` is in Node
      await requireSaved(copy, folder, names)
      await settle(copy)
      return await swap(folder, copy, before)
    })
  } catch (cause) {
    if (cause instanceof StoreError) throw cause
    throw await isLocked(folder) ? locked(folder) : unusable(cause, dirname(folder)) ?? openError(folder, cause)
  }
}

/** Where the database lies: what is renamed is that, not a link to it. */
async function resolved (folder: string): Promise<string> {
  const target = await readlink(folder).catch(() => undefined)
  return target === undefined ? folder : resolve(dirname(folder), target)
}

/**
 * One repair of a folder at a time: a second one would remove what the first is making. What holds it off is an open database, since LevelDB's lock
 * ends with its process; what one that was killed had made is removed.
 */
async function alone (folder: string, work: (copy: string) => Promise<string>): Promise<string> {
  const around = `${folder}.repairing`
  await mkdir(around, { mode: 0o700 }).catch((cause: unknown) => { if ((cause as NodeJS.ErrnoException).code !== 'EEXIST') throw cause })
  const guard = new Level(join(around, 'lock'))
  try {
    await guard.open()
  } catch (cause) {
    const error = openError(folder, cause)
    throw error.code === 'LOCKED' ? new StoreError({ code: 'LOCKED', message: `another repair of ${folder} runs`, cause }) : error
  }
  try {
    await removeEnded(around)
    const copy = join(around, 'db')
    await rm(copy, { recursive: true, force: true })
    return await work(copy)
  } finally {
    await rename(around, `${around}${ENDED}${process.pid}`) // before the lock is given back: the next repair makes its own folder
    await removeEnded(around)
    await guard.close()
  }
}

/** Of repairs that are over; this one may be killed before it has removed its own. */
async function removeEnded (around: string): Promise<void> {
  for (const name of await readdir(dirname(around))) {
    if (name.startsWith(`${basename(around)}${ENDED}`)) await rm(join(dirname(around), name), { recursive: true, force: true })
  }
}

/** A folder that is a disk of its own cannot be renamed; said before anything is copied to the disk that it lies on. */
async function requireMovable (folder: string): Promise<void> {
  const [own, around] = [await stat(folder), await stat(dirname(folder))]
  if (own.dev === around.dev) return
  throw new StoreError({ code: 'FOLDER_UNUSABLE', message: `${folder} is a disk of its own, and a repair puts another folder in its place: copy it to a folder \`db\` of another data folder, and repair that` })
}

/** What a process that uses the database changes: it never opens it without making new files. */
async function filesIn (folder: string): Promise<string> {
  const names = (await readdir(folder)).filter((name) => !TOUCHED.includes(name)).sort()
  const files = await Promise.all(names.map(async (name) => {
    const { ino, size, mtimeNs } = await stat(join(folder, name), { bigint: true })
    return `${name} ${ino} ${size} ${mtimeNs}`
  }))
  return files.join('\n')
}

/** Copies where links are refused. Noted as in doubt as well, for its owner, and with the same rights. Answers the names. */
async function linkInto (copy: string, folder: string): Promise<string[]> {
  const { mode, uid, gid } = await stat(folder)
  await mkdir(copy, { mode: 0o700 })
  const names = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isFile() && READ.test(entry.name)).map(({ name }) => name)
  for (const name of names) {
    const [from, to] = [join(folder, name), join(copy, name)]
    await link(from, to).catch(async () => { await copyFile(from, to) })
  }
  await noteRepair(copy)
  await chmod(copy, mode & 0o7777)
  await chown(copy, uid, gid)
  return names
}

/** LevelDB says that it is done also where it could not write. */
async function requireSaved (copy: string, folder: string, names: readonly string[]): Promise<void> {
  const [first, ...others] = unsavedIn(await readFile(join(copy, 'LOG'), 'utf8'), names)
  if (first === undefined) return
  const why = [first, ...others].find(({ why }) => why !== undefined)?.why
  const code = why === undefined ? await isShort(folder, names) : isFull(new Error(why))
  const what = `${join(folder, first.what)} could not be saved (${why ?? 'LevelDB does not say why'})`
  throw new StoreError(code
    ? { code: 'STORE_FULL', message: `${what}: make room on the disk, as much as the database takes, and give the same command again; nothing was changed` }
    : { code: 'WRITE_FAILED', message: `${what}: copy the data folder to a disk that is sound, and repair that; nothing was changed` })
}

/** Whether less is free than the database takes: the tables that a repair could not write are gone again when it ends. */
async function isShort (folder: string, names: readonly string[]): Promise<boolean> {
  const { bavail, bsize } = await statfs(folder)
  const sizes = await Promise.all(names.map(async (name) => (await stat(join(folder, name))).size))
  return bavail * bsize < sizes.reduce((sum, size) => sum + size, 0)
}

/** LevelDB leaves to the system when a repaired table is on disk. What it moved out of the way is in the folder that is kept. */
async function settle (copy: string): Promise<void> {
  await rm(join(copy, 'lost'), { recursive: true, force: true })
  for (const name of await readdir(copy)) {
    const file = await open(join(copy, name), 'r')
    await file.sync().finally(() => file.close())
  }
  await syncFolder(copy)
}

/** Answers where the damaged database is now. Nobody can open it between the two renames, and whoever has it open is seen. */
async function swap (folder: string, copy: string, before: string): Promise<string> {
  const kept = await nextKept(folder, new Date())
  await rename(folder, kept)
  try {
    await requireUnlocked(kept)
    if (await filesIn(kept) !== before) throw locked(kept)
  } catch (cause) {
    await put(kept, folder, kept)
    throw (cause as StoreError).code === 'LOCKED'
      ? new StoreError({ code: 'LOCKED', message: `another process used the database in ${folder} while it was repaired: what it holds was not changed`, cause })
      : cause
  }
  await put(copy, folder, kept)
  await syncFolder(dirname(folder))
  return kept
}

async function put (from: string, folder: string, kept: string): Promise<void> {
  try {
    await rename(from, folder)
  } catch (cause) {
    throw new StoreError({ code: 'FOLDER_UNUSABLE', message: `${folder} was made by another process while the database that was there is in ${kept}: end that process (a service that was started), move ${folder} away, and give the same command again, which takes up ${kept}`, cause })
  }
}
