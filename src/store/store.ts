import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type Anchors, createAnchors } from './anchors.js'
import { type ApiKeys, openApiKeys } from './api-keys.js'
import { type Batches, createBatches } from './batches.js'
import { type ContentStore, openContentStore } from './content.js'
import { openDatabase } from './database.js'
import { createDeposits, type Deposits } from './deposits.js'
import { createDigestThreads } from './digest-threads.js'
import type { Checkpoint } from './fault-points.js'
import { type FileWatch, watchFiles } from './file-watch.js'
import { type HighWater, openHighWater } from './high-water.js'
import type { StoreLog } from './log.js'
import { snapshotView, type View } from './maintenance.js'
import { createMeta, type Meta } from './meta.js'
import { type Room, watchRoom } from './room.js'
import { openUploads, type Uploads } from './uploads.js'

/** Everything durable of a service: `<data>/db` and `<data>/content`, and the mark beside them that says how far it was. */
export interface Store {
  readonly deposits: Deposits
  readonly batches: Batches
  readonly anchors: Anchors
  readonly keys: ApiKeys
  readonly meta: Meta
  readonly content: ContentStore
  readonly room: Room
  /** How many deposits were acknowledged from this folder before this start, and where that begins anew if it is lost. */
  readonly highWater: Pick<HighWater, 'atStart' | 'note' | 'begin'>
  readonly files: Pick<FileWatch, 'missing'>
  readonly uploads: Uploads
  /** One moment of everything, for a backup; to be closed. */
  view (): View
  close (): Promise<void>
}

export interface StoreOptions {
  readonly log: StoreLog
  /** Bytes of the disk that deposits leave free. */
  readonly reserve?: number
}

/**
 * Opens or creates the store in a data folder. Fails with `LOCKED` when another process has it, with `DAMAGED` or `UNREADABLE` when something
 * was lost.
 */
export async function openStore (data: string, checkpoint: Checkpoint, { log, reserve = 0 }: StoreOptions): Promise<Store> {
  const db = await openDatabase(join(data, 'db'))
  try {
    const room = await watchRoom(data, reserve)
    const files = watchFiles(db)
    const threads = createDigestThreads()
    const content = await openContentStore(join(data, 'content'), checkpoint, threads)
    const keys = await openApiKeys(db, randomBytes, log)
    const uploads = await openUploads({ db, content, folder: join(data, 'content', 'uploads'), threads, log })
    const deposits = createDeposits(db, (next) => { highWater.note(next) })
    const highWater = await openHighWater(data, { here: await deposits.nextSequence(), log })
    return {
      deposits,
      batches: createBatches(db),
      anchors: createAnchors(db),
      keys,
      meta: createMeta(db),
      content,
      room,
      highWater,
      files,
      uploads,
      view: () => snapshotView(db, join(data, 'content')),
      async close () {
        room.close()
        files.close()
        highWater.close()
        await content.close()
        await db.close()
      }
    }
  } catch (error) {
    await db.close()
    throw error
  }
}
