import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const children = new Set<ChildProcess>()
process.once('exit', () => {
  for (const child of children) child.kill('SIGTERM') // a service then stops the network that it started
})
const interrupted = new Set<() => Promise<unknown>>()
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void Promise.allSettled([...interrupted].map(async (close) => await close())).finally(() => { process.exit(130) })
  })
}

/** Closes what outlives this process, when it is interrupted, before it ends; to be taken back by what is returned once that is closed. */
export function uponInterrupt (close: () => Promise<unknown>): () => void {
  interrupted.add(close)
  return () => { interrupted.delete(close) }
}

/** A process that ends with this one at the latest. */
export function owned (child: ChildProcess): ChildProcess {
  children.add(child)
  child.once('exit', () => children.delete(child))
  return child
}

/** Forks one of the programs beside this file. */
export function program (name: string, args: readonly string[] = []): ChildProcess {
  return owned(fork(fileURLToPath(new URL(`./${name}.js`, import.meta.url)), args, { stdio: ['ignore', 'inherit', 'inherit', 'ipc'] }))
}

/** The next message of a program; rejects when it ends without one. */
export async function message<T> (child: ChildProcess): Promise<T> {
  const ended = new AbortController()
  try {
    return await Promise.race([
      once(child, 'message', { signal: ended.signal }).then(([value]) => value as T),
      once(child, 'exit', { signal: ended.signal }).then(([code]) => { throw new Error(`a program of the benchmark ended: ${String(code)}`) })
    ])
  } finally {
    ended.abort()
  }
}

/** Asks a program that answers each message by one. */
export async function ask<T> (child: ChildProcess, question: unknown): Promise<T> {
  const answer = message<T>(child)
  child.send(question as object)
  return await answer
}

export async function ended (child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill(signal)
  await gone
}
