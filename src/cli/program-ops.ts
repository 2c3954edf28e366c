import { type Command, Option } from 'commander'
import type { BackupOptions } from './commands/backup.js'
import type { ExportOptions } from './commands/export.js'
import type { FsckOptions } from './commands/fsck.js'
import type { ImportOptions } from './commands/import.js'
import type { RebuildOptions } from './commands/rebuild-index.js'
import type { ReconcileOptions } from './commands/reconcile.js'
import type { Act } from './act.js'

type Json = { readonly json?: boolean }

/** The operator's tools, each imported only when it is used. */
export function addOpsCommands (program: Command, act: Act): void {
  addFsck(program, act)
  addReconcile(program, act)
  addRebuild(program, act)
  addExport(program, act)
  addImport(program, act)
  addBackup(program, act)
}

function tool (program: Command, nameAndArguments: string, description: string): Command {
  return program.command(nameAndArguments).copyInheritedSettings(program).description(description)
    .option('--data <dir>', 'the data folder; no service may have it open (default: STEELYARD_DATA, or ./data)')
    .addOption(new Option('--json', 'print the result as JSON'))
}

const LEDGER = `
The embedded ledger has to run. A service that was killed leaves it running; a service that stops takes it along, and then
\`steelyard network up --dir DATA/network\` starts it alone (\`network down\` stops it).
`

function withLedger (command: Command): Command {
  return command
    .option('--ledger <profile>', 'connection profile (default: STEELYARD_LEDGER, or the data folder\'s embedded network if it runs)')
    .addOption(new Option('--ledger-client <name>', 'library that speaks to the ledger').choices(['fabric-network', 'fabric-gateway']))
}

function addFsck (program: Command, act: Act): void {
  withLedger(tool(program, 'fsck', 'compute everything that is stored again, from content to ledger; names the first object that differs'))
    .option('--no-ledger', 'do not compare with the ledger')
    .option('--no-content', 'do not read the content files')
    .addHelpText('after', `${LEDGER}
Examples:
  steelyard fsck
  steelyard fsck --data restored --ledger operator.json --json
  steelyard fsck --no-content`)
    .action(async (options: FsckOptions & Json) => {
      await act(async (terminal) => await (await import('./commands/fsck.js')).run(options, terminal), options.json)
    })
}

function addReconcile (program: Command, act: Act): void {
  withLedger(tool(program, 'reconcile', 'compare the local log with the ledger, batch by batch and byte for byte, in both directions'))
    .option('--go-on', 'of a folder that was restored, repaired or copied: nothing that was acknowledged is missing, so that the service may take deposits on it again, if all is equal')
    .addHelpText('after', `${LEDGER}
Examples:
  steelyard reconcile
  steelyard reconcile --data restored --ledger operator.json --go-on`)
    .action(async (options: ReconcileOptions & Json) => {
      await act(async (terminal) => await (await import('./commands/reconcile.js')).run(options, terminal), options.json)
    })
}

function addRebuild (program: Command, act: Act): void {
  withLedger(tool(program, 'rebuild-index', 'write again what follows from records, headers and the ledger: indexes, tiles, watermarks'))
    .option('--no-ledger', 'use what is in the data folder only')
    .option('--dry-run', 'say what would be written, and write nothing')
    .option('--repair', 'first save what can be read of a database that does not open; what was there is kept beside it')
    .addHelpText('after', `
Records, contents, secrets and signed commit groups follow from nothing else: what is lost of them is named, and comes from a backup.
${LEDGER}
Examples:
  steelyard rebuild-index --dry-run
  steelyard rebuild-index && steelyard fsck`)
    .action(async (options: RebuildOptions & Json) => {
      await act(async (terminal) => await (await import('./commands/rebuild-index.js')).run(options, terminal), options.json)
    })
}

function addExport (program: Command, act: Act): void {
  tool(program, 'export', 'write everything into one archive that verifies itself')
    .argument('<file>', 'the archive; it must not exist yet')
    .option('--no-content', 'leave the content files out')
    .addHelpText('after', `
The archive holds deposit secrets and metadata: keep it as you keep the data folder. It holds no private keys.

Example:
  steelyard export evidence-2026.tar`)
    .action(async (file: string, options: ExportOptions & Json) => {
      await act(async (terminal) => await (await import('./commands/export.js')).run(file, options, terminal), options.json)
    })
}

function addImport (program: Command, act: Act): void {
  tool(program, 'import', 'read an archive of export or backup into an empty data folder, if it verifies')
    .argument('<file>', 'the archive')
    .option('--check', 'verify it completely, and keep nothing')
    .addHelpText('after', `
Examples:
  steelyard import evidence-2026.tar --check
  steelyard import backup.tar --data restored`)
    .action(async (file: string, options: ImportOptions & Json) => {
      await act(async (terminal) => await (await import('./commands/import.js')).run(file, options, terminal), options.json)
    })
}

function addBackup (program: Command, act: Act): void {
  program.command('backup').copyInheritedSettings(program)
    .description('take a backup of a running service: everything as of one moment, in one archive')
    .argument('<file>', 'the archive; it must not exist yet')
    .option('--url <url>', 'the service (default: STEELYARD_URL, or this machine at STEELYARD_PORT)')
    .option('--key <key>', 'an administrator\'s API key (default: the one in the data folder when the service is on this machine, else STEELYARD_KEY)')
    .option('--data <dir>', 'the service\'s data folder, for its credentials (default: STEELYARD_DATA, or ./data)')
    .option('--no-content', 'leave the content files out; they never change, so copy them by any other means')
    .addOption(new Option('--json', 'print the result as JSON'))
    .addHelpText('after', `
Restore with \`steelyard import\`. The receipt key (keys/receipt.pem) and the ledger are not in it: keep the key apart, once.

Examples:
  steelyard backup backup-2026-11-24.tar
  steelyard import backup-2026-11-24.tar --check`)
    .action(async (file: string, options: BackupOptions & Json) => {
      await act(async (terminal) => await (await import('./commands/backup.js')).run(file, options, terminal), options.json)
    })
}
