/** The command line: as people run it, and its commands in this process. */
import { spawn } from 'node:child_process'
import { resolve } from 'node:path'
import type { Terminal } from '../../src/cli/terminal.js'
import type { Report } from '../../src/ops/report.js'

export const CLI = resolve('dist/src/cli/main.js')

export interface Ran {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
  /** What it printed, where that is JSON. */
  readonly json: any
}

/** Runs `steelyard` in a process of its own. `home`: a folder that takes the place of the user's; pins are kept there. */
export async function runSteelyard (home: string, args: readonly string[]): Promise<Ran> {
  // A depositor's key, as people have it in their environment: no tool of the operator may take it for its own.
  const child = spawn(process.execPath, [CLI, ...args], { env: { PATH: process.env.PATH, HOME: home, STEELYARD_KEY: 'sk_depositor.none' }, stdio: ['ignore', 'pipe', 'pipe'] })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (chunk: Buffer) => { stdout += chunk.toString() })
  child.stderr.on('data', (chunk: Buffer) => { stderr += chunk.toString() })
  const code = await new Promise<number | null>((resolve) => { child.once('close', resolve) })
  return { code, stdout, stderr, json: stdout.startsWith('{') ? JSON.parse(stdout) : undefined }
}

export type Command = (options: any, terminal: Terminal) => Promise<number>
export type Tool = (run: Command, options: object) => Promise<{ code: number, report: Report }>

/** Runs an operator's command in this process, with this connection profile unless its options say otherwise. */
export function toolWith (profile: string): Tool {
  return async (run, options) => {
    let report: unknown
    const code = await run({ ledger: profile, content: true, ...options }, { result: (_text: string, json: unknown) => { report = json } } as Terminal)
    return { code, report: report as Report }
  }
}
