import { statfs } from 'node:fs/promises'

/**
 * Room on the disk of the data folder. Deposits end while some is left, so that what was acknowledged is still sealed, anchored and proved,
 * and the database never meets a full disk in the middle of a write. Looked at now and then: asking for each deposit would cost more than that.
 */
export interface Room {
  /** Bytes that may be written, as last seen. */
  readonly free: number
  /** Whether so many bytes more would leave less than the reserve. */
  isShort (bytes: number): boolean
  close (): void
}

const LOOK_MS = 500

export async function watchRoom (folder: string, reserve: number): Promise<Room> {
  let free = Infinity
  const look = async (): Promise<void> => {
    const { bavail, bsize } = await statfs(folder)
    free = bavail * bsize
  }
  await look()
  // A disk that cannot be asked is seen by the next write.
  const timer = setInterval(() => { look().catch(() => undefined) }, LOOK_MS).unref()
  return {
    get free () { return free },
    isShort: (bytes) => reserve > 0 && free - bytes < reserve,
    close () { clearInterval(timer) }
  }
}
