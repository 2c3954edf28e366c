import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { logRecords } from './log-format.js'

/**
 * LevelDB's MANIFEST: changes of the set of files, one record each, of which the last word counts. Format: `VersionEdit` in
 * https://github.com/google/leveldb/blob/main/db/version_edit.cc
 */
const LOG_NUMBER = 2

/** What follows each tag: `n` a number, `s` as many bytes as a number says. */
const FIELDS: Readonly<Record<number, string>> = {
  1: 's', // comparator
  [LOG_NUMBER]: 'n',
  3: 'n', // next file
  4: 'n', // last sequence
  5: 'ns', // compaction pointer
  6: 'nn', // deleted file
  7: 'nnnss', // new file
  9: 'n' // previous log
}

/**
 * Name of the log that the database in a folder goes on from; undefined where there is none yet, or where CURRENT or MANIFEST cannot be read, which
 * LevelDB says by itself. It does not miss a log that is gone: it would begin an empty one.
 */
export async function liveLog (folder: string): Promise<string | undefined> {
  const name = /^(MANIFEST-\d+)\n$/.exec((await bytesOf(join(folder, 'CURRENT'))).toString())?.[1]
  if (name === undefined) return undefined
  let number = 0
  for (const record of logRecords(await bytesOf(join(folder, name)))) number = logNumberIn(record) ?? number
  return number === 0 ? undefined : `${String(number).padStart(6, '0')}.log`
}

async function bytesOf (path: string): Promise<Buffer> {
  return await readFile(path).catch(() => Buffer.alloc(0))
}

function logNumberIn (record: Buffer): number | undefined {
  let at = 0
  let found: number | undefined
  const number = (): number => {
    let value = 0
    for (let scale = 1; at < record.length; scale *= 128) {
      const byte = record[at++] as number
      value += (byte & 127) * scale
      if (byte < 128) break
    }
    return value
  }
  while (at < record.length) {
    const tag = number()
    const fields = FIELDS[tag]
    if (fields === undefined) return found // LevelDB refuses it
    for (const field of fields) {
      const value = number()
      if (field === 's') at += value
      else if (tag === LOG_NUMBER) found = value
    }
  }
  return found
}
