import { constants } from 'node:fs'
import { access, mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { isFull, StoreError } from './errors.js'

/** LevelDB has no codes for them, only the system's words. */
const WORDS: ReadonlyArray<readonly [RegExp, string]> = [
  [/permission denied/i, 'EACCES'], [/operation not permitted/i, 'EPERM'], [/read-only file system/i, 'EROFS'],
  [/too many open files in system/i, 'ENFILE'], [/too many open files/i, 'EMFILE']
]

/** By the system's code: what keeps this process from a path, and what to do about that. `folder`: what the path lies in. */
const SAYS: Readonly<Record<string, (path: string, folder: string) => string>> = {
  EACCES: refusedTo,
  EPERM: refusedTo,
  EROFS: (path) => `${path} cannot be written, the disk is read-only: mount it to be written (a system that met an error on it says so in its log), or copy what is on it to another disk`,
  EISDIR: (path, folder) => path === folder // a read that fails so does not say where
    ? `a folder lies in ${folder} where a file has to be (credentials.json, keys/receipt.pem): move it away`
    : `${path} is a folder where a file has to be: move it away`,
  EMFILE: (path) => `${path} cannot be opened, this process has as many files open as it may: allow it more (ulimit -n, LimitNOFILE=)`,
  ENFILE: (path) => `${path} cannot be opened, the system has as many files open as it may: end what holds them, or allow more (sysctl fs.file-max)`,
  EBUSY: (_path, folder) => `${folder} is where a file system is mounted: name a folder below it`,
  EEXIST: notFolder,
  ENOTDIR: notFolder,
  ENOENT: (path) => `${path} is not there and cannot be made: is its disk mounted, or does a link on the way lead nowhere?`
}

/**
 * What the system refuses for reasons that lie outside the data folder: another user, a read-only or full disk, something else in its place. Nothing
 * is damaged then, and no repair helps. Undefined for every other error.
 */
export function unusable (error: unknown, folder: string): StoreError | undefined {
  if (!(error instanceof Error) || error instanceof StoreError) return undefined
  if (isFull(error)) return new StoreError({ code: 'STORE_FULL', message: `the disk of ${folder} is full: make room on it`, cause: error })
  const { path = leveldbPath(error) ?? folder } = error as NodeJS.ErrnoException
  const says = SAYS[systemCode(error)]?.(path, folder)
  return says === undefined ? undefined : new StoreError({ code: 'FOLDER_UNUSABLE', message: says, cause: error })
}

/** Makes a folder and those around it, for its owner only; says why where that cannot be. */
export async function makeFolder (path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true, mode: 0o700 })
  } catch (cause) {
    throw unusable(await reasonOf(path, cause), path) ?? cause
  }
}

/** Node says ENOENT of every folder that cannot be made on a read-only disk; what is around it says why. */
async function reasonOf (path: string, cause: unknown): Promise<unknown> {
  if ((cause as NodeJS.ErrnoException).code !== 'ENOENT' || dirname(path) === path) return cause
  const around = await access(dirname(path), constants.W_OK).catch((error: unknown) => error)
  return around === undefined ? cause : await reasonOf(dirname(path), around)
}

/** Of LevelDB's words and of system calls that failed; of nothing else, whatever its code. */
function systemCode (error: Error): string {
  const { code = '', syscall } = error as NodeJS.ErrnoException
  if (code.startsWith('LEVEL_')) return WORDS.find(([pattern]) => pattern.test(error.message))?.[1] ?? ''
  return syscall === undefined ? '' : code
}

function leveldbPath ({ message }: Error): string | undefined {
  return /^IO error: (.+): [^:]+$/.exec(message)?.[1]
}

function refusedTo (path: string, folder: string): string {
  const user = process.getuid?.()
  const owned = path === folder || path.startsWith(`${folder}/`) ? folder : path
  return user === 0
    ? `not even root may use ${path}: is it immutable (lsattr), or on a file system that gives root no rights?`
    : `this user${user === undefined ? '' : ` (${user})`} may not use ${path}: run as the user that owns ${owned}; what another user left in it is given back by chown`
}

function notFolder (path: string): string {
  return `${path} is not a folder, or lies below something that is none: move that away, or name another data folder`
}
