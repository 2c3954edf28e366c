import { fromBase64url, fromHex } from '../../src/core/bytes.js'
import { commitHash } from '../../src/core/fabric/commit/commit-hash.js'
import { judgeBlock } from '../../src/core/fabric/commit/judge-block.js'
import { settle } from '../../src/core/fabric/commit/state.js'
import { type ChannelConfig, parseConfigEnvelope } from '../../src/core/fabric/config.js'
import { common } from '../../network/shared/proto.js'
import { rulesIn } from '../../src/core/fabric/replay/rules.js'
import { createMemoryState } from '../../src/core/fabric/replay/state.js'
import { isConfiguration, requireEnvelopes } from '../../src/core/fabric/verify-block.js'
import type { BlockData } from '../../src/core/proof.js'
import { dataHash } from '../../src/core/fabric/block.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { CHANNEL } from '../unit/fabric-forge.js'

/** What a peer may be made to say otherwise about a block. */
export interface Lies {
  readonly filter?: (filter: Uint8Array, number: number) => Uint8Array
}

/** The blocks of a channel as an honest peer gives them out: with its validation codes and commit hashes. Whole, serialized, from block 0. */
export function peerBlocks (genesis: Uint8Array, blocks: readonly BlockData[], { filter: lie = (filter) => filter }: Lies = {}): Uint8Array[] {
  const state = createMemoryState()
  let config: ChannelConfig = parseConfigEnvelope(nodeCrypto, genesis)
  let previous = new Uint8Array(0)
  const first: BlockData = { number: '0', previousHash: '', data: [], signatures: '' }
  const out = [assemble({ ...first }, [genesis], Uint8Array.of(0), new Uint8Array(0))]
  for (const block of blocks) {
    const data = block.data.map(fromBase64url)
    const number = Number(block.number)
    const isConfig = isConfiguration(requireEnvelopes(CHANNEL, data))
    const current = config
    const { filter, updates } = isConfig
      ? { filter: Uint8Array.of(0), updates: [] }
      : settle(judgeBlock({ crypto: nodeCrypto, config }, number, data), { ...state, rules: (namespace) => rulesIn(state, current, namespace) })
    if (isConfig) config = parseConfigEnvelope(nodeCrypto, data[0] as Uint8Array)
    const said = lie(filter, number)
    previous = Uint8Array.from(commitHash(nodeCrypto, filter, updates, previous))
    state.commit(updates, data.map((element) => {
      const header = common.Payload.deserializeBinary(common.Envelope.deserializeBinary(element).getPayload_asU8()).getHeader()
      return common.ChannelHeader.deserializeBinary(header?.getChannelHeader_asU8() ?? new Uint8Array(0)).getTxId()
    }))
    out.push(assemble(block, data, said, previous))
  }
  return out
}

function assemble ({ number, previousHash, signatures }: BlockData, data: readonly Uint8Array[], filter: Uint8Array, hash: Uint8Array): Uint8Array {
  const header = new common.BlockHeader()
  header.setNumber(Number(number))
  header.setPreviousHash(fromHex(previousHash))
  header.setDataHash(dataHash(nodeCrypto, data))
  const content = new common.BlockData()
  content.setDataList([...data])
  const committed = new common.Metadata()
  committed.setValue(hash)
  const metadata = new common.BlockMetadata()
  metadata.setMetadataList([fromBase64url(signatures), new Uint8Array(0), filter, new Uint8Array(0), hash.length === 0 ? hash : committed.serializeBinary()])
  const block = new common.Block()
  block.setHeader(header)
  block.setData(content)
  block.setMetadata(metadata)
  return block.serializeBinary()
}

/** Changes a serialized block. */
export function altered (bytes: Uint8Array, change: (block: common.Block) => void): Uint8Array {
  const block = common.Block.deserializeBinary(bytes)
  change(block)
  return block.serializeBinary()
}
