import { resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import {
  addOrganization, changeBatchTimeout, defaultDescription, dropOldRoot, listIdentities, makeBundle, type NativeStatus, networkDown,
  networkReset, networkStatus, networkUp, nodeLog, renewRoot as renewOrganizationRoot, restartNodes, revokeIdentity,
  rotateOrderer as rotateOrdererKeys, stopNodes, upgradeChaincode
} from '../../../network/native/client.js'
import { CliError } from '../errors.js'
import { dataFolder } from '../service.js'
import type { Terminal } from '../terminal.js'
import type { NetworkOptions } from './network.js'

export interface NativeOptions extends NetworkOptions {
  readonly description?: string
}

function folder (options: NetworkOptions): string {
  return resolve(options.dir ?? `${dataFolder(options.data)}/consortium`)
}

/** Brings a network of official binaries up; returns when an anchor would succeed. */
export async function up (options: NativeOptions, terminal: Terminal): Promise<number> {
  const result = await attempt(async () => await networkUp({
    dir: folder(options),
    chaincode: fileURLToPath(new URL('../../../../chaincode', import.meta.url)),
    ...(options.description !== undefined && { description: options.description }),
    log: (message) => { terminal.note(message) }
  }))
  for (const warning of result.warnings) terminal.note(warning)
  terminal.result([
    result.started.length === 0 ? 'already running' : `started ${result.started.join(', ')}`,
    `connection profile ${result.profile}`
  ].join('\n'), result)
  return 0
}

export async function down (options: NetworkOptions, terminal: Terminal): Promise<number> {
  const stopped = await attempt(async () => await networkDown(folder(options)))
  terminal.result(stopped.length === 0 ? 'nothing ran' : `stopped ${stopped.join(', ')}`, { stopped })
  return 0
}

export async function status (options: NetworkOptions, terminal: Terminal): Promise<number> {
  const found = await attempt(async () => await networkStatus(folder(options)))
  const running = found.nodes.some((node) => node.running)
  terminal.result(describe(found), { running, ...found })
  return running ? 0 : 1
}

/** Nodes such as `court.peer`, or whole organizations. */
export async function organizations (names: readonly string[], running: boolean, options: NetworkOptions, terminal: Terminal): Promise<number> {
  const nodes = await attempt(async () => await (running ? restartNodes(folder(options), names) : stopNodes(folder(options), names)))
  terminal.result(`${running ? 'started' : 'stopped'} ${nodes.join(', ') || 'nothing'}`, { nodes })
  return 0
}

/** Stops everything and deletes the network: keys, ledger, all. */
export async function reset (options: NetworkOptions, terminal: Terminal): Promise<number> {
  await attempt(async () => { await networkReset(folder(options)) })
  terminal.result('the network is gone', { reset: true })
  return 0
}

/** What a node, or all nodes of an organization, printed. */
export async function logs (name: string, options: NetworkOptions, terminal: Terminal): Promise<number> {
  const log = await attempt(async () => await Promise.resolve(nodeLog(folder(options), name)))
  terminal.result(log.trimEnd(), { node: name, log })
  return 0
}

/** Installs, approves and commits a new version of the contract, and starts its processes anew. */
export async function upgrade (
  version: string, options: NetworkOptions & { readonly chaincode?: string }, terminal: Terminal
): Promise<number> {
  const log = (message: string): void => { terminal.note(message) }
  await attempt(async () => {
    await upgradeChaincode({ dir: folder(options), version, log, ...(options.chaincode !== undefined && { chaincode: options.chaincode }) })
  })
  return await status(options, terminal)
}

/** Lets another organization join. */
export async function addOrg (name: string, options: NetworkOptions & { readonly orderer?: boolean }, terminal: Terminal): Promise<number> {
  return await change(options, terminal, async (common) => { await addOrganization({ ...common, name, orderer: options.orderer === true }) })
}

/** Replaces the key and certificates of an orderer. */
export async function rotateOrderer (org: string, options: NetworkOptions, terminal: Terminal): Promise<number> {
  return await change(options, terminal, async (common) => { await rotateOrdererKeys({ ...common, org }) })
}

/** Adds a new root to an organization, or drops the old one. */
export async function renewRoot (org: string, options: NetworkOptions & { readonly dropOld?: boolean }, terminal: Terminal): Promise<number> {
  return await change(options, terminal, async (common) => {
    await (options.dropOld === true ? dropOldRoot : renewOrganizationRoot)({ ...common, org })
  })
}

export async function batchTimeout (timeout: string, options: NetworkOptions, terminal: Terminal): Promise<number> {
  return await change(options, terminal, async (common) => { await changeBatchTimeout({ ...common, timeout }) })
}

/** Changes the channel's configuration, and shows the network as it is then. */
async function change (
  options: NetworkOptions, terminal: Terminal, work: (common: { readonly dir: string, readonly log: (message: string) => void }) => Promise<void>
): Promise<number> {
  await attempt(async () => { await work({ dir: folder(options), log: (message) => { terminal.note(message) } }) })
  return await status(options, terminal)
}

/** The identities that an organization's CA knows. */
export async function identities (org: string, options: NetworkOptions, terminal: Terminal): Promise<number> {
  const known = await attempt(async () => await listIdentities(folder(options), org))
  const lines = known.map(({ id, type, attributes }) =>
    `${id.padEnd(28)} ${type.padEnd(8)} ${Object.entries(attributes).map(([name, value]) => `${name}=${value}`).join(' ')}`)
  terminal.result(lines.join('\n'), { identities: known })
  return 0
}

/** Revokes an identity at its CA and in the channel's configuration. */
export async function revoke (org: string, id: string, options: NetworkOptions, terminal: Terminal): Promise<number> {
  await attempt(async () => { await revokeIdentity(folder(options), org, id) })
  terminal.result(`${id} of ${org} is revoked`, { organization: org, id, revoked: true })
  return 0
}

/** Makes what one organization needs on its own host, as far as the others' public parts are there. */
export async function bundle (options: NativeOptions & { readonly org: string }, terminal: Terminal): Promise<number> {
  const made = await attempt(async () => await makeBundle({
    dir: folder(options),
    org: options.org,
    description: options.description ?? defaultDescription(),
    chaincode: fileURLToPath(new URL('../../../../chaincode', import.meta.url))
  }))
  const { publicPart, missing, folder: into, genesis, packageId } = made
  terminal.result([
    `public part, for the other organizations: ${publicPart}`,
    ...(missing.length > 0
      ? [`not complete: put the public parts of ${missing.join(', ')} beside it and run this again`]
      : [`complete: ${into ?? ''} (README.md has the steps)`, `genesis block ${genesis ?? ''}`, `contract ${packageId ?? ''}`])
  ].join('\n'), { complete: missing.length === 0, ...made })
  return 0
}

function describe (found: NativeStatus): string {
  return [
    `channel ${found.channel}, ${found.height} blocks, leader ${found.leader ?? 'unknown'}`,
    ...found.nodes.map((node) => `${node.name.padEnd(20)} ${node.address.padEnd(22)} ${node.running ? 'running' : 'stopped'}` +
      `${node.running && !node.healthy ? ', not healthy' : ''}${node.height === undefined ? '' : `, ${node.height} blocks`}`)
  ].join('\n')
}

async function attempt<T> (call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    throw new CliError({ code: 'NETWORK', message: cause instanceof Error ? cause.message : String(cause), cause })
  }
}
