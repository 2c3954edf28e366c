import { access, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { ensureNetwork, hasNetwork, networkStatus } from '../../network/embedded/client.js'
import type { Ledger } from '../ledger/ledger.js'
import type { LedgerClient } from '../ledger/open.js'
import { OpsError } from '../ops/errors.js'
import type { Difference, OnProgress, Report } from '../ops/report.js'
import { nodeCrypto } from '../platform/node.js'
import { StoreError } from '../store/errors.js'
import { isThere } from '../store/lock.js'
import { CliError } from './errors.js'
import { EXIT } from './exit-codes.js'
import { dataFolder } from './service.js'
import type { Terminal } from './terminal.js'

/** Options that the tools on a data folder share. */
export interface DataOptions {
  readonly data?: string
  /** Path of a connection profile; false: leave the ledger out. */
  readonly ledger?: string | false
  readonly ledgerClient?: LedgerClient
}

/** Opens the ledger of a log, says why that cannot be, or that it was left out. */
export type LedgerSource = ((origin: string) => Promise<Ledger>) | { readonly unavailable: string } | 'left-out'

export function folderOf (options: DataOptions): string {
  return resolve(dataFolder(options.data))
}

/**
 * The ledger to compare with: the profile that is given, that of STEELYARD_LEDGER, or the data folder's embedded network if it runs. Nothing is
 * started for it.
 */
export async function ledgerSource (options: DataOptions): Promise<LedgerSource> {
  if (options.ledger === false) return 'left-out'
  await refusing(async () => await isThere(join(folderOf(options), 'db'))) // what is no folder is said as that, not as one without a network
  const { STEELYARD_LEDGER: configured = 'embedded', STEELYARD_NETWORK_DIR: networkDir = join(folderOf(options), 'network') } = process.env
  const profile = options.ledger ?? (configured === 'embedded' || configured === '' ? undefined : configured)
  if (profile !== undefined) return async (origin) => await open(options, resolve(profile), origin)
  if (await networkStatus(networkDir).catch(() => undefined) === undefined) {
    const advice = hasNetwork(networkDir) ? `start it by \`steelyard network up --dir ${networkDir}\`` : 'there is none: bring that folder from where it was'
    return { unavailable: `no embedded ledger runs in ${networkDir}: ${advice}, or give --ledger PROFILE` }
  }
  const network = await ensureNetwork({ dir: networkDir }) // it runs: nothing is started
  return async (origin) => await open(options, network.profilePath(), origin)
}

/** With the service's own identity where there is one, else with one that is enrolled for this once. */
async function open (options: DataOptions, profile: string, log: string): Promise<Ledger> {
  const { openLedger } = await import('../ledger/open.js')
  const own = join(folderOf(options), 'wallet')
  const isThere = await access(own).then(() => true, () => false)
  const wallet = isThere ? own : await mkdtemp(join(tmpdir(), 'steelyard-wallet-'))
  const discard = async (): Promise<void> => { if (!isThere) await rm(wallet, { recursive: true, force: true }) }
  const client = options.ledgerClient ?? 'fabric-network'
  try {
    const ledger = await openLedger({ client, profile, wallet, log, crypto: nodeCrypto, clock: Date.now })
    return { ...ledger, close: async () => { await ledger.close().finally(discard) } }
  } catch (error) {
    await discard()
    throw error
  }
}

/** Runs a tool; what the store or the tool refuses becomes one line, with exit code 2: nothing was found, nothing could be looked at. */
export async function refusing<T> (work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof StoreError) {
      const hint = cause.code === 'LOCKED' ? '; stop the service, or work on a restored backup' : ''
      throw new CliError({ code: 'DATA', reason: cause.code, message: `${cause.message}${hint}`, exitCode: EXIT.couldNotCheck, cause })
    }
    if (cause instanceof OpsError) {
      const exitCode = cause.code === 'ARCHIVE_INVALID' || cause.code === 'SOURCE_DIFFERS' ? EXIT.failed : EXIT.couldNotCheck
      throw new CliError({ code: 'DATA', reason: cause.code, message: cause.message, exitCode, cause })
    }
    throw cause
  }
}

export interface ProgressLine { readonly onProgress: OnProgress, readonly end: () => void }

/** One line on stderr that says how far it is, where a person watches. */
export function createProgressLine (): ProgressLine {
  if (!process.stderr.isTTY) return { onProgress: () => undefined, end: () => undefined }
  let shown = 0
  return {
    onProgress (stage, done, total) {
      const now = performance.now()
      if (now - shown < 100) return
      shown = now
      process.stderr.write(`\r\u001b[K${stage} ${done}${total === undefined ? '' : ` of ${total}`}`)
    },
    end: () => { process.stderr.write('\r\u001b[K') }
  }
}

const HEADLINES: Readonly<Record<Report['outcome'], string>> = {
  clean: 'clean: everything is as it was written',
  differs: 'differs',
  'could-not-check': 'nothing differs, but not everything could be checked'
}

/** Of a tool that looks at less than everything. */
const CLEAN: Readonly<Record<string, string>> = {
  'rebuild-index': 'everything that follows from records, headers and the ledger is as it must be; `steelyard fsck` looks at the rest'
}

/** Prints a report. */
export function printReport (command: string, report: Report, terminal: Terminal): number {
  const { first, differences, examples, checked, couldNotCheck, leftOut, notes, head, log } = report
  const lines = [
    first === undefined ? (report.outcome === 'clean' ? CLEAN[command] : undefined) ?? HEADLINES[report.outcome] : `${HEADLINES.differs}: ${differences} object${differences === 1 ? '' : 's'}; the first is`,
    ...(first === undefined ? [] : [describe(first)]),
    ...examples.slice(1, 11).map(describe),
    ...(differences > 11 ? [`  ... and ${differences - 11} more (--json has the first 100)`] : []),
    ...couldNotCheck.map(({ what, why }) => `could not check ${what}: ${why}`),
    ...leftOut.map((what) => `left out: ${what}`),
    ...notes.map((note) => `note: ${note}`),
    ...(log === undefined ? [] : [`log     ${log}`]),
    ...(head === undefined ? [] : [`head    ${head.size} batches, ${head.root}`]),
    `checked ${Object.entries(checked).map(([what, count]) => `${count} ${what}`).join(', ')}`
  ]
  terminal.result(lines.join('\n'), { type: `steelyard/${command}/v1`, ...report })
  return report.exitCode
}

function describe ({ object, code, says }: Difference): string {
  return `  ${object} (${code}): ${says}`
}
