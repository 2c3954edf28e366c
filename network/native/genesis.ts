import { existsSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { toHex } from '../../src/core/bytes.js'
import { headerHash, parseBlock } from '../../src/core/fabric/block.js'
import { bftQuorum } from '../../src/core/fabric/config.js'
import { nodeCrypto } from '../../src/platform/node.js'
import type { ChannelMember } from '../embedded/genesis/channel-config.js'
import { genesisBlock } from '../embedded/genesis/genesis-block.js'
import { common } from '../embedded/proto.js'
import { privateFolder, writePrivate } from '../embedded/files.js'
import { publicMaterial } from './keys.js'
import type { Layout } from './layout.js'
import { founders, type NetworkState, type PlacedOrg, placedOrgs } from './state.js'

const METADATA_ENTRIES = 5

/** What is free to choose in a genesis block. Organizations that choose alike make the same block. */
export interface GenesisChoice {
  readonly time: Date
  readonly nonce?: Uint8Array
}

/** Makes the channel's genesis block from what the organizations publish, once. */
export function ensureGenesis (layout: Layout, state: NetworkState, choice: GenesisChoice = { time: new Date() }): void {
  if (existsSync(layout.genesis)) return
  const { consortium } = state
  const orgs = founders(placedOrgs(state)).map((org) => channelMember(layout, org))
  const unsigned = genesisBlock({
    channel: consortium.channel,
    orgs,
    quorum: bftQuorum(orgs.length),
    ...choice,
    configuration: { policies: consortium.policies, ordering: consortium.ordering }
  })
  const header = new common.BlockHeader()
  header.setNumber(unsigned.number)
  header.setPreviousHash(unsigned.previousHash)
  header.setDataHash(unsigned.dataHash)
  const data = new common.BlockData()
  data.setDataList([...unsigned.data])
  const block = new common.Block()
  block.setHeader(header)
  block.setData(data)
  block.setMetadata(genesisMetadata())
  privateFolder(dirname(layout.genesis))
  writePrivate(layout.genesis, block.serializeBinary())
}

/** What the channel's configuration says of an organization. */
export function channelMember (layout: Layout, org: PlacedOrg, orderer?: string): ChannelMember {
  const { mspId, ordererMspId, host, ports, consenter = 0 } = org
  return { ...publicMaterial(layout.org(org.name).folder, org, orderer), mspId, ordererMspId, host, ports, consenterId: consenter }
}

/** Nobody signs block 0; as in Fabric's own genesis blocks, it only says that block 0 holds the configuration. */
function genesisMetadata (): common.BlockMetadata {
  const lastConfig = new common.LastConfig() // index 0
  const value = new common.OrdererBlockMetadata()
  value.setLastConfig(lastConfig)
  const signatures = new common.Metadata()
  signatures.setValue(value.serializeBinary())
  const metadata = new common.BlockMetadata()
  const entries: Uint8Array[] = Array.from({ length: METADATA_ENTRIES }, () => new Uint8Array(0))
  entries[common.BlockMetadataIndex.SIGNATURES] = signatures.serializeBinary()
  metadata.setMetadataList(entries)
  return metadata
}

/** Hash of the genesis block's header, in hex: what a trust bundle pins. */
export function genesisHash (layout: Layout): string {
  return toHex(headerHash(nodeCrypto, parseBlock(new Uint8Array(readFileSync(layout.genesis))).header))
}
