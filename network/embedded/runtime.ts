/**
 * How a running network is found: runtime.json in its folder. The file alone proves nothing, since a killed process leaves it;
 * only an answer to its token does.
 * @module
 */
import { rmSync } from 'node:fs'
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
  writePrivate(join(folder, FILE), `${JSON.stringify(runtime)}\n`)
}

/** Undefined if there is none, or it is not readable as one. */
export function readRuntime (folder: string): Runtime | undefined {
  const text = readIfPresent(join(folder, FILE))
  if (text === undefined) return undefined
  try {
    const runtime = JSON.parse(text) as Partial<Runtime>
    const { pid, port, token } = runtime
    return pid === undefined || port === undefined || token === undefined ? undefined : { pid, port, token }
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
