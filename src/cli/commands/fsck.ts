import { fsck } from '../../ops/fsck/fsck.js'
import { nodeCrypto } from '../../platform/node.js'
import { readHighWater } from '../../store/high-water.js'
import { openMaintenance } from '../../store/maintenance.js'
import { createProgressLine, type DataOptions, folderOf, ledgerSource, printReport, refusing } from '../ops.js'
import type { Terminal } from '../terminal.js'

export interface FsckOptions extends DataOptions {
  /** False: leave the content files out. */
  readonly content: boolean
}

/** Checks a data folder that no service has open. Exit code 0 clean, 1 something differs, 2 something could not be checked. */
export async function run (options: FsckOptions, terminal: Terminal): Promise<number> {
  const ledger = await ledgerSource(options)
  const { onProgress, end } = createProgressLine()
  const report = await refusing(async () => {
    const view = await openMaintenance(folderOf(options))
    try {
      const highWater = await readHighWater(folderOf(options))
      return await fsck({ view, crypto: nodeCrypto, now: new Date().toISOString(), ledger, withContent: options.content, highWater, onProgress })
    } finally {
      end()
      await view.close()
    }
  })
  return printReport('fsck', report, terminal)
}
