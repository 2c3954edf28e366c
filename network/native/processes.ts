/**
 * Long-running programs that outlive the command which started them. Owns the files in `run/`: a node is running exactly if the
 * process named there still has the start time noted there, so that a reused process id is never taken for ours, nor killed.
 * @module
 */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { privateFolder, readIfPresent, writePrivate } from '../embedded/files.js'
import { NativeNetworkError } from './errors.js'

/** How to start a program. */
export interface Program {
  /** Name of the node, e.g. `court.peer`. */
  readonly name: string
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  readonly cwd: string
  /** What the process must be restarted for when it changes. */
  readonly tag?: string
}

/** A process that was started. */
export interface ProcessRecord {
  readonly pid: number
  /** As the system tells it; compared, never interpreted. */
  readonly started: string
  readonly tag?: string
}

/** The folders that this module keeps. */
export interface ProcessFolders {
  readonly run: string
  readonly logs: string
}

const POLL = 50

/** The start time of a process as an opaque string, or undefined if it does not run (a zombie does not). */
export function startTime (pid: number): string | undefined {
  try {
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8')
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ') // the name in parentheses may hold anything
    return fields[0] === 'Z' ? undefined : fields[19]
  } catch {
    return process.platform === 'linux' ? undefined : startTimeByPs(pid)
  }
}

function startTimeByPs (pid: number): string | undefined {
  try {
    const text = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' }).trim()
    return text === '' ? undefined : text
  } catch {
    return undefined
  }
}

/** The record of this very process. */
export function ownRecord (): ProcessRecord {
  return { pid: process.pid, started: startTime(process.pid) ?? '' }
}

/** Whether the process of a record still runs. */
export function isAlive (record: ProcessRecord): boolean {
  return startTime(record.pid) === record.started
}

/** The running process of a node, if any. */
export function runningProcess (folders: ProcessFolders, name: string): ProcessRecord | undefined {
  const record = readRecord(join(folders.run, `${name}.json`))
  return record !== undefined && isAlive(record) ? record : undefined
}

/** Names of all nodes that were ever started here. */
export function knownProcesses (folders: ProcessFolders): string[] {
  try {
    return readdirSync(folders.run).filter((file) => file.endsWith('.json')).map((file) => file.slice(0, -5)).sort()
  } catch {
    return []
  }
}

/** Reads a process record; undefined if there is none or it was half-written. */
export function readRecord (path: string): ProcessRecord | undefined {
  const text = readIfPresent(path)
  if (text === undefined) return undefined
  try {
    const { pid, started, tag } = JSON.parse(text) as Partial<ProcessRecord>
    if (pid === undefined || !Number.isInteger(pid) || started === undefined) return undefined
    return { pid, started, ...(tag === undefined ? {} : { tag }) }
  } catch {
    return undefined
  }
}

/** Starts a program unless it runs already; its output is appended to its log. Returns whether it was started. */
export function startProcess (folders: ProcessFolders, program: Program): boolean {
  if (runningProcess(folders, program.name) !== undefined) return false
  privateFolder(folders.run)
  privateFolder(folders.logs)
  const log = openSync(join(folders.logs, `${program.name}.log`), 'a', 0o600)
  try {
    const child = spawn(program.command, program.args, {
      cwd: program.cwd, env: program.env, detached: true, stdio: ['ignore', log, log]
    })
    child.on('error', () => {}) // reported by the missing pid
    child.unref()
    if (child.pid === undefined) {
      throw new NativeNetworkError({ code: 'START_FAILED', message: `${program.name}: ${program.command} cannot be started` })
    }
    const { tag } = program
    const record: ProcessRecord = { pid: child.pid, started: startTime(child.pid) ?? '', ...(tag === undefined ? {} : { tag }) }
    writePrivate(join(folders.run, `${program.name}.json`), JSON.stringify(record))
  } finally {
    closeSync(log)
  }
  return true
}

/** How a process is ended. */
export interface StopOptions {
  /** Ends it at once, without a chance to finish: for tests of crashes. */
  readonly kill?: boolean
  /** Milliseconds after which it is killed, default 15 s. */
  readonly grace?: number
}

/** Ends a node's process, and waits until it is gone. Returns whether it ran. */
export async function stopProcess (folders: ProcessFolders, name: string, options: StopOptions = {}): Promise<boolean> {
  const record = runningProcess(folders, name)
  if (record !== undefined) await endProcess(record, options)
  rmSync(join(folders.run, `${name}.json`), { force: true })
  return record !== undefined
}

async function endProcess (record: ProcessRecord, options: StopOptions): Promise<void> {
  signal(record, options.kill === true ? 'SIGKILL' : 'SIGTERM')
  const deadline = Date.now() + (options.grace ?? 15_000)
  while (isAlive(record)) {
    if (Date.now() > deadline) signal(record, 'SIGKILL')
    await delay(POLL)
  }
}

function signal (record: ProcessRecord, name: NodeJS.Signals): void {
  try {
    if (isAlive(record)) process.kill(record.pid, name)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'ESRCH')) throw error
  }
}

/** The last lines of a log, for error messages. */
export function logTail (folders: ProcessFolders, name: string, lines = 5): string {
  const text = readIfPresent(join(folders.logs, `${name}.log`)) ?? ''
  return text.trimEnd().split('\n').slice(-lines).join('\n')
}
