import type { FileHandle } from 'node:fs/promises'
import { type ContentDigests, createDigester, type Digester } from './digester.js'
import type { DigestThreads } from './digest-threads.js'
import { alignedMemory, createDirectFile } from './direct-file.js'

/** Bytes that are written and hashed at once. Content that fits into one piece is hashed right here: a thread would cost more. */
export const PIECE = 1024 * 1024
/** Pieces of one stream in memory. */
const PIECES = 4
/** After so many bytes the disk is told to begin, so that little is left to wait for at the end. */
const SYNC_EVERY = 32 * PIECE

export interface Poured { readonly digests: ContentDigests, readonly size: number }

/** Writes a stream to a file and hashes it on the way, in constant memory. Whether it resolves or rejects, nothing of it is still going on. */
export async function pour (source: AsyncIterable<Uint8Array>, file: FileHandle, threads: DigestThreads): Promise<Poured> {
  const held: { digester?: Digester } = {}
  const start = (isWhole: boolean): Digester => {
    held.digester ??= isWhole ? createDigester() : threads.start()
    return held.digester
  }
  try {
    const size = await createPourer(file).append(source, start)
    const finished = start(true)
    delete held.digester
    return { digests: await finished.digest(), size }
  } finally {
    await held.digester?.digest().catch(() => undefined) // forgets the stream
  }
}

/** Appends streams to one file, from a position on. Reading, writing, syncing and both digests overlap. */
export interface Pourer {
  /**
   * Resolves with the bytes of the source when all of them are written and hashed: not necessarily synced. The source waits while all pieces
   * are in use. The digester is asked for with the first piece: `isWhole` says that it is also the last. After a rejection, which leaves nothing
   * going on, the pourer is of no more use.
   */
  append (source: AsyncIterable<Uint8Array>, digester: (isWhole: boolean) => Digester): Promise<number>
}

export function createPourer (file: FileHandle, position = 0): Pourer {
  const work = createWork(file, position)
  let end = position
  return {
    async append (source, start) {
      let digester: Digester | undefined
      let piece = await work.free()
      let filled = 0
      const flush = (isLast: boolean): void => {
        digester ??= start(isLast)
        work.begin(piece.subarray(0, filled), digester)
        filled = 0
      }
      try {
        for await (const chunk of source) {
          for (let at = 0; at < chunk.length;) {
            if (filled === PIECE) {
              flush(false)
              piece = await work.free()
            }
            const taken = Math.min(PIECE - filled, chunk.length - at)
            piece.set(chunk.subarray(at, at + taken), filled)
            filled += taken
            at += taken
          }
        }
        flush(true)
        const before = end
        end = await work.done()
        return end - before
      } finally {
        await work.settled()
      }
    }
  }
}

interface Work {
  /** A piece to fill, once there is one. */
  free (): Promise<Uint8Array>
  /** Writes and hashes the filled part of a piece, after what was begun before; it is free again when both are done. */
  begin (part: Uint8Array, digester: Digester): void
  /** The position of the end, once everything that was begun has succeeded. */
  done (): Promise<number>
  settled (): Promise<void>
}

function createWork (file: FileHandle, start: number): Work {
  const writer = createDirectFile(file)
  const idle: Uint8Array[] = []
  let aligned: SharedArrayBuffer | undefined
  const going = new Set<Promise<void>>()
  let made = 0
  let position = start
  let failure: { readonly error: unknown } | undefined
  let syncing: Promise<void> | undefined
  let syncedAt = start

  const track = (promise: Promise<void>): Promise<void> => {
    const tracked: Promise<void> = promise.catch((error: unknown) => { failure ??= { error } }).finally(() => going.delete(tracked))
    going.add(tracked)
    return tracked
  }
  const check = (): void => {
    if (failure !== undefined) throw failure.error
  }
  const syncNow = (): void => {
    if (syncing !== undefined || position - syncedAt < SYNC_EVERY) return
    syncedAt = position
    syncing = track(file.datasync()).finally(() => { syncing = undefined })
  }
  return {
    async free () {
      for (;;) {
        check()
        const piece = idle.pop()
        if (piece !== undefined) return piece
        if (made <= PIECES) break
        await Promise.race(going)
      }
      // Most content fits into one piece, for which memory of the other kind would cost more than it saves; more of it is used with none other.
      if (made++ === 0) return new Uint8Array(new SharedArrayBuffer(PIECE))
      aligned ??= alignedMemory(PIECES * PIECE)
      return new Uint8Array(aligned, (made - 2) * PIECE, PIECE)
    },
    begin (part, digester) {
      const at = position
      position += part.length
      void track(Promise.all([writer.write(part, at), digester.update(part)]).then(() => {
        if (aligned === undefined || part.buffer === aligned) idle.push(new Uint8Array(part.buffer, part.byteOffset, PIECE))
        syncNow()
      }))
    },
    async done () {
      while (going.size > 0) await Promise.all(going)
      check()
      return position
    },
    async settled () {
      while (going.size > 0) await Promise.all(going)
      await writer.release()
    }
  }
}
