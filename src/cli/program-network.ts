import { type Command, Option } from 'commander'
import type * as Native from './commands/network-native.js'
import type * as Embedded from './commands/network.js'
import type { Act } from './act.js'
import { wholeNumber } from './options.js'
import type { Terminal } from './terminal.js'

type Common = Embedded.NetworkOptions & { readonly native?: boolean, readonly json?: boolean }
type Run<C> = (commands: C, terminal: Terminal) => Promise<number>

/** `network ...`: one of the two implementations, each imported only when it is used. */
export function addNetworkCommands (network: Command, act: Act): void {
  const either = async (options: Common, embedded: Run<typeof Embedded>, native: Run<typeof Native>): Promise<void> => {
    await act(async (terminal) => options.native === true
      ? await native(await import('./commands/network-native.js'), terminal)
      : await embedded(await import('./commands/network.js'), terminal), options.json)
  }
  const add = (nameAndArguments: string, description: string): Command => network.command(nameAndArguments)
    .copyInheritedSettings(network)
    .description(description)
    .addOption(new Option('--embedded', 'one process that speaks Fabric\'s protocols (default)').conflicts('native'))
    .option('--native', 'the official Fabric binaries from FABRIC_BIN')
    .option('--dir <dir>', 'the network\'s own data folder (default: the one in the service\'s data folder)')
    .option('--data <dir>', 'the service\'s data folder (default: STEELYARD_DATA, or ./data)')
    .option('--json', 'print the result as JSON')

  add('up', 'start the network of a folder, or find it running; it stays')
    .option('--orgs <n>', 'number of organizations of a new embedded network (default 1)', wholeNumber)
    .option('--channel <name>', 'channel of a new embedded network (default evidence)')
    .option('--chaincode <name=folder>', 'the contract to run (default: this project\'s)')
    .option('--description <file>', 'description of a new native network (default: network/consortium.yaml)')
    .addHelpText('after', `
Examples:
  steelyard network up --embedded --orgs 4 --dir /tmp/ledger
  FABRIC_BIN=/path/to/bin steelyard network up --native --dir /tmp/consortium`)
    .action(async (options: Common & Embedded.UpOptions & Native.NativeOptions) => {
      await either(options, (commands, terminal) => commands.up(options, terminal), (commands, terminal) => commands.up(options, terminal))
    })
  add('down', 'stop the network; its ledger stays').action(async (options: Common) => {
    await either(options, (commands, terminal) => commands.down(options, terminal), (commands, terminal) => commands.down(options, terminal))
  })
  add('status', 'height, quorums and what runs').action(async (options: Common) => {
    await either(options, (commands, terminal) => commands.status(options, terminal), (commands, terminal) => commands.status(options, terminal))
  })
  for (const [verb, running] of [['stop', false], ['start', true]] as const) {
    add(`${verb} <org...>`, `${verb} organizations, each with its peer, orderer and CA; with --native also single nodes, e.g. court.peer`)
      .action(async (names: string[], options: Common) => {
        await either(options,
          (commands, terminal) => commands.organizations(names, running, options, terminal),
          (commands, terminal) => commands.organizations(names, running, options, terminal))
      })
  }
  const native = (nameAndArguments: string, description: string): Command => network.command(nameAndArguments)
    .copyInheritedSettings(network)
    .description(`${description} (network of official binaries only)`)
    .option('--native', 'accepted, and the only choice')
    .option('--dir <dir>', 'the network\'s own data folder (default: the one in the service\'s data folder)')
    .option('--data <dir>', 'the service\'s data folder (default: STEELYARD_DATA, or ./data)')
    .option('--json', 'print the result as JSON')
  const run = async (options: Common, call: Run<typeof Native>): Promise<void> => {
    await act(async (terminal) => await call(await import('./commands/network-native.js'), terminal), options.json)
  }
  native('reset', 'stop everything and delete the network with its keys and its ledger').action(async (options: Common) => {
    await run(options, (commands, terminal) => commands.reset(options, terminal))
  })
  native('logs <node>', 'what a node printed, e.g. court.peer; or all nodes of an organization').action(async (node: string, options: Common) => {
    await run(options, (commands, terminal) => commands.logs(node, options, terminal))
  })
  native('upgrade <version>', 'replace the contract, approved by every organization that runs')
    .option('--chaincode <folder>', 'the new code (default: the folder in use)')
    .action(async (version: string, options: Common & { readonly chaincode?: string }) => {
      await run(options, (commands, terminal) => commands.upgrade(version, options, terminal))
    })
  native('add-org <name>', 'let another organization join: peer, certificate authority, contract; admitted by the members')
    .option('--orderer', 'it takes part in ordering as well')
    .action(async (name: string, options: Common & { readonly orderer?: boolean }) => {
      await run(options, (commands, terminal) => commands.addOrg(name, options, terminal))
    })
  native('rotate-orderer <org>', 'replace the key and certificates of an organization\'s orderer').action(async (org: string, options: Common) => {
    await run(options, (commands, terminal) => commands.rotateOrderer(org, options, terminal))
  })
  native('renew-root <org>', 'give an organization a new root beside the old one, and its nodes certificates below it')
    .option('--drop-old', 'second step, when everybody was enrolled anew: drop the old root')
    .action(async (org: string, options: Common & { readonly dropOld?: boolean }) => {
      await run(options, (commands, terminal) => commands.renewRoot(org, options, terminal))
    })
  native('batch-timeout <duration>', 'change how long orderers wait for more transactions, e.g. 20ms').action(async (timeout: string, options: Common) => {
    await run(options, (commands, terminal) => commands.batchTimeout(timeout, options, terminal))
  })
  native('bundle', 'what one organization needs on its own host: keys made here, units, compose file, steps')
    .requiredOption('--org <name>', 'the organization whose host this is')
    .option('--description <file>', 'the description that all organizations share (default: network/consortium.yaml)')
    .action(async (options: Common & Native.NativeOptions & { readonly org: string }) => {
      await run(options, (commands, terminal) => commands.bundle(options, terminal))
    })
  native('identities <org>', 'the identities that an organization\'s certificate authority knows').action(async (org: string, options: Common) => {
    await run(options, (commands, terminal) => commands.identities(org, options, terminal))
  })
  native('revoke <org> <id>', 'revoke an identity at its authority and in the channel').action(async (org: string, id: string, options: Common) => {
    await run(options, (commands, terminal) => commands.revoke(org, id, options, terminal))
  })
}
