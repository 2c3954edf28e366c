import type { Crypto } from '../../core/crypto.js'
import { jcs } from '../../core/jcs.js'
import type { CommitGroup } from '../../core/receipt.js'
import { parseRecord } from '../../core/record.js'
import { LedgerError } from '../../ledger/errors.js'
import type { Ledger } from '../../ledger/ledger.js'
import type { StoredBlock } from '../../store/anchors.js'
import { checksumKey, hasChecksum, summed } from '../../store/checksums.js'
import { noteRestored } from '../../store/doubt.js'
import type { HighWaterMark } from '../../store/high-water.js'
import { numberKey, textKey } from '../../store/keys.js'
import type { Maintenance } from '../../store/maintenance.js'
import type { LogIdentity } from '../../store/meta.js'
import { parseGroup } from '../../store/stored-group.js'
import { checkAcknowledged } from '../acknowledged.js'
import { OpsError } from '../errors.js'
import { checkChecksums } from '../fsck/checksums.js'
import { differingBlocks, readBundle, readBundleState, readLogIdentity } from '../fsck/service.js'
import { createFindings, type Findings, type OnProgress, type Report } from '../report.js'
import { attestedEntry, parseJson, readable } from '../stored.js'
import { rebuildBatches } from './batches.js'
import type { Rebuild } from './context.js'
import { rebuildMarks } from './marks.js'
import { createLeafStream } from './records.js'
import { createRepairs } from './repairs.js'

export interface RebuildOptions {
  readonly db: Maintenance
  readonly crypto: Crypto
  /** Where headers are taken from that the database has lost, and how far anchoring has come. */
  readonly ledger?: ((origin: string) => Promise<Ledger>) | undefined
  /** Of the deposits that were acknowledged from the folder; absent where that is no question. */
  readonly highWater?: HighWaterMark
  /** Finds out and writes nothing. */
  readonly dryRun?: boolean
  readonly onProgress: OnProgress
}

const SCHEMA = 'steelyard-store/1'
const NOTHING_IN_FLIGHT = JSON.stringify({ txId: '', from: 0, count: 0 })

/**
 * Writes again everything that follows from records, commit groups, headers and the ledger: the index of evidence numbers, the organizations'
 * counters, the leaves of commit groups, tiles, tile roots, the batch index, the log's tiles, headers that the read-backs or the ledger
 * have, and the watermarks. What follows from nothing else and is lost is named. Repeating it changes nothing.
 */
export async function rebuild (options: RebuildOptions): Promise<Report> {
  const { db, crypto, onProgress, dryRun = false } = options
  const findings = createFindings()
  const repairs = createRepairs(db, findings, dryRun)
  const identity = await identityOf(db)
  const ledger = await openLedger(options, identity.origin, findings)
  try {
    const parts: Rebuild = { db, crypto, origin: identity.origin, findings, repairs, onProgress, ...ledgerReads(ledger) }
    await repairs.ensure('schema', textKey('x', 'schema'), Buffer.from(SCHEMA))
    const stream = createLeafStream(parts)
    const { mark, isComplete } = await rebuildBatches(parts, stream)
    await stream.finish()
    await rebuildIdentity(parts, identity)
    await repairs.finish()
    // Sealing anew what the ledger has otherwise would be a fork: where a batch is lost, no watermark moves.
    if (isComplete) await rebuildMarks(parts, mark)
    else await hold(options, findings)
    await rebuildState(parts)
    await repairs.finish()
    await removeLoneChecksums(parts)
    await repairs.finish()
    await checkChecksums({ view: db, findings })
    if (options.highWater !== undefined) await checkAcknowledged(db, findings, options.highWater)
  } finally {
    await ledger?.close()
  }
  if (dryRun) findings.note('nothing was written')
  return findings.report({ log: identity.origin })
}

/** Batches are lost: the service on this folder proves what is there, and is kept from going on by the note that the folder is in doubt. */
async function hold ({ db, dryRun = false }: RebuildOptions, findings: Findings): Promise<void> {
  if (!dryRun) await noteRestored(db)
  findings.note('no watermark was written: bring the batches that are named from a backup. A service on this folder takes no deposits, and proves what it holds')
}

async function openLedger ({ ledger }: RebuildOptions, origin: string, findings: Findings): Promise<Ledger | undefined> {
  if (ledger === undefined) return undefined
  try {
    const opened = await ledger(origin)
    await opened.height()
    return opened
  } catch (error) {
    findings.couldNotCheck('what only the ledger has', error instanceof Error ? error.message : String(error))
    return undefined
  }
}

