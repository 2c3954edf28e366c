import { fromHex, toHex } from '../../../src/core/bytes.js'
import type { StateUpdate } from '../../../src/core/fabric/commit/state.js'
import { kvrwset } from '../proto.js'
import { privateNamespace } from './keys.js'
import type { PrivateUpdates, Store } from './store.js'
import type { CommittedCollection } from './validate-block.js'

/**
 * The private data of a block's valid transactions, of that which was endorsed here and waits. Where it does not, the hashes alone
 * are kept, as by a peer that nobody gave the data to.
 */
export async function privateUpdates (store: Store, collections: readonly CommittedCollection[]): Promise<PrivateUpdates> {
  const updates = new Map<string, StateUpdate>()
  const used = new Set<string>()
  for (const { namespace, name, contentHash, block, tx } of collections) {
    const content = contentHash.length === 0 ? undefined : await store.privateContent(contentHash)
    if (content === undefined) continue
    used.add(toHex(contentHash))
    for (const write of kvrwset.KVRWSet.deserializeBinary(content).getWritesList()) {
      const place = { namespace: privateNamespace(namespace, name), key: write.getKey(), block, tx }
      updates.set(`${place.namespace}\0${place.key}`, write.getIsDelete() ? place : { ...place, value: write.getValue_asU8() })
    }
  }
  return { updates: [...updates.values()], contents: [...used].map(fromHex) }
}
