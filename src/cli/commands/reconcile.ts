import { readLogIdentity } from '../../ops/fsck/service.js'
import { reconcile } from '../../ops/reconcile.js'
import { nodeCrypto } from '../../platform/node.js'
import { openMaintenance } from '../../store/maintenance.js'
import { CliError, EXIT } from '../errors.js'
import { createProgressLine, type DataOptions, folderOf, ledgerSource, printReport, refusing } from '../ops.js'
import type { Terminal } from '../terminal.js'

/** Compares the local log with the ledger's, in both directions. */
export async function run (options: DataOptions, terminal: Terminal): Promise<number> {
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
        return await reconcile({ view, crypto: nodeCrypto, ledger, onProgress })
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

async function connect<T> (work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    const message = `could not check: ${cause instanceof Error ? cause.message : String(cause)}`
    throw new CliError({ code: 'NETWORK', message, exitCode: EXIT.couldNotCheck, cause })
  }
}
