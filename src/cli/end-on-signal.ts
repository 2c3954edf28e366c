const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * When this process is told to end: does what is left to do, says in one line what that leaves to a person, and ends by that signal. Answers what
 * undoes it.
 */
export function endOnSignal (last: () => string): () => void {
  const undo = (): void => {
    for (const signal of SIGNALS) process.off(signal, end)
  }
  const end = (signal: NodeJS.Signals): void => {
    undo()
    process.stderr.write(`steelyard: ${last()}\n`)
    process.kill(process.pid, signal)
  }
  for (const signal of SIGNALS) process.on(signal, end)
  return undo
}
