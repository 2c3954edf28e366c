import { readdir, rename } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'

/**
 * A repair works on links to the files of a database and puts what comes of them in its place (repair.ts). What was there before is kept beside it,
 * under a name that says when; the last of them is the one that sorts last. Killed between the two renames, a repair leaves no database at all,
 * and the last one that was kept is it.
 */
const KEPT = '.damaged-'

/** Where the database of a folder is put by a repair that begins now: after all that are there, also when the clock went back. */
export async function nextKept (folder: string, now: Date): Promise<string> {
  const named = `${folder}${KEPT}${now.toISOString().replace(/[-:]/g, '')}`
  const last = await lastKept(folder) ?? ''
  return named > last ? named : `${last}-1`
}

/** The database that a repair of this folder put aside last. */
export async function lastKept (folder: string): Promise<string | undefined> {
  const names = await readdir(dirname(folder)).catch(() => [])
  const last = names.filter((name) => name.startsWith(`${basename(folder)}${KEPT}`)).sort().at(-1)
  return last === undefined ? undefined : join(dirname(folder), last)
}

/** The database that a repair has put aside, and put nothing in its place; undefined where there is one. */
export async function putAside (folder: string): Promise<string | undefined> {
  const names = await readdir(folder).catch((error: unknown) => error)
  const isGone = Array.isArray(names) ? names.length === 0 : (names as NodeJS.ErrnoException).code === 'ENOENT'
  return isGone ? await lastKept(folder) : undefined
}

/** Takes back what a repair that was killed had put aside. */
export async function bringBack (folder: string): Promise<void> {
  const kept = await putAside(folder)
  if (kept !== undefined) await rename(kept, folder) // over an empty folder, which a service that started meanwhile has made
}
