import type { Crypto } from '../../core/crypto.js'
import type { CommitGroup } from '../../core/receipt.js'
import { parseRecord } from '../../core/record.js'
import { LedgerError } from '../../ledger/errors.js'
import type { Ledger } from '../../ledger/ledger.js'
import { summed } from '../../store/checksums.js'
import { noteRestored } from '../../store/doubt.js'
import type { HighWaterMark } from '../../store/high-water.js'
import { numberKey, textKey } from '../../store/keys.js'
import type { Maintenance } from '../../store/maintenance.js'
import { type LogIdentity, logIdentity } from '../../store/meta.js'
import { parseGroup } from '../../store/stored-group.js'
import { checkAcknowledged } from '../acknowledged.js'
import { OpsError } from '../errors.js'
import { checkChecksums } from '../fsck/checksums.js'
import { readLogIdentity } from '../fsck/service.js'
import { createFindings, type Findings, type OnProgress, type Report } from '../report.js'
import { attestedEntry, parseJson, readable } from '../stored.js'
import { rebuildBatches } from './batches.js'
import type { Rebuild } from './context.js'
import { rebuildMarks } from './marks.js'
import { createLeafStream } from './records.js'
import { createRepairs } from './repairs.js'
import { rebuildState, removeLoneChecksums } from './service-values.js'

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
  const text = await keptIdentity(db, { ...identity, skewMs }) ?? JSON.stringify({ origin, skewMs, deadlineMs, createdAt })
  for (const { key, value } of summed(textKey('x', 'log'), text)) await repairs.ensure('log identity', key, value)
}

/** What is stored, where only its checksum has changed: it is what the groups say. */
async function keptIdentity (db: Maintenance, says: Identity): Promise<Buffer | undefined> {
  const bytes = await db.get(textKey('x', 'log'))
  const found = bytes === undefined ? undefined : readable(() => logIdentity(parseJson(bytes), 'log'))
  const isSame = found !== undefined && found.origin === says.origin && found.deadlineMs === says.deadlineMs && found.skewMs === says.skewMs
  return isSame ? bytes : undefined
}
