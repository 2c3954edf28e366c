import { closeSync, fdatasyncSync, openSync, writeSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * How many deposits were ever acknowledged from a data folder, in a file beside its database: what a database that was set back to an older
 * state, or whose log was cut, cannot know of itself. Written after each commit that is on disk, and before anybody is told; not synced, so that
 * after a power cut it may be behind. It is never ahead.
 */
export interface HighWater {
  /** As it was at the start: the sequence number that comes next, at least. */
  readonly atStart: number
  note (next: number): void
  close (): void
}

const FILE = 'high-water'
/** Every number has the same length, so that one in the middle of being written is never shorter. */
const WIDTH = 16

/** 0 where nothing is known, as in a folder that was imported. */
export async function readHighWater (data: string): Promise<number> {
  const text = await readFile(join(data, FILE), 'latin1').catch(() => '')
  return /^\d{16}\n$/.test(text) ? Number(text) : 0
}

/** The one writer of the file is the service that has the database open. */
export async function openHighWater (data: string): Promise<HighWater> {
  const atStart = await readHighWater(data)
  const file = openSync(join(data, FILE), 'a', 0o600)
  closeSync(file)
  const fd = openSync(join(data, FILE), 'r+')
  let highest = atStart
  const write = (): void => { writeSync(fd, `${String(highest).padStart(WIDTH, '0')}\n`, 0) }
  write() // its place on the disk is taken while there is room
  return {
    atStart,
    note (next) {
      if (next <= highest) return
      highest = next
      try {
        write()
      } catch {
        // then it is behind, as after a power cut; the deposit is on disk
      }
    },
    close () {
      highest = Infinity // nothing is noted any more: the number of the file may soon be another one's
      try {
        fdatasyncSync(fd)
      } finally {
        closeSync(fd)
      }
    }
  }
}