function ledgerReads (ledger: Ledger | undefined): Pick<Rebuild, 'onLedger' | 'ledgerSize'> {
  let size: number | undefined
  return {
    onLedger: async (number) => await ledger?.findBatch(String(number)),
    async ledgerSize () {
      size ??= ledger === undefined ? 0 : await sizeOf(ledger)
      return size
    }
  }
}

async function sizeOf (ledger: Ledger): Promise<number> {
  try {
    return Number((await ledger.attestStatus()).statement.head.size)
  } catch (error) {
    if (error instanceof LedgerError && error.code === 'NOT_OPEN') return 0
    throw error
  }
}

type Identity = Partial<LogIdentity> & { readonly origin: string }

/** The log's identity as stored, else as far as records and commit groups tell it. */
async function identityOf (db: Maintenance): Promise<Identity> {
  const stored = await readLogIdentity(db)
  if (stored !== undefined) return stored
  for await (const [, bytes] of db.entries('g')) {
    const statement = parseGroup(bytes)?.statement
    if (statement === undefined || !await isOfItsRecord(db, statement)) continue
    const skewMs = (await attestedEntry(db, 0))?.skewMs
    const first = await db.get(numberKey('r', 0))
    const createdAt = first === undefined ? undefined : readable(() => parseRecord(first).receivedAt)
    return {
      origin: statement.log,
      deadlineMs: Date.parse(statement.deadline) - Date.parse(statement.signedAt),
      ...(skewMs === undefined ? {} : { skewMs }),
      createdAt: createdAt ?? statement.signedAt
    }
  }
  throw new OpsError({ code: 'LOG_UNKNOWN', message: 'nothing in this database says which log it is of' })
}

/** The log that a group names is that of its first record, or one of them has changed. */
async function isOfItsRecord (db: Maintenance, { firstSequence, log }: CommitGroup): Promise<boolean> {
  const bytes = await db.get(numberKey('r', Number(firstSequence)))
  return bytes !== undefined && readable(() => parseRecord(bytes))?.log === log
}

async function rebuildIdentity (rebuild: Rebuild, identity: Identity): Promise<void> {
  const { db, findings, repairs } = rebuild
  if (await readLogIdentity(db) !== undefined) return
  const skewMs = identity.skewMs ?? (await rebuild.onLedger(0))?.skewMs
  if (skewMs === undefined || identity.deadlineMs === undefined) {
    findings.differs({ layer: 'service', object: 'log identity', code: 'SERVICE_DIFFERS', says: 'its parameters are on the ledger only: give the ledger' }, 1)
    return
  }
  const { origin, deadlineMs, createdAt } = identity
  for (const { key, value } of summed(textKey('x', 'log'), JSON.stringify({ origin, skewMs, deadlineMs, createdAt }))) await repairs.ensure('log identity', key, value)
}

/** State of the service that it makes anew when it is gone. */
async function rebuildState (rebuild: Rebuild): Promise<void> {
  const { db, repairs } = rebuild
  const inFlight = textKey('x', 'in-flight')
  const sent = await db.get(inFlight)
  if (sent !== undefined && parseJson(sent) === undefined) await repairs.ensure('transaction in flight', inFlight, Buffer.from(NOTHING_IN_FLIGHT))
  const scanned = await db.get(textKey('x', 'bundle'))
  if (scanned !== undefined && readBundleState(scanned) === undefined) await repairs.remove('trust bundle state', textKey('x', 'bundle'))
  const bundle = await db.get(textKey('x', 'bundle-file'))
  if (bundle !== undefined && await readBundle(db) === undefined) await repairs.remove('trust bundle', textKey('x', 'bundle-file'))
  for (const block of await differingBlocks(db)) await rebuildBlock(rebuild, block)
}

/** One of the bundle's blocks and the one that is stored are not the same: a checksum that fits says which of them changed. */
async function rebuildBlock ({ db, findings, repairs }: Rebuild, block: StoredBlock): Promise<void> {
  const key = numberKey('b', Number(block.number))
  const [value, sum] = await Promise.all([db.get(key), db.get(checksumKey(key))])
  if (value !== undefined && sum !== undefined && hasChecksum(value, sum)) {
    const says = `its block ${block.number} is not the one that is stored, whose checksum is right: the service makes it anew when it reaches its ledger`
    findings.differs({ layer: 'service', object: 'trust bundle', code: 'SERVICE_DIFFERS', says }, 2)
  } else {
    for (const put of summed(key, jcs(block))) await repairs.ensure('blocks of the trust bundle', put.key, put.value)
  }
}

/** What is gone needs no checksum. One that differs is here only without a ledger to attest the value anew: nobody can tell which changed. */
async function removeLoneChecksums ({ db, repairs }: Rebuild): Promise<void> {
  for await (const [key] of db.entries('y')) {
    if (await db.get(key.subarray(1)) === undefined) await repairs.remove('checksums', key)
  }
}
