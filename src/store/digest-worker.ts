/** One digest algorithm on a thread of its own: messages of any number of streams in, an answer to each, in order. */
import { createHash, type Hash } from 'node:crypto'
import { parentPort, workerData } from 'node:worker_threads'

/** `chunk` is more of a stream, `end` asks for its digest; neither forgets the stream. */
export interface DigestMessage {
  readonly stream: number
  readonly chunk?: Uint8Array
  readonly end?: boolean
}

const algorithm = workerData as string
const streams = new Map<number, Hash>()

parentPort?.on('message', ({ stream, chunk, end = false }: DigestMessage) => {
  const hash = streams.get(stream) ?? createHash(algorithm)
  if (chunk !== undefined) streams.set(stream, hash.update(chunk))
  else streams.delete(stream)
  parentPort?.postMessage(end ? hash.digest('hex') : '')
})
