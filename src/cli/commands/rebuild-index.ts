import { rebuild } from '../../ops/rebuild/rebuild.js'
import { nodeCrypto } from '../../platform/node.js'
import { doubtOf, noteRestored } from '../../store/doubt.js'
import { readHighWater } from '../../store/high-water.js'
import { openMaintenance } from '../../store/maintenance.js'
import { repairDatabase } from '../../store/repair.js'
import { endOnSignal } from '../end-on-signal.js'
import { CliError } from '../errors.js'
import { EXIT } from '../exit-codes.js'
import { createProgressLine, type DataOptions, folderOf, ledgerSource, printReport, refusing } from '../ops.js'
import type { Terminal } from '../terminal.js'

export interface RebuildOptions extends DataOptions {
  readonly dryRun?: boolean
  /** First lets LevelDB save what it can of files that it cannot read. */
  readonly repair?: boolean
}

const TAKES_NONE = 'the folder was restored or repaired: it takes no deposits until `steelyard reconcile --go-on`, by which you say that nothing that was acknowledged is missing'

/** Writes again what follows from records, headers and ledger. Exit code 0 done, 1 something is lost for good, 2 not everything is known. */
export async function run (options: RebuildOptions, terminal: Terminal): Promise<number> {
  if (options.repair === true && options.dryRun === true) {
    throw new CliError({ code: 'USAGE', message: '--repair writes, so there is no --dry-run of it', exitCode: EXIT.usage })
  }
  const source = await ledgerSource(options)
  const { onProgress, end } = createProgressLine()
  const release = endOnSignal(() => {
    end()
    return `stopped before its end: ${stopped(options)}`
  })
  let kept: string | undefined
  const report = await refusing(async () => {
    if (options.repair === true) kept = await repairDatabase(folderOf(options))
    const db = await openMaintenance(folderOf(options))
    try {
      if (options.repair === true) await noteRestored(db) // its end may be lost, and no tool can know
      const ledger = typeof source === 'function' ? source : undefined
      const highWater = await readHighWater(folderOf(options))
      const report = await rebuild({ db, crypto: nodeCrypto, ledger, highWater, dryRun: options.dryRun === true, onProgress })
      return await doubtOf(db) === 'restored' ? { ...report, notes: [...report.notes, TAKES_NONE] } : report
    } finally {
      end()
      await db.close()
    }
  }).catch((error: unknown) => {
    if (kept !== undefined) terminal.note(keptIn(kept))
    throw error
  }).finally(release)
  const notes = kept === undefined ? report.notes : [...report.notes, keptIn(kept)]
  return printReport('rebuild-index', { ...report, notes }, terminal)
}

function keptIn (kept: string): string {
  return `the database as it was before the repair is in ${kept}: it may be removed once \`steelyard fsck\` finds nothing that is missing`
}

/** What an end in the middle leaves: each write was whole, and a repair is noted before it begins. */
function stopped ({ repair, dryRun, ...options }: RebuildOptions): string {
  if (dryRun === true) return 'nothing was written'
  const folder = folderOf(options)
  return repair === true
    ? `give the same command again, ${folder} is not to be used before; it is noted as in doubt once its repair has begun (\`steelyard reconcile --go-on\` ends that)`
    : `give the same command again; what was written in ${folder} so far is right`
}
