import { jcs } from '../../core/jcs.js'
import type { StoredBlock } from '../../store/anchors.js'
import { checksumKey, summed } from '../../store/checksums.js'
import { numberKey, textKey } from '../../store/keys.js'
import type { StoredUpload } from '../../store/uploads.js'
import { bundleBlocks, readBundle, readBundleState } from '../fsck/service.js'
import { parseJson, soundValue } from '../stored.js'
import type { Rebuild } from './context.js'

const NOTHING_IN_FLIGHT = JSON.stringify({ txId: '', from: 0, count: 0 })

/** State of the service that it makes anew when it is gone. */
export async function rebuildState (rebuild: Rebuild): Promise<void> {
  const { db, repairs } = rebuild
  const inFlight = textKey('x', 'in-flight')
  const sent = await db.get(inFlight)
  if (sent !== undefined && parseJson(sent) === undefined) await repairs.ensure('transaction in flight', inFlight, Buffer.from(NOTHING_IN_FLIGHT))
  const scanned = textKey('x', 'bundle')
  const state = await soundValue(rebuild.db, scanned)
  if (state === 'damaged' || (state !== undefined && readBundleState(state) === undefined)) await removeSummed(rebuild, 'trust bundle state', scanned)
  const bundle = await db.get(textKey('x', 'bundle-file'))
  if (bundle !== undefined && await readBundle(db) === undefined) await repairs.remove('trust bundle', textKey('x', 'bundle-file'))
  for (const { block, isSame } of await bundleBlocks(db)) await rebuildBlock(rebuild, block, isSame)
  await removeUploads(rebuild)
}

/** Where one of the bundle's blocks and the one that is stored are not the same, a checksum that fits says which of them changed. */
async function rebuildBlock (rebuild: Rebuild, block: StoredBlock, isSame: boolean): Promise<void> {
  const { findings, repairs } = rebuild
  const key = numberKey('b', Number(block.number))
  const fits = Buffer.isBuffer(await soundValue(rebuild.db, key))
  if (fits && isSame) return
  if (fits && await rebuild.db.get(checksumKey(key)) !== undefined) {
    const says = `its block ${block.number} is not the one that is stored, whose checksum is right: the service makes it anew when it reaches its ledger`
    findings.differs({ layer: 'service', object: 'trust bundle', code: 'SERVICE_DIFFERS', says }, 2)
    return
  }
  for (const put of summed(key, jcs(block))) await repairs.ensure('blocks of the trust bundle', put.key, put.value)
}

/** An upload that cannot go on is no deposit: it is named, and goes with what it has. */
async function removeUploads (rebuild: Rebuild): Promise<void> {
  for await (const [key] of rebuild.db.entries('p')) {
    const id = key.toString('latin1', 1)
    const value = await soundValue(rebuild.db, key)
    if (Buffer.isBuffer(value) && parseJson<Partial<StoredUpload> | null>(value)?.id === id) continue
    const says = 'its entry is not what was written, so that it cannot go on: unless its deposit was made, it has to be sent again'
    rebuild.findings.differs({ layer: 'service', object: `upload ${id}`, code: 'UPLOAD_DIFFERS', says }, 5)
    await removeSummed(rebuild, 'uploads', key)
  }
}

/**
 * What is gone needs no checksum; but for an API key's, which is all that says that there was one: without it another would be made in its place. One
 * that differs is here only without a ledger to attest the value anew: nobody can tell which changed.
 */
export async function removeLoneChecksums ({ db, findings, repairs }: Rebuild): Promise<void> {
  for await (const [key] of db.entries('y')) {
    const of = key.subarray(1)
    if (await db.get(of) !== undefined) continue
    if (of.toString('latin1', 0, 1) !== 'k') await repairs.remove('checksums', key)
    else findings.differs({ layer: 'service', object: `API key ${of.toString('latin1', 1)}`, code: 'SERVICE_DIFFERS', says: 'it is gone: restore it from a backup' }, 4)
  }
}

async function removeSummed ({ db, repairs }: Rebuild, kind: string, key: Buffer): Promise<void> {
  for (const each of [key, checksumKey(key)]) if (await db.get(each) !== undefined) await repairs.remove(kind, each)
}
