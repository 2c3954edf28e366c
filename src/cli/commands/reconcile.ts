import { readLogIdentity } from '../../ops/fsck/service.js'
import { reconcile } from '../../ops/reconcile.js'
import { nodeCrypto } from '../../platform/node.js'
import type { Report } from '../../ops/report.js'
import { confirm, type Doubt, doubtOf } from '../../store/doubt.js'
import { readHighWater } from '../../store/high-water.js'
import { type Maintenance, openMaintenance } from '../../store/maintenance.js'
import { CliError } from '../errors.js'
import { EXIT } from '../exit-codes.js'
import { createProgressLine, type DataOptions, folderOf, ledgerSource, printReport, refusing } from '../ops.js'
import type { Terminal } from '../terminal.js'

export interface ReconcileOptions extends DataOptions {
  /** The operator says that nothing that was acknowledged is missing in a folder that was restored, repaired or copied. */
  readonly goOn?: boolean
}

/** Compares the local log with the ledger's, in both directions. */
export async function run (options: ReconcileOptions, terminal: Terminal): Promise<number> {
  const source = await ledgerSource(options)
  if (typeof source !== 'function') {
    const why = source === 'left-out' ? 'there is nothing to reconcile with' : source.unavailable
    throw new CliError({ code: 'NETWORK', message: `could not check: ${why}`, exitCode: EXIT.couldNotCheck })
  }
  const { onProgress, end } = createProgressLine()
  const report = await refusing(async () => {
    const view = await openMaintenance(folderOf(options))
    try {
      const identity = await readLogIdentity(view)
      if (identity === undefined) throw new CliError({ code: 'DATA', message: 'no log was opened in this data folder', exitCode: EXIT.couldNotCheck })
      const ledger = await connect(async () => await source(identity.origin))
      try {
        const highWater = await readHighWater(folderOf(options))
        return await withConfirmation(view, options, await reconcile({ view, crypto: nodeCrypto, ledger, highWater, onProgress }))
      } finally {
        await ledger.close()
      }
    } finally {
      end()
      await view.close()
    }
  })
  return printReport('reconcile', report, terminal)
}

/** A folder in doubt stays so until a person says that its log goes on here, and the ledger does not say otherwise. */
async function withConfirmation (db: Maintenance, options: ReconcileOptions, report: Report): Promise<Report> {
  const doubt = await doubtOf(db)
  const folder = folderOf(options)
  const isConfirmed = options.goOn === true && report.exitCode === 0
  if (doubt !== undefined && isConfirmed) await confirm(db)
  return { ...report, notes: [...report.notes, ...noteOn(doubt, options, isConfirmed).map((text) => `${folder} ${text}`)] }
}

const MADE: Readonly<Record<Doubt, string>> = { restored: 'was restored or repaired', copied: 'is a copy, or lies elsewhere than before', unmarked: 'has lost the mark of what was acknowledged from it (high-water)' }

function noteOn (doubt: Doubt | undefined, { goOn = false }: ReconcileOptions, isConfirmed: boolean): string[] {
  if (doubt === undefined) return goOn ? ['was not restored, repaired or copied: there was nothing to go on from, and nothing was changed'] : []
  return [isConfirmed
    ? 'is confirmed: the service takes deposits on it again'
    : `${MADE[doubt]}, and takes no deposits: if log and ledger are equal and nothing that was acknowledged is missing, say so with --go-on`]
}

async function connect<T> (work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const message = `could not check: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new CliError({ code: 'NETWORK', message, exitCode: EXIT.couldNotCheck, cause })
  }
}
