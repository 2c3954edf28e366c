import { availableParallelism } from 'node:os'
import { Worker } from 'node:worker_threads'
import type { DigestMessage } from './digest-worker.js'
import type { Digester } from './digester.js'

/**
 * Hashing away from the event loop, each algorithm on a thread of its own: a stream is then hashed as fast as by the slower of the two
 * alone. Two threads are there from the start, so that what they take of memory is taken before the first upload; more come while those
 * are busy. While nothing is hashed, they keep no process alive.
 */
export interface DigestThreads {
  /** Chunks must be shared memory, and not change until their update resolves. */
  start (): Digester
  close (): Promise<void>
}

interface Thread {
  /** Resolves with the answer to the message; messages are answered in order. */
  send (message: DigestMessage): Promise<string>
  close (): Promise<void>
}

/** A thread for each algorithm. */
interface Lane { readonly sha256: Thread, readonly sm3: Thread, streams: number }

export function createDigestThreads (most = Math.max(1, Math.floor(availableParallelism() / 2))): DigestThreads {
  const lanes: Lane[] = [createLane()]
  let streams = 0
  const leastBusy = (): Lane => {
    const idle = lanes.reduce<Lane | undefined>((best, lane) => best === undefined || lane.streams < best.streams ? lane : best, undefined)
    if (idle !== undefined && (idle.streams === 0 || lanes.length >= most)) return idle
    const lane = createLane()
    lanes.push(lane)
    return lane
  }
  return {
    start () {
      const lane = leastBusy()
      const stream = streams++
      const both = async (message: DigestMessage): Promise<[string, string]> =>
        await Promise.all([lane.sha256.send(message), lane.sm3.send(message)])
      lane.streams++
      return {
        update: async (chunk) => { await both({ stream, chunk }) },
        async digest () {
          lane.streams--
          const [sha256, sm3] = await both({ stream, end: true })
          return { sha256, sm3 }
        }
      }
    },
    async close () {
      await Promise.all(lanes.splice(0).flatMap(({ sha256, sm3 }) => [sha256.close(), sm3.close()]))
    }
  }
}

function createLane (): Lane {
  return { sha256: createThread('sha256'), sm3: createThread('sm3'), streams: 0 }
}

function createThread (algorithm: string): Thread {
  const worker = new Worker(new URL('./digest-worker.js', import.meta.url), { workerData: algorithm })
  const waiting: { resolve: (answer: string) => void, reject: (error: Error) => void }[] = []
  let failure: Error | undefined
  const fail = (error: Error): void => {
    failure ??= error
    for (const { reject } of waiting.splice(0)) reject(failure)
  }
  worker.on('message', (answer: string) => {
    waiting.shift()?.resolve(answer)
    if (waiting.length === 0) worker.unref()
  })
  worker.on('error', fail)
  worker.on('exit', () => { fail(new Error('a digest thread has ended')) })
  worker.unref()
  return {
    async send (message) {
      if (failure !== undefined) throw failure
      return await new Promise((resolve, reject) => {
        if (waiting.length === 0) worker.ref()
        waiting.push({ resolve, reject })
        worker.postMessage(message)
      })
    },
    close: async () => { await worker.terminate() }
  }
}
