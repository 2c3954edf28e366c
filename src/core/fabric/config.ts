import type { Crypto } from '../crypto.js'
import { parseBlock } from './block.js'
import { createMsp, type Msp } from './msp.js'
import { type PolicyTree, readPolicyTree } from './policy.js'
import { decodeExact, decodeUnordered } from './message.js'
import * as messages from './messages.js'
import { FabricRefusal } from './refusal.js'

/** An entry of the consenter mapping: the orderer that signs as number `id`. */
export interface Consenter {
  readonly id: number
  readonly mspId: string
  readonly host: string
  readonly port: number
  /** PEM of the exact certificate. */
  readonly identity: Uint8Array
}

/** What a configuration block says, as far as verification and the embedded network need it. */
export interface ChannelConfig {
  readonly channelId: string
  readonly sequence: bigint
  readonly applicationMsps: ReadonlyMap<string, Msp>
  readonly ordererMsps: ReadonlyMap<string, Msp>
  /** The application organizations: the name of the group that each has in the configuration. */
  readonly organizations: ReadonlyArray<{ readonly name: string, readonly mspId: string }>
  readonly policies: PolicyTree
  /** `BFT`, `etcdraft`, ... */
  readonly consensusType: string
  readonly consenters: readonly Consenter[]
  /** Signatures that a block needs: `bftQuorum` of the consenters. */
  readonly quorum: number
  readonly batchSize: { readonly maxMessageCount: number, readonly absoluteMaxBytes: number, readonly preferredMaxBytes: number }
  /** As written, such as `2s`. */
  readonly batchTimeout: string
  readonly capabilities: { readonly channel: readonly string[], readonly orderer: readonly string[], readonly application: readonly string[] }
  /** The /Channel group itself, a common.ConfigGroup. */
  readonly channelGroup: Uint8Array
  /** A group by path, such as `Application/CourtMSP`. */
  group (path: string): messages.ConfigGroup | undefined
  /** The bytes of a value, such as `value('Orderer', 'BatchSize')`; path '' is /Channel. */
  value (path: string, name: string): Uint8Array | undefined
}

const CONFIG = 1

/** Signatures that n SmartBFT consenters need: ceil((n + f + 1) / 2) with f = floor((n - 1) / 3). */
export function bftQuorum (n: number): number {
  const f = Math.floor((n - 1) / 3)
  return Math.ceil((n + f + 1) / 2)
}

/** The configuration in a serialized configuration block. Nothing is verified: see history.ts. */
export function parseConfigBlock (crypto: Crypto, blockBytes: Uint8Array): ChannelConfig {
  const [envelope, ...rest] = parseBlock(blockBytes).data
  if (envelope === undefined || rest.length > 0) throw new FabricRefusal('CONFIG', 'a configuration block holds one envelope')
  return parseConfigEnvelope(crypto, envelope)
}

/** The configuration in a CONFIG envelope, the one data element of a configuration block. */
export function parseConfigEnvelope (crypto: Crypto, envelope: Uint8Array): ChannelConfig {
  const { header, data } = decodeExact(messages.payload, decodeExact(messages.envelope, envelope).payload)
  const { type, channelId } = decodeExact(messages.channelHeader, header?.channelHeader ?? new Uint8Array(0))
  if (type !== CONFIG) throw new FabricRefusal('CONFIG', 'not a configuration transaction')
  const { config } = decodeExact(messages.configEnvelope, data)
  if (config?.channelGroup === undefined) throw new FabricRefusal('CONFIG', 'a configuration without a channel group')
  return readConfig(crypto, channelId, BigInt(config.sequence), config.channelGroup)
}

function readConfig (crypto: Crypto, channelId: string, sequence: bigint, channelGroup: Uint8Array): ChannelConfig {
  const root = decodeUnordered(messages.configGroup, channelGroup)
  const group = (path: string): messages.ConfigGroup | undefined => {
    let at: messages.ConfigGroup | undefined = root
    for (const step of path === '' ? [] : path.split('/')) at = at?.groups.get(step)
    return at
  }
  const value = (path: string, name: string): Uint8Array | undefined => group(path)?.values.get(name)?.value
  const consenters = readConsenters(value('Orderer', 'Orderers'))
  const application = readMsps(crypto, group('Application'))
  return {
    channelId,
    sequence,
    applicationMsps: byId(application),
    ordererMsps: byId(readMsps(crypto, group('Orderer'))),
    organizations: [...application].map(([name, { id: mspId }]) => ({ name, mspId })),
    policies: readPolicyTree(root),
    consensusType: decodeExact(messages.consensusType, value('Orderer', 'ConsensusType') ?? new Uint8Array(0)).type,
    consenters,
    quorum: bftQuorum(consenters.length),
    batchSize: decodeExact(messages.batchSize, value('Orderer', 'BatchSize') ?? new Uint8Array(0)),
    batchTimeout: decodeExact(messages.batchTimeout, value('Orderer', 'BatchTimeout') ?? new Uint8Array(0)).timeout,
    capabilities: {
      channel: readCapabilities(value('', 'Capabilities')),
      orderer: readCapabilities(value('Orderer', 'Capabilities')),
      application: readCapabilities(value('Application', 'Capabilities'))
    },
    channelGroup,
    group,
    value
  }
}

/** By the names of the organizations' groups. */
function readMsps (crypto: Crypto, parent: messages.ConfigGroup | undefined): Map<string, Msp> {
  const msps = new Map<string, Msp>()
  for (const [name, organization] of parent?.groups ?? []) {
    const bytes = organization.values.get('MSP')?.value
    if (bytes === undefined) continue
    msps.set(name, createMsp(crypto, decodeExact(messages.mspConfig, bytes).config))
  }
  return msps
}

function byId (named: ReadonlyMap<string, Msp>): Map<string, Msp> {
  const msps = new Map<string, Msp>()
  for (const msp of named.values()) {
    if (msps.has(msp.id)) throw new FabricRefusal('CONFIG', `two organizations with the MSP ${msp.id}`)
    msps.set(msp.id, msp)
  }
  return msps
}

function readConsenters (bytes: Uint8Array | undefined): readonly Consenter[] {
  const consenters = bytes === undefined ? [] : decodeExact(messages.orderers, bytes).consenterMapping
  if (new Set(consenters.map(({ id }) => id)).size !== consenters.length) throw new FabricRefusal('CONFIG', 'two consenters of one number')
  return consenters
}

function readCapabilities (bytes: Uint8Array | undefined): string[] {
  if (bytes === undefined) return []
  return [...decodeUnordered(messages.capabilities, bytes).capabilities.keys()].sort()
}
