import type { Crypto } from '../crypto.js'
import { parseBlock } from './block.js'
import { createMsp, type Msp } from './msp.js'
import { type PolicyTree, readPolicyTree } from './policy.js'
import { common, configtx, configuration, decodeExact, decodeUnordered, mspConfig, orderer } from './proto.js'
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
  /** The /Channel group itself, for what is not listed above. */
  readonly channelGroup: configtx.ConfigGroup
  /** A group by path, such as `Application/CourtMSP`. */
  group (path: string): configtx.ConfigGroup | undefined
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
  const payload = decodeExact(common.Payload, decodeExact(common.Envelope, envelope).getPayload_asU8())
  const header = decodeExact(common.ChannelHeader, payload.getHeader()?.getChannelHeader_asU8() ?? new Uint8Array(0))
  if (header.getType() !== CONFIG) throw new FabricRefusal('CONFIG', 'not a configuration transaction')
  const config = decodeUnordered(configtx.ConfigEnvelope, payload.getData_asU8()).getConfig()
  const root = config?.getChannelGroup()
  if (config === undefined || root === undefined) throw new FabricRefusal('CONFIG', 'a configuration without a channel group')
  return readConfig(crypto, header.getChannelId(), BigInt(config.getSequence()), root)
}

function readConfig (crypto: Crypto, channelId: string, sequence: bigint, root: configtx.ConfigGroup): ChannelConfig {
  const group = (path: string): configtx.ConfigGroup | undefined => {
    let at: configtx.ConfigGroup | undefined = root
    for (const step of path === '' ? [] : path.split('/')) at = at?.getGroupsMap().get(step)
    return at
  }
  const value = (path: string, name: string): Uint8Array | undefined => group(path)?.getValuesMap().get(name)?.getValue_asU8()
  const consenters = readConsenters(value('Orderer', 'Orderers'))
  const application = readMsps(crypto, group('Application'))
  const batch = decodeExact(orderer.BatchSize, value('Orderer', 'BatchSize') ?? new Uint8Array(0))
  return {
    channelId,
    sequence,
    applicationMsps: byId(application),
    ordererMsps: byId(readMsps(crypto, group('Orderer'))),
    organizations: [...application].map(([name, { id: mspId }]) => ({ name, mspId })),
    policies: readPolicyTree(root),
    consensusType: decodeExact(orderer.ConsensusType, value('Orderer', 'ConsensusType') ?? new Uint8Array(0)).getType(),
    consenters,
    quorum: bftQuorum(consenters.length),
    batchSize: {
      maxMessageCount: batch.getMaxMessageCount(),
      absoluteMaxBytes: batch.getAbsoluteMaxBytes(),
      preferredMaxBytes: batch.getPreferredMaxBytes()
    },
    batchTimeout: decodeExact(orderer.BatchTimeout, value('Orderer', 'BatchTimeout') ?? new Uint8Array(0)).getTimeout(),
    capabilities: {
      channel: readCapabilities(value('', 'Capabilities')),
      orderer: readCapabilities(value('Orderer', 'Capabilities')),
      application: readCapabilities(value('Application', 'Capabilities'))
    },
    channelGroup: root,
    group,
    value
  }
}

/** By the names of the organizations' groups. */
function readMsps (crypto: Crypto, parent: configtx.ConfigGroup | undefined): Map<string, Msp> {
  const msps = new Map<string, Msp>()
  for (const [name, organization] of parent?.getGroupsMap().entries() ?? []) {
    const bytes = organization.getValuesMap().get('MSP')?.getValue_asU8()
    if (bytes === undefined) continue
    msps.set(name, createMsp(crypto, decodeExact(mspConfig.MSPConfig, bytes).getConfig_asU8()))
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

function readConsenters (bytes: Uint8Array | undefined): Consenter[] {
  const entries = bytes === undefined ? [] : decodeExact(configuration.Orderers, bytes).getConsenterMappingList()
  const consenters = entries.map((entry) => ({
    id: entry.getId(), mspId: entry.getMspId(), host: entry.getHost(), port: entry.getPort(), identity: entry.getIdentity_asU8()
  }))
  if (new Set(consenters.map(({ id }) => id)).size !== consenters.length) throw new FabricRefusal('CONFIG', 'two consenters of one number')
  return consenters
}

function readCapabilities (bytes: Uint8Array | undefined): string[] {
  if (bytes === undefined) return []
  return [...decodeUnordered(configuration.Capabilities, bytes).getCapabilitiesMap().keys()].sort()
}
