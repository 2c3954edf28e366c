import { closeSync, fdatasyncSync, fstatSync, fsyncSync, lstatSync, openSync, renameSync, writeSync } from 'node:fs'
import { readFile, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { StoreLog } from './log.js'

/**
 * How many deposits were ever acknowledged from a data folder, in a file beside its database: what a database that was set back to an older
 * state, or whose log was cut, cannot know of itself. Written after each commit that is on disk, and before anybody is told; not synced, so that
 * after a power cut it may be behind. It is never ahead.
 */
export interface HighWater {
  /** As it was at the start: the sequence number that comes next, at least. Undefined where nothing is known. */
  readonly atStart: number | undefined
  note (next: number): void
  /** A mark that was lost begins anew at `next`: the ledger has agreed. Before that none is written, which the next start would believe. */
  begin (next: number): void
  close (): void
}

/** The mark as a file says it. Neither: there is none. */
export interface HighWaterMark {
  readonly acknowledged?: number
  /** Why it cannot be read. */
  readonly unreadable?: string
}

export interface HighWaterOptions {
  /** Deposits that the database has. */
  readonly here: number
  readonly log: StoreLog
}

const FILE = 'high-water'
/** Every number has the same length, so that one in the middle of being written is never shorter: a safe integer has at most 16 digits. */
const WIDTH = 16
const BYTES = WIDTH + 1
const LOOK_MS = 1000

/** `acknowledged` is undefined where nothing is known, as in a folder that was imported. */
export async function readHighWater (data: string): Promise<HighWaterMark> {
  const path = join(data, FILE)
  try {
    const found = await stat(path)
    if (!found.isFile()) return { unreadable: 'it is not a file' }
    if (found.size !== BYTES) return { unreadable: `it has ${found.size} bytes instead of ${BYTES}` }
    const text = await readFile(path, 'latin1')
    const acknowledged = /^\d{16}\n$/.test(text) ? Number(text) : Number.NaN
    return Number.isSafeInteger(acknowledged) ? { acknowledged } : { unreadable: 'it holds no number that can be one' }
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    return code === 'ENOENT' ? {} : { unreadable: message }
  }
}

/** For the tools, where no service has the folder: a mark where there was none. */
export function beginHighWater (data: string, next: number): void {
  closeSync(place(join(data, FILE), next))
}

/** The one writer of the file is the service that has the database open, which looks now and then whether the file is still the one it writes to. */
export async function openHighWater (data: string, { here, log }: HighWaterOptions): Promise<HighWater> {
  const path = join(data, FILE)
  const { acknowledged, unreadable = 'there is none' } = await readHighWater(data)
  let highest = acknowledged ?? 0 // what lies beyond it is made up for by whoever has found the records whole
  let isBegun = acknowledged !== undefined || here === 0
  let fd: number | undefined
  let hasFailed = false
  const attempt = (write: () => void): void => {
    try {
      write()
      hasFailed = false
    } catch (err) {
      if (!hasFailed) log.error({ err, file: path }, 'the mark of acknowledged deposits cannot be written: it is behind, as after a power cut')
      hasFailed = true // tried again at each commit and each look, and said once
    }
  }
  const write = (): void => {
    fd ??= place(path, highest)
    writeSync(fd, textOf(highest), 0)
  }
  const look = (): void => {
    if (fd !== undefined && !isAt(path, fd)) {
      log.warn({ file: path }, 'the mark of acknowledged deposits was removed, replaced or cut under the running service: it is written anew')
      const gone = fd
      fd = undefined
      closeSync(gone)
    }
    if (fd === undefined || hasFailed) write()
  }

  if (!isBegun) log.warn({ file: path, why: unreadable }, 'the mark of acknowledged deposits cannot be read: the ledger is asked first what there was')
  else {
    if (acknowledged !== undefined) attempt(() => { fd = openSync(path, 'r+') })
    attempt(write) // its place on the disk is taken while there is room
  }
  const timer = setInterval(() => { if (isBegun) attempt(look) }, LOOK_MS).unref()
  return {
    atStart: acknowledged,
    note (next) {
      if (!isBegun || next <= highest) return
      highest = next
      attempt(write)
    },
    begin (next) {
      if (isBegun) return
      isBegun = true
      highest = next
      attempt(write)
    },
    close () {
      clearInterval(timer)
      isBegun = false // nothing is noted any more: the number of the file may soon be another one's
      if (fd === undefined) return
      try {
        fdatasyncSync(fd)
      } finally {
        closeSync(fd)
      }
    }
  }
}

function textOf (next: number): string {
  if (!Number.isSafeInteger(next) || next < 0) throw new RangeError(`${next} is no number of deposits`)
  return `${String(next).padStart(WIDTH, '0')}\n`
}

/** A new file in the place of whatever is there, whole or not at all; open for more. */
function place (path: string, next: number): number {
  const text = textOf(next)
  const fd = openSync(`${path}.new`, 'w', 0o600)
  try {
    writeSync(fd, text, 0)
    fdatasyncSync(fd)
    renameSync(`${path}.new`, path)
    syncFolder(dirname(path))
    return fd
  } catch (error) {
    closeSync(fd)
    throw error
  }
}

function syncFolder (path: string): void {
  const fd = openSync(path, 'r')
  try {
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

/** Whether the file that is open is still the one under its name, and whole. */
function isAt (path: string, fd: number): boolean {
  const named = lstatSync(path, { throwIfNoEntry: false })
  const open = fstatSync(fd)
  return named?.ino === open.ino && named.dev === open.dev && named.size === BYTES
}
