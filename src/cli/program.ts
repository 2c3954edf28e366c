import { Command, CommanderError, Option } from 'commander'
import { addNetworkCommands } from './program-network.js'
import { addAudit } from './program-audit.js'
import { addOpsCommands } from './program-ops.js'
import { allExitHelp, EXIT, exitHelp } from './exit-codes.js'
import { repeated, wholeNumber } from './options.js'
import type { Act } from './act.js'
import { createTerminal, reportError } from './terminal.js'
import type { DepositOptions } from './commands/deposit.js'
import type { DoctorOptions } from './commands/doctor.js'
import type { ProofOptions } from './commands/proof.js'
import type { FetchOptions, PinOptions } from './commands/trust.js'
import type { VerifyOptions } from './commands/verify.js'

/** Runs the command line. Resolves with the exit code; prints errors itself. */
export async function run (argv: readonly string[]): Promise<number> {
  let exitCode: number = EXIT.ok
  const act: Act = async (work, json) => { exitCode = await work(createTerminal(json === true)) }
  try {
    await createProgram(act).parseAsync([...argv], { from: 'user' })
    return exitCode
  } catch (error) {
    // commander has printed its own message, or the help that was asked for.
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.ok : EXIT.usage
    return reportError(error, argv.includes('--json'))
  }
}

function createProgram (act: Act): Command {
  const program = new Command('steelyard')
    .description('Notarize evidence, and verify it years later without anyone\'s help.')
    .configureHelp({ showGlobalOptions: true })
    .exitOverride()
    .showHelpAfterError('(steelyard COMMAND --help says more)')
    .addHelpText('after', allExitHelp())
  addServe(program, act)
  addDeposit(program, act)
  addProof(program, act)
  addTrust(program, act)
  addVerify(program, act)
  addNetworkCommands(command(program, 'network').description('run the embedded ledger, or one of official Fabric binaries, by itself'), act)
  addDoctor(program, act)
  addOpsCommands(program, act)
  addAudit(program, act)
  for (const each of program.commands) addExitHelp(each)
  return program
}

/** The help of every command ends with its exit codes. */
function addExitHelp (each: Command, ...parents: readonly string[]): void {
  const names = [...parents, each.name()]
  if (each.commands.length === 0) each.addHelpText('after', exitHelp(names.join(' ')))
  for (const child of each.commands) addExitHelp(child, ...names)
}

/** A sub-command that fails as its parent does. */
function command (parent: Command, nameAndArguments: string): Command {
  return parent.command(nameAndArguments).copyInheritedSettings(parent)
}

const json = (): Option => new Option('--json', 'print the result as JSON')

function serviceOptions (on: Command): Command {
  return on
    .option('--url <url>', 'the service (default: STEELYARD_URL, or this machine at STEELYARD_PORT)')
    .option('--key <key>', 'API key (default: STEELYARD_KEY, or the demonstration key in the data folder)')
    .option('--data <dir>', 'the service\'s data folder, if it is on this machine (default: STEELYARD_DATA, or ./data)')
}

function addServe (program: Command, act: Act): void {
  command(program, 'serve')
    .description('run the service, with its embedded ledger unless STEELYARD_LEDGER names another; configured by STEELYARD_* (see README.md)')
    .action(async () => { await act(async () => await (await import('./commands/serve.js')).run(), false) })
}

function addDeposit (program: Command, act: Act): void {
  serviceOptions(command(program, 'deposit'))
    .description('deposit files; checks each receipt by itself before it reports success')
    .argument('<file...>', 'what to deposit')
    .option('--metadata <json>', 'an object of fields to commit to; each can be disclosed alone later')
    .option('--no-name', 'do not commit to the file\'s name')
    .option('--digest-only', 'send the digests, never the content')
    .option('--resumable', 'send so that it goes on after an interruption, also when the same command is given again (by itself from 64 MiB on)')
    .option('--wallet <file>', 'sign a claim about each file with this encrypted wallet')
    .option('--wallet-password <file>', 'the file that holds the wallet\'s password')
    .option('--out <dir>', 'where to keep receipt and secret (default: beside the file)')
    .option('--no-save', 'keep no receipt and no secret; they are in the output of --json')
    .option('--wait', 'wait until the deposit is final')
    .addOption(json())
    .addHelpText('after', `
Examples:
  steelyard deposit contract.pdf
  steelyard deposit photo-*.jpg --wait
  steelyard deposit recording.mkv --resumable
  steelyard deposit records.db --digest-only --metadata '{"case":"2026-114","created":"2026-11-20"}'`)
    .action(async (files: string[], options: DepositOptions) => {
      await act(async (terminal) => await (await import('./commands/deposit.js')).run(files, options, terminal), options.json)
    })
}

