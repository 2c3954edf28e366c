import { readdir, realpath, rename, rmdir, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { makeFolder, unusable } from '../../store/unusable.js'
import { OpsError } from '../errors.js'
import { importFolder, PARTS, sweepImports } from './leftovers.js'

/** Where an import goes, and the folder that holds everything until it is whole: on the same disk, since it gets there by its name alone. */
export interface ImportTarget {
  readonly folder: string
  /** Gives what is whole its place. */
  readonly place: () => Promise<void>
}

/** Looks at the target before anything is read: what cannot be put there in the end is not begun. */
export async function openTarget (path: string, isKept: boolean): Promise<ImportTarget> {
  const target = await realpath(path).catch(() => path)
  const isInside = isKept && await isDisk(target)
  const folder = importFolder(target, process.pid, isInside)
  await makeFolder(dirname(folder))
  await sweepImports(dirname(folder))
  if (isKept && (await namesIn(target)).some((name) => !isInside || name !== LOST)) throw notEmpty(target)
  return { folder, place: async () => { await (isInside ? moveInto(target, folder) : rename(folder, target)).catch(refused(target)) } }
}

/** What a file system makes at its root. */
const LOST = 'lost+found'

/** An empty disk that is mounted there, say: nothing can be put in its place, and what lies beside it is another disk. */
async function isDisk (target: string): Promise<boolean> {
  const [own, around] = await Promise.all([target, dirname(target)].map(async (each) => await stat(each).catch(() => undefined)))
  return own?.isDirectory() === true && own.dev !== around?.dev
}

async function namesIn (target: string): Promise<string[]> {
  try {
    return await readdir(target)
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ENOENT') return []
    throw unusable(cause, target) ?? cause
  }
}

function notEmpty (target: string, cause?: unknown): OpsError {
  return new OpsError({ code: 'FOLDER_NOT_EMPTY', message: `${target} is not empty: an import goes into a new data folder`, cause })
}

/** The database last: without it no service begins anything where content is. */
async function moveInto (target: string, folder: string): Promise<void> {
  const moved: string[] = []
  try {
    for (const part of PARTS) {
      await rename(join(folder, part), join(target, part))
      moved.push(part)
    }
  } catch (error) {
    for (const part of moved) await rename(join(target, part), join(folder, part))
    throw error
  }
  await rmdir(folder)
}

/** Another import was faster, or the target is a mount of its own disk. */
function refused (target: string): (cause: unknown) => never {
  return (cause) => {
    const { code = '' } = cause as NodeJS.ErrnoException
    throw ['ENOTEMPTY', 'EEXIST'].includes(code) ? notEmpty(target, cause) : unusable(cause, target) ?? cause
  }
}
