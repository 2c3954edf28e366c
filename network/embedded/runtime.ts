/**
 * How a running network is found: runtime.json in its folder. The file alone proves nothing, since a killed process leaves it;
 * only an answer to its token does. In a copy of the folder it is nothing at all: the process that answers serves the original.
 * @module
 */
import { rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { readIfPresent, writePrivate } from './files.js'

/** Where the control API listens, and what it wants to see. */
export interface Runtime {
  readonly pid: number
  readonly port: number
  readonly token: string
}

const FILE = 'runtime.json'

export function writeRuntime (folder: string, runtime: Runtime): void {
  writePrivate(join(folder, FILE), `${JSON.stringify({ ...runtime, place: placeOf(folder) })}\n`)
}

/** Device and inode: a copy has others, a folder that was moved on its disk has the same. Of one boot, as a process is. */
function placeOf (folder: string): string {
  const { dev, ino } = statSync(folder, { bigint: true })
  return `${dev}/${ino}`
}

/** Undefined if there is none, it is not readable as one, or it is that of another folder, copied with it. */
export function readRuntime (folder: string): Runtime | undefined {
  const text = readIfPresent(join(folder, FILE))
  if (text === undefined) return undefined
  try {
    const { pid, port, token, place } = JSON.parse(text) as Partial<Runtime & { readonly place: string }>
    if (pid === undefined || port === undefined || token === undefined || place !== placeOf(folder)) return undefined
    return { pid, port, token }
  } catch {
    return undefined
  }
}

/** Whether the folder still names this process. Any doubt but a missing or another file counts as yes. */
export function hasRuntime (folder: string, { token }: Runtime): boolean {
  try {
    return readRuntime(folder)?.token === token
  } catch {
    return true
  }
}

/** Leaves the file of another process, which may have a new network at the same path. */
export function removeRuntime (folder: string, runtime: Runtime): void {
  if (hasRuntime(folder, runtime)) rmSync(join(folder, FILE), { force: true })
}
