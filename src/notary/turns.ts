const waiting: (() => void)[] = []

/**
 * Resolves in a turn of the event loop in which nobody else who asked here is served. Timers, sockets and the disk come between any two
 * pieces of work that begin so, however many are ready: `setImmediate` alone would run all of them in one turn.
 */
export async function ownTurn (): Promise<void> {
  await new Promise<void>((resolve) => {
    waiting.push(resolve)
    if (waiting.length === 1) setImmediate(serveOne)
  })
}

function serveOne (): void {
  const next = waiting.shift()
  if (waiting.length > 0) setImmediate(serveOne)
  next?.()
}
