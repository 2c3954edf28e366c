import { rmSync, writeFileSync } from 'node:fs'
import { privateFolder } from '../embedded/files.js'
import { NativeNetworkError } from './errors.js'
import type { Layout } from './layout.js'
import { isAlive, ownRecord, readRecord } from './processes.js'

/**
 * Runs `work` while no other command changes this network. The lock of a command that died counts for nothing.
 * @throws NativeNetworkError FOLDER_LOCKED
 */
export async function withLock<T> (layout: Layout, work: () => Promise<T>): Promise<T> {
  privateFolder(layout.folder)
  acquire(layout, true)
  try {
    return await work()
  } finally {
    rmSync(layout.lock, { force: true })
  }
}

function acquire (layout: Layout, mayBreak: boolean): void {
  try {
    writeFileSync(layout.lock, JSON.stringify(ownRecord()), { flag: 'wx', mode: 0o600 })
  } catch (cause) {
    if (!(cause instanceof Error && 'code' in cause && cause.code === 'EEXIST')) throw cause
    const holder = readRecord(layout.lock)
    if (!mayBreak || (holder !== undefined && isAlive(holder))) {
      throw new NativeNetworkError({ code: 'FOLDER_LOCKED', message: `another command works on ${layout.folder}`, cause })
    }
    rmSync(layout.lock, { force: true })
    acquire(layout, false)
  }
}
