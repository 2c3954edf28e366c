import { rmSync } from 'node:fs'
import { importArchive } from '../../ops/archive/read.js'
import { nodeCrypto } from '../../platform/node.js'
import { archiveSummary, readFileStream } from '../archive-file.js'
import { endOnSignal } from '../end-on-signal.js'
import { createProgressLine, type DataOptions, folderOf, refusing } from '../ops.js'
import type { Terminal } from '../terminal.js'

export interface ImportOptions extends DataOptions {
  /** Verifies and keeps nothing. */
  readonly check?: boolean
}

/** Reads an archive into an empty data folder, if it verifies. */
export async function run (file: string, options: ImportOptions, terminal: Terminal): Promise<number> {
  const { onProgress, end } = createProgressLine()
  const target = folderOf(options)
  const imported = await refusing(async () => {
    try {
      return await importArchive({
        source: readFileStream(file),
        target,
        crypto: nodeCrypto,
        now: new Date().toISOString(),
        checkOnly: options.check === true,
        onProgress,
        guard: (folder) => endOnSignal(() => {
          end()
          rmSync(folder, { recursive: true, force: true, maxRetries: 3 }) // the database may have just begun a file in it
          return 'stopped before its end: nothing of it was kept, and nothing is to be cleaned up; give the same command again'
        })
      })
    } finally {
      end()
    }
  })
  const { text, json } = archiveSummary(file, { manifest: imported.manifest, sha256: imported.manifestSha256 })
  const done = options.check === true ? 'verified, nothing kept' : `imported into ${target}`
  terminal.result([
    done,
    text,
    ...(imported.manifest.content.included ? [] : [`put the content files back into ${target}/content`]),
    ...(options.check === true
      ? []
      : ['what was acknowledged later is not in it. Put keys/receipt.pem back; the service on it proves what it holds, and takes deposits again after',
          'steelyard reconcile --go-on, by which you say that nothing was acknowledged later'])
  ].join('\n'), { ...json, target, checkOnly: options.check === true, report: imported.report })
  return 0
}
