import { toHex } from '../../core/bytes.js'
import type { Crypto } from '../../core/crypto.js'
import { openTrust } from '../../core/verify/trust-root.js'
import { createVerifier, type Verifier } from '../../core/verify/verifier.js'
import type { Ledger } from '../../ledger/ledger.js'
import { StoreError } from '../../store/errors.js'
import { numberKey } from '../../store/keys.js'
import type { HighWaterMark } from '../../store/high-water.js'
import type { View } from '../../store/maintenance.js'
import { checkAcknowledged } from '../acknowledged.js'
import { compareHeads, ledgerHead } from '../compare.js'
import { createFindings, type Findings, type OnProgress, type Report } from '../report.js'
import { parseGroup } from '../../store/stored-group.js'
import { createAttestationCheck } from './attestations.js'
import { checkBatches, type Sealed } from './batches.js'
import type { Check } from './check.js'
import { checkChecksums } from './checksums.js'
import { ContentCheck } from './content.js'
import { createGroupCheck } from './groups.js'
import { createLogCheck } from './log-check.js'
import { checkMarks, type Marks, readMarks } from './marks.js'
import { createRecordCursor, type RecordCursor } from './records.js'
import { checkUploads } from './uploads.js'
import { checkKeys, checkService, readBundle, readLogIdentity } from './service.js'

export interface FsckOptions {
  readonly view: View
  readonly crypto: Crypto
  /** RFC 3339 UTC. */
  readonly now: string
  /** The ledger to compare with, why there is none, or that it is left out. */
  readonly ledger: ((origin: string) => Promise<Ledger>) | { readonly unavailable: string } | 'left-out'
  readonly withContent: boolean
  /** Of the deposits that were acknowledged from the folder; absent where that is no question. */
  readonly highWater?: HighWaterMark
  readonly onProgress: OnProgress
}

/**
 * Re-computes everything that is stored: content -> records -> leaves -> batches -> log -> ledger, and says which object differs first. Reads
 * only. Memory is bounded, except for the digests of stored content, each of which is held once.
 */
export async function fsck (options: FsckOptions): Promise<Report> {
  const findings = createFindings()
  const head = await guarded(findings, async () => await run(options, findings))
  return findings.report(head ?? {})
}

/** A file of the database that cannot be read ends the check: nothing after it could be told from its absence. */
async function guarded<T> (findings: Findings, work: () => Promise<T>): Promise<T | undefined> {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof StoreError) || error.code !== 'DAMAGED') throw error
    findings.differs({ layer: 'database', object: 'database', code: 'DATABASE_DAMAGED', says: error.message }, 0)
    findings.couldNotCheck('what comes after it', 'the database cannot be read on')
    return undefined
  }
}

async function run (options: FsckOptions, findings: Findings): Promise<Pick<Report, 'log' | 'head'>> {
  const { view, now, onProgress } = options
  const origin = (await readLogIdentity(view))?.origin ?? await originOfGroups(view)
  const { keys, verifier } = await trustOf(options)
  const check: Check = { view, crypto: options.crypto, findings, origin, keys, onProgress }
  const marks = await readMarks(view)
  const contents = new ContentCheck()
  const records = createRecordCursor(check, contents)
  const groups = createGroupCheck(check)
  const log = createLogCheck(check)
  const attestations = createAttestationCheck(check, { final: marks.final?.batches ?? 0, verifier, now })
  if (verifier === undefined) await noBundle(check, marks)

  await checkKeys(check)
  const sealed = await checkBatches(check, { records, groups, log, attestations })
  await checkUnsealed(records, groups, sealed.sequence)
  await records.finish()
  if (options.highWater !== undefined) await checkAcknowledged(view, findings, options.highWater)
  await checkMarks(check, marks, sealed)
  await checkService(check)
  await checkChecksums(check)
  await checkUploads(check)
  if (options.withContent) await contents.run(view.content, findings, onProgress)
  else findings.leaveOut('content')
  await checkLedger(options, findings, origin, marks, sealed)
  return { ...(origin === undefined ? {} : { log: origin }), head: { size: String(sealed.batches), root: toHex(log.head()) } }
}

/** The stored bundle, taken as given: who the organizations are is not what is checked here. */
async function trustOf ({ view, crypto }: FsckOptions): Promise<{ keys: Check['keys'], verifier: Verifier | undefined }> {
  const bundle = await readBundle(view)
  if (bundle === undefined) return { keys: undefined, verifier: undefined }
  const trust = { bundleSource: 'operator', trustAsGiven: true, bundle } as const
  const keys = openTrust(crypto, trust).root?.keys
  return { keys: keys?.size === 0 ? undefined : keys, verifier: createVerifier(crypto, trust) }
}

async function noBundle ({ view, findings }: Check, { final }: Marks): Promise<void> {
  const isFinal = final !== undefined && final.batches > 0
  if (isFinal) findings.couldNotCheck('attestations and receipt signatures', 'there is no trust bundle in the database')
  else if (await view.get(numberKey('g', 0)) !== undefined) findings.couldNotCheck('receipt signatures', 'there is no trust bundle in the database: the ledger was never reached')
}

/** Records after the last batch: their commit groups are all that is said of them. */
async function checkUnsealed (records: RecordCursor, groups: ReturnType<typeof createGroupCheck>, from: number): Promise<void> {
  let sequence = from
  for (let next = await records.next(sequence); next !== undefined; next = await records.next(sequence)) {
    if (next > sequence && next > groups.end && next - sequence > 65_536) break // a key from nowhere: it is named as missing from its groups
    await groups.feed(sequence, await records.at(sequence))
    sequence++
  }
  await groups.finish(sequence)
}

async function checkLedger (options: FsckOptions, findings: Findings, origin: string | undefined, marks: Marks, { batches }: Sealed): Promise<void> {
  if (options.ledger === 'left-out') {
    findings.leaveOut('ledger')
    return
  }
  if (typeof options.ledger !== 'function') {
    findings.couldNotCheck('the ledger', options.ledger.unavailable)
    return
  }
  if (origin === undefined) {
    findings.couldNotCheck('the ledger', 'nothing says which log this is')
    return
  }
  const ledger = await options.ledger(origin).catch((error: unknown) => error instanceof Error ? error : new Error(String(error)))
  if (ledger instanceof Error) {
    findings.couldNotCheck('the ledger', ledger.message)
    return
  }
  try {
    const says = await ledgerHead(ledger, findings)
    if (says === undefined) return
    const { view, crypto, onProgress } = options
    await compareHeads({ view, crypto, ledger, findings, anchored: marks.anchored?.batches ?? batches, onProgress }, says)
  } finally {
    await ledger.close()
  }
}

/** Where the log's identity is lost, the first commit group tells its origin. */
async function originOfGroups (view: View): Promise<string | undefined> {
  const bytes = await view.get(numberKey('g', 0))
  return bytes === undefined ? undefined : parseGroup(bytes)?.statement.log
}