function addProof (program: Command, act: Act): void {
  serviceOptions(command(program, 'proof'))
    .description('fetch the proof of a deposit; keep the file byte for byte as it is')
    .argument('[number]', 'the evidence number')
    .option('-o, --output <file>', 'where to write it, - for stdout (default: NUMBER.proof.json)')
    .option('--receipt <receipt>', 'a receipt of the deposit, instead of its number')
    .option('--upgrade <proof>', 'complete a proof that was fetched before everything was on the ledger')
    .option('--disclose <field>', 'open this metadata field in the proof, for whoever gets it; repeat for more', repeated)
    .option('--wait', 'wait until the deposit is final')
    .addOption(json())
    .addHelpText('after', `
Examples:
  steelyard proof K7QF-2MXD-9R4T-0ZHE-5WC8 -o contract.proof.json
  steelyard proof K7QF-2MXD-9R4T-0ZHE-5WC8 --disclose fileName --disclose case
  steelyard proof --upgrade contract.proof.json`)
    .action(async (number: string | undefined, options: ProofOptions) => {
      await act(async (terminal) => await (await import('./commands/proof.js')).run(number, options, terminal), options.json)
    })
}

function addTrust (program: Command, act: Act): void {
  const trust = command(program, 'trust').description('whom a verification relies on: trust bundles and pinned fingerprints')
  command(trust, 'show')
    .description('show a trust bundle and its fingerprint')
    .argument('<file>', 'trust bundle')
    .addOption(json())
    .action(async (file: string, options: { json?: boolean }) => {
      await act(async (terminal) => await (await import('./commands/trust.js')).show(file, terminal), options.json)
    })
  command(trust, 'fetch')
    .description('fetch the operator\'s trust bundle; what is in it has to be compared with a fingerprint from elsewhere')
    .option('--url <url>', 'the service (default: STEELYARD_URL, or this machine at STEELYARD_PORT)')
    .option('-o, --output <file>', 'where to write it', 'trust-bundle.json')
    .addOption(json())
    .action(async (options: FetchOptions & { json?: boolean }) => {
      await act(async (terminal) => await (await import('./commands/trust.js')).fetchBundle(options, terminal), options.json)
    })
  command(trust, 'status')
    .description('fetch the ledger\'s attested status: verify --receipt R --status FILE judges a promise by it')
    .option('--url <url>', 'the service (default: STEELYARD_URL, or this machine at STEELYARD_PORT)')
    .option('-o, --output <file>', 'where to write it', 'status.json')
    .addOption(json())
    .action(async (options: FetchOptions & { json?: boolean }) => {
      await act(async (terminal) => await (await import('./commands/trust.js')).fetchStatus(options, terminal), options.json)
    })
  command(trust, 'pin')
    .description('rely on a trust bundle\'s fingerprint from now on; --from or --fingerprint has to say where it is known from')
    .argument('<file>', 'trust bundle')
    .option('--fingerprint <hex>', 'what a court, notary or gazette published: refused if it is another')
    .option('--from <text>', 'where the fingerprint was taken from; appears in reports')
    .addOption(json())
    .addHelpText('after', `
Example:
  steelyard trust pin trust-bundle.json --from "gazette of 2026-10-01" --fingerprint "5e81 c0d2 ..."`)
    .action(async (file: string, options: PinOptions & { json?: boolean }) => {
      await act(async (terminal) => await (await import('./commands/trust.js')).pin(file, options, terminal), options.json)
    })
}

function addVerify (program: Command, act: Act): void {
  command(program, 'verify')
    .description('verify a file against a proof, or a receipt\'s promise; offline, by re-computing every step')
    .argument('[file]', 'the exhibit')
    .option('--proof <proof>', 'proof file')
    .option('--receipt <receipt>', 'receipt file; given twice, the two are compared: one position promised to two records is equivocation', repeated)
    .option('--status <status>', 'an attested status of the ledger, to judge a receipt\'s promise by')
    .option('--trust <bundle>', 'trust bundle')
    .addOption(new Option('--pin <fingerprint>', 'what the trust bundle\'s fingerprint has to be').conflicts('trustAsGiven'))
    .option('--trust-as-given', 'take the trust bundle as it is, without a pin')
    .option('--min-organizations <n>', 'organizations other than the operator that must have endorsed', wholeNumber)
    .addOption(new Option('--lang <language>', 'language of the report').choices(['en', 'zh']).default('en'))
    .addOption(json())
    .addHelpText('after', `
Without --pin, a stored pin (steelyard trust pin) or --trust-as-given, who the organizations are "could not be checked": exit code 2.

Examples:
  steelyard verify contract.pdf --proof contract.proof.json --trust trust-bundle.json --pin "5e81 c0d2 ..."
  steelyard verify --receipt contract.pdf.K7QF2MXD9R4T0ZHE5WC8.receipt.json --trust trust-bundle.json --lang zh
  steelyard verify --receipt mine.receipt.json --receipt yours.receipt.json --trust trust-bundle.json`)
    .action(async (file: string | undefined, options: VerifyOptions & { json?: boolean }) => {
      await act(async (terminal) => await (await import('./commands/verify.js')).run(file, options, terminal), options.json)
    })
}

function addDoctor (program: Command, act: Act): void {
  command(program, 'doctor')
    .description('look at ports, disk, clock, ledger and identity; says what is wrong and what to do')
    .option('--url <url>', 'the service (default: STEELYARD_URL, or this machine at STEELYARD_PORT)')
    .option('--data <dir>', 'the service\'s data folder (default: STEELYARD_DATA, or ./data)')
    .option('--wait', 'wait up to a minute for the service to be ready')
    .addOption(json())
    .action(async (options: DoctorOptions & { json?: boolean }) => {
      await act(async (terminal) => await (await import('./commands/doctor.js')).run(options, terminal), options.json)
    })
}
