import { type Command, Option } from 'commander'
import type { Act } from './act.js'
import type { AuditOptions } from './commands/audit.js'
import { repeated } from './options.js'

/** The expert's tool, imported only when it is used. */
export function addAudit (program: Command, act: Act): void {
  program.command('audit').copyInheritedSettings(program)
    .description('replay a whole channel from its genesis block, trusting no peer; compare it with a trust bundle, proofs, a data folder')
    .option('--from-genesis', 'begin at block 0; nothing else is an audit')
    .option('--ledger <profile>', 'connection profile (default: STEELYARD_LEDGER, or the data folder\'s embedded network if it runs)')
    .addOption(new Option('--ledger-client <name>', 'library that speaks to the ledger').choices(['fabric-network', 'fabric-gateway']))
    .option('--blocks <path>', 'blocks that were kept, instead of a peer\'s: a file of --save, or a folder with a file a block')
    .option('--save <file>', 'keep the blocks in this file, to replay them offline; it must not exist yet')
    .option('--trust <bundle>', 'trust bundle: says which channel it has to be, and is compared with it')
    .addOption(new Option('--pin <fingerprint>', 'what the trust bundle\'s fingerprint has to be').conflicts('trustAsGiven'))
    .option('--trust-as-given', 'take the trust bundle as it is, without a pin')
    .addOption(new Option('--genesis <hash>', 'what the hash of block 0 has to be, where there is no trust bundle').conflicts('trust'))
    .option('--chaincode <name>', 'the chaincode that keeps the logs (default: the trust bundle\'s, or the ledger\'s)')
    .option('--proofs <path>', 'compare this proof, or every *.proof.json in this folder; repeat for more', repeated)
    .option('--data <dir>', 'compare the batches in this data folder, which no service may have open; its embedded network is the ledger')
    .addOption(new Option('--lang <language>', 'language of the report').choices(['en', 'zh']).default('en'))
    .addOption(new Option('--json', 'print the result as JSON'))
    .addHelpText('after', `
Every block is checked against the one before it and the orderers' quorum, every transaction is judged again by the endorsement policies and
the state that follow from the blocks, and every write into a log is made again by the log's rules. What a peer says of validity, which nobody
signs, is compared with that and not relied on.

Without --genesis, or a trust bundle with --pin, a stored pin or --trust-as-given, which channel this is "could not be checked": exit code 2.

Examples:
  steelyard audit --from-genesis --ledger court.json --trust trust-bundle.json --proofs exhibits/ --save channel.blocks
  steelyard audit --from-genesis --blocks channel.blocks --trust trust-bundle.json --pin "5e81 c0d2 ..." --lang zh
  steelyard audit --from-genesis --data data --trust trust-bundle.json --trust-as-given`)
    .action(async (options: AuditOptions & { json?: boolean }) => {
      await act(async (terminal) => await (await import('./commands/audit.js')).run(options, terminal), options.json)
    })
}
