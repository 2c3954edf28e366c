import { execFile } from 'node:child_process'
import { NativeNetworkError } from './errors.js'

/** A program that runs and ends. */
export interface Command {
  readonly command: string
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Milliseconds, default one minute. */
  readonly timeout?: number
}

/** What a program said. */
export interface CommandOutput {
  readonly stdout: string
  readonly stderr: string
}

const OUTPUT = 64 * 1024 * 1024
const COLOURS = /\u001b\[[0-9;]*m/g // eslint-disable-line no-control-regex -- Fabric's programs colour their errors

/**
 * Runs one of Fabric's programs to its end.
 * @throws NativeNetworkError COMMAND with the last thing that it said
 */
export async function runCommand (command: Command): Promise<CommandOutput> {
  return await new Promise((resolve, reject) => {
    const options = { env: command.env, timeout: command.timeout ?? 60_000, maxBuffer: OUTPUT }
    execFile(command.command, command.args, options, (error, stdout, stderr) => {
      if (error === null) {
        resolve({ stdout, stderr })
        return
      }
      const said = `${stdout}\n${stderr}`.replace(COLOURS, '').trim().split('\n').filter((line) => line.trim() !== '')
      const what = command.args.filter((argument) => !argument.startsWith('-')).slice(0, 3).join(' ')
      const last = errorLine(said)
      reject(new NativeNetworkError({ code: 'COMMAND', message: `${what}: ${last ?? error.message}`, cause: error }))
    })
  })
}

function errorLine (lines: readonly string[]): string | undefined {
  return lines.find((line) => line.startsWith('Error')) ?? lines.at(-1)
}

/** The part of this process's environment that programs need; nothing else is handed down. */
export function baseEnvironment (): Record<string, string> {
  const { PATH: path, HOME: home, TMPDIR: temporary } = process.env
  return {
    ...(path === undefined ? {} : { PATH: path }),
    ...(home === undefined ? {} : { HOME: home }),
    ...(temporary === undefined ? {} : { TMPDIR: temporary })
  }
}
