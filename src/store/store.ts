import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { type Anchors, createAnchors } from './anchors.js'
import { type ApiKeys, openApiKeys } from './api-keys.js'
import { type Batches, createBatches } from './batches.js'
import { type ContentStore, openContentStore } from './content.js'
import { openDatabase } from './database.js'
import { createDeposits, type Deposits } from './deposits.js'
import type { Checkpoint } from './fault-points.js'
import { snapshotView, type View } from './maintenance.js'
import { createMeta, type Meta } from './meta.js'

/** Everything durable of a service: `<data>/db` and `<data>/content`. */
export interface Store {
  readonly deposits: Deposits
  readonly batches: Batches
  readonly anchors: Anchors
  readonly keys: ApiKeys
  readonly meta: Meta
  readonly content: ContentStore
  /** One moment of everything, for a backup; to be closed. */
  view (): View
  close (): Promise<void>
}

/** Opens or creates the store in a data folder. Fails with `LOCKED` when another process has it. */
export async function openStore (data: string, checkpoint: Checkpoint): Promise<Store> {
  const db = await openDatabase(join(data, 'db'))
  try {
    const content = await openContentStore(join(data, 'content'), checkpoint)
    return {
      deposits: createDeposits(db),
      batches: createBatches(db),
      anchors: createAnchors(db),
      keys: await openApiKeys(db, randomBytes),
      meta: createMeta(db),
      content,
      view: () => snapshotView(db, join(data, 'content')),
      async close () {
        await content.close()
        await db.close()
      }
    }
  } catch (error) {
    await db.close()
    throw error
  }
}
