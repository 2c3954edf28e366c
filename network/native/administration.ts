/**
 * What an organization's administrator does, through Fabric's own programs: joining nodes to the channel and the lifecycle of the
 * chaincode. Each call is one organization acting with its own keys.
 * @module
 */
import { join } from 'node:path'
import type { Binaries } from './binaries.js'
import { baseEnvironment, runCommand } from './command.js'
import { NativeNetworkError } from './errors.js'
import type { Layout } from './layout.js'
import { tlsFiles } from './nodes.js'
import type { PlacedOrg } from './state.js'

/** A chaincode definition as it is approved and committed. */
export interface Definition {
  readonly channel: string
  readonly name: string
  readonly version: string
  readonly sequence: number
}

/** What every call needs. */
export interface AdminContext {
  readonly binaries: Binaries
  readonly layout: Layout
}

/** Has the orderer of an organization joined the channel? */
export async function ordererJoined (context: AdminContext, org: PlacedOrg, channel: string): Promise<boolean> {
  const { status } = await osnadmin(context, org, ['channel', 'list', '--channelID', channel])
  return status === 200
}

/** Lets the orderer of an organization take part in the channel, by the block whose configuration names it: block 0, or a later one. */
export async function joinOrderer (
  context: AdminContext, org: PlacedOrg, channel: string, block: string = context.layout.genesis
): Promise<void> {
  const { status, text } = await osnadmin(context, org, ['channel', 'join', '--channelID', channel, '--config-block', block])
  if (status !== 201) throw new NativeNetworkError({ code: 'COMMAND', message: `${org.name}.orderer cannot join ${channel}: ${text}` })
}

async function osnadmin (
  context: AdminContext, org: PlacedOrg, args: readonly string[]
): Promise<{ status: number, text: string }> {
  const admin = tlsFiles(context.layout.org(org.name).ordererAdmin)
  const { stdout } = await runCommand({
    command: context.binaries.osnadmin,
    args: [
      ...args, '-o', `${org.listen}:${org.ports.ordererAdmin}`,
      '--ca-file', admin.ca, '--client-cert', admin.cert, '--client-key', admin.key
    ],
    env: baseEnvironment()
  })
  return { status: Number(/Status:\s*(\d+)/.exec(stdout)?.[1] ?? 0), text: stdout.trim() }
}

/** Channels that the peer of an organization has joined. */
export async function peerChannels (context: AdminContext, org: PlacedOrg): Promise<string[]> {
  const { stdout } = await peerCommand(context, org, ['channel', 'list'])
  return stdout.split('\n').map((line) => line.trim()).filter((line) => line !== '')
}

/** Lets the peer of an organization join the channel by its genesis block. */
export async function joinPeer (context: AdminContext, org: PlacedOrg): Promise<void> {
  await peerCommand(context, org, ['channel', 'join', '-b', context.layout.genesis])
}

/** Ids of the packages that an organization's peer has. */
export async function installedPackages (context: AdminContext, org: PlacedOrg): Promise<string[]> {
  const { stdout } = await peerCommand(context, org, ['lifecycle', 'chaincode', 'queryinstalled', '--output', 'json'])
  const answer = JSON.parse(stdout) as { installed_chaincodes?: Array<{ package_id: string }> }
  return (answer.installed_chaincodes ?? []).map((installed) => installed.package_id)
}

/** Installs a package on an organization's peer. */
export async function installPackage (context: AdminContext, org: PlacedOrg, file: string): Promise<void> {
  await peerCommand(context, org, ['lifecycle', 'chaincode', 'install', file])
}

/** Has an organization approved this definition? */
export async function hasApproved (context: AdminContext, org: PlacedOrg, definition: Definition): Promise<boolean> {
  const { channel, name, version, sequence } = definition
  const args = [
    'lifecycle', 'chaincode', 'queryapproved', '--channelID', channel, '--name', name, '--sequence', String(sequence), '--output', 'json'
  ]
  try {
    const { stdout } = await peerCommand(context, org, args)
    return (JSON.parse(stdout) as { version?: string }).version === version
  } catch (error) {
    if (error instanceof NativeNetworkError && /could not fetch approved chaincode definition/.test(error.message)) return false
    throw error
  }
}

