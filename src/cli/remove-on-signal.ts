import { rmSync } from 'node:fs'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Removes a folder when this process is told to end, which it then does by that signal. Answers what undoes it, for before the folder gets
 * another name.
 */
export function removeOnSignal (folder: string): () => void {
  const undo = (): void => {
    for (const signal of SIGNALS) process.off(signal, end)
  }
  const end = (signal: NodeJS.Signals): void => {
    undo()
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 }) // the database may have just begun a file in it
    process.kill(process.pid, signal)
  }
  for (const signal of SIGNALS) process.on(signal, end)
  return undo
}
