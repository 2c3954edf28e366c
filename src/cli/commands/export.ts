import { exportArchive } from '../../ops/archive/write.js'
import { OpsError } from '../../ops/errors.js'
import { fsck } from '../../ops/fsck/fsck.js'
import { nodeCrypto } from '../../platform/node.js'
import { openMaintenance } from '../../store/maintenance.js'
import { archiveSummary, checkArchiveFile, refuseExisting, writeStream } from '../archive-file.js'
import { createProgressLine, type DataOptions, folderOf, refusing } from '../ops.js'
import type { Terminal } from '../terminal.js'

export interface ExportOptions extends DataOptions {
  readonly content: boolean
}

/** Writes everything of a data folder that no service has open into one archive; checks it first, and reads the archive back. */
export async function run (file: string, options: ExportOptions, terminal: Terminal): Promise<number> {
  await refuseExisting(file)
  const { onProgress, end } = createProgressLine()
  const now = new Date().toISOString()
  const written = await refusing(async () => {
    const view = await openMaintenance(folderOf(options))
    try {
      const found = await fsck({ view, crypto: nodeCrypto, now, ledger: 'left-out', withContent: false, onProgress })
      if (found.first !== undefined) {
        throw new OpsError({ code: 'SOURCE_DIFFERS', message: `${found.first.object}: ${found.first.says}; run steelyard fsck` })
      }
      const archive = exportArchive({ view, crypto: nodeCrypto, now, withContent: options.content, onProgress })
      await writeStream(file, archive, { onProgress: () => undefined, end })
      return await checkArchiveFile(file, onProgress)
    } finally {
      end()
      await view.close()
    }
  })
  const { text, json } = archiveSummary(file, written)
  terminal.result(text, json)
  return 0
}
