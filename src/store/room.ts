import { statfs } from 'node:fs/promises'
import { StoreError } from './errors.js'

/**
 * Room on the disk of the data folder. Deposits end while some is left, so that what was acknowledged is still sealed, anchored and proved,
 * and the database never meets a full disk in the middle of a write. Looked at now and then: asking for each deposit would cost more than that. What
 * is written between two looks is counted, so that content of any length, announced or not, ends before it takes the reserve.
 */
export interface Room {
  /** Bytes that may be written, as last seen. */
  readonly free: number
  /** Whether so many bytes more would leave less than the reserve. */
  isShort (bytes: number): boolean
  /** Counts bytes that are about to be written, and fails with `STORE_FULL` where they would take the reserve. */
  spend (bytes: number): void
  close (): void
}

const LOOK_MS = 500

export async function watchRoom (folder: string, reserve: number): Promise<Room> {
  let free = Infinity
  let spent = 0 // since the last look began
  const look = async (): Promise<void> => {
    const before = spent
    const { bavail, bsize } = await statfs(folder)
    free = bavail * bsize
    spent -= before
  }
  await look()
  // A disk that cannot be asked is seen by the next write.
  const timer = setInterval(() => { look().catch(() => undefined) }, LOOK_MS).unref()
  const isShort = (bytes: number): boolean => reserve > 0 && free - spent - bytes < reserve
  return {
    get free () { return free },
    isShort,
    spend (bytes) {
      if (isShort(bytes)) throw new StoreError({ code: 'STORE_FULL', message: 'the disk of the service has no room for the rest of this content' })
      spent += bytes
    },
    close () { clearInterval(timer) }
  }
}