/** Approves a definition for an organization, to be served by this package. */
export async function approve (context: AdminContext, org: PlacedOrg, definition: Definition, by: {
  readonly packageId: string
  /** Whose orderer is sent the transaction. */
  readonly orderer: PlacedOrg
}): Promise<void> {
  await peerCommand(context, org, [
    'lifecycle', 'chaincode', 'approveformyorg', ...definitionArguments(definition), '--package-id', by.packageId,
    ...ordererArguments(context, by.orderer)
  ])
}

/** Commits a definition, endorsed by the peers of these organizations. */
export async function commit (context: AdminContext, org: PlacedOrg, definition: Definition, by: {
  readonly endorsers: readonly PlacedOrg[]
  readonly orderer: PlacedOrg
}): Promise<void> {
  const peers = by.endorsers.flatMap((endorser) => [
    '--peerAddresses', `${endorser.host}:${endorser.ports.peer}`,
    '--tlsRootCertFiles', tlsFiles(context.layout.org(endorser.name).peer).ca
  ])
  await peerCommand(context, org, [
    'lifecycle', 'chaincode', 'commit', ...definitionArguments(definition), ...ordererArguments(context, by.orderer), ...peers
  ])
}

/** The committed definition as an organization's peer knows it, or undefined if there is none. */
export async function committed (
  context: AdminContext, org: PlacedOrg, channel: string, name: string
): Promise<{ version: string, sequence: number } | undefined> {
  const args = ['lifecycle', 'chaincode', 'querycommitted', '--channelID', channel, '--output', 'json']
  const { stdout } = await peerCommand(context, org, args)
  type Listed = { name: string, version: string, sequence: number }
  const { chaincode_definitions: all = [] } = JSON.parse(stdout) as { chaincode_definitions?: Listed[] }
  const found = all.find((definition) => definition.name === name)
  return found === undefined ? undefined : { version: found.version, sequence: found.sequence }
}

/** Writes the channel's current configuration block to a file. */
export async function fetchConfigBlock (context: AdminContext, org: PlacedOrg, by: {
  readonly channel: string, readonly orderer: PlacedOrg, readonly file: string
}): Promise<void> {
  await peerCommand(context, org, ['channel', 'fetch', 'config', by.file, '--channelID', by.channel, ...ordererArguments(context, by.orderer)])
}

/** Sends a signed update of the channel's configuration to an orderer. */
export async function sendUpdate (context: AdminContext, org: PlacedOrg, by: {
  readonly channel: string, readonly orderer: PlacedOrg, readonly file: string
}): Promise<void> {
  await peerCommand(context, org, ['channel', 'update', '--file', by.file, '--channelID', by.channel, ...ordererArguments(context, by.orderer)])
}

function definitionArguments (definition: Definition): string[] {
  return [
    '--channelID', definition.channel, '--name', definition.name, '--version', definition.version,
    '--sequence', String(definition.sequence)
  ]
}

function ordererArguments (context: AdminContext, org: PlacedOrg): string[] {
  const { ca } = tlsFiles(context.layout.org(org.name).orderer)
  return ['--orderer', `${org.host}:${org.ports.orderer}`, '--tls', '--cafile', ca]
}

async function peerCommand (context: AdminContext, org: PlacedOrg, args: readonly string[]): Promise<{ stdout: string }> {
  const paths = context.layout.org(org.name)
  return await runCommand({
    command: context.binaries.peer,
    args,
    env: {
      ...baseEnvironment(),
      FABRIC_CFG_PATH: context.binaries.config,
      FABRIC_LOGGING_SPEC: 'error',
      CORE_PEER_ADDRESS: `${org.host}:${org.ports.peer}`,
      CORE_PEER_LOCALMSPID: org.mspId,
      CORE_PEER_MSPCONFIGPATH: join(paths.admin, 'msp'),
      CORE_PEER_TLS_ENABLED: 'true',
      CORE_PEER_TLS_ROOTCERT_FILE: tlsFiles(paths.peer).ca
    }
  })
}
