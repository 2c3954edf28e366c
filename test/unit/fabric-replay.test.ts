import t from 'tap'
import { common, kvrwset, rwset } from '../../network/shared/proto.js'
import { concat, fromHex, toHex } from '../../src/core/bytes.js'
import { dataHash, headerHash, parseBlock } from '../../src/core/fabric/block.js'
import { Replay } from '../../src/core/fabric/replay/replay.js'
import type { ReplayedBlock } from '../../src/core/fabric/replay/result.js'
import { createMemoryState } from '../../src/core/fabric/replay/state.js'
import type { BlockData } from '../../src/core/proof.js'
import { nodeCrypto } from '../../src/platform/node.js'
import { EvidenceWorld } from '../support/evidence-world.js'
import { altered, peerBlocks } from '../support/forged-peer.js'
import { type BlockOptions, CHAINCODE, configEnvelope, ForgedNetwork, lifecycleSet, type Member, readWriteSet } from './fabric-forge.js'
import { file, identity } from './fabric-vectors.js'

/** A private collection's writes, as everybody sees them. */
function collectionSet (namespace: string, name: string): rwset.NsReadWriteSet {
  const write = new kvrwset.KVWriteHash()
  write.setKeyHash(new Uint8Array(32).fill(1))
  write.setValueHash(new Uint8Array(32).fill(2))
  const hashed = new kvrwset.HashedRWSet()
  hashed.addHashedWrites(write)
  const collection = new rwset.CollectionHashedReadWriteSet()
  collection.setCollectionName(name)
  collection.setHashedRwset(hashed.serializeBinary())
  const set = readWriteSet(namespace, {})
  set.addCollectionHashedRwset(collection)
  return set
}

/** Blocks on each other, from a network's genesis block on. */
class ForgedChain {
  readonly blocks: BlockData[] = []
  readonly #network: ForgedNetwork
  #previous: Uint8Array

  constructor (network: ForgedNetwork) {
    this.#network = network
    this.#previous = fromHex(network.identity.genesis)
  }

  add (data: readonly Uint8Array[], options: BlockOptions = {}): void {
    const number = this.blocks.length + 1
    this.blocks.push(this.#network.block(number, data, { previousHash: this.#previous, ...options }))
    this.#previous = headerHash(nodeCrypto, { number: BigInt(number), previousHash: this.#previous, dataHash: dataHash(nodeCrypto, data) })
  }
}

const { TRANSACTIONS_FILTER, COMMIT_HASH, SIGNATURES } = common.BlockMetadataIndex

function replay (blocks: readonly Uint8Array[], genesis?: string): ReplayedBlock[] {
  const running = new Replay({ crypto: nodeCrypto, state: createMemoryState(), ...(genesis === undefined ? {} : { genesis }) })
  return blocks.map((bytes) => running.next(bytes))
}

const said = (blocks: readonly ReplayedBlock[]): string[] =>
  blocks.flatMap(({ number, differences }) => differences.map(({ code, transaction }) => `${number}${transaction === undefined ? '' : `:${transaction}`} ${code}`))
const doubts = (blocks: readonly ReplayedBlock[]): string[] => blocks.flatMap(({ number, doubts: list }) => list.map(({ what }) => `${number} ${what.en}`))

t.test('blocks of the real network, as far as they follow each other', (t) => {
  const blocks = replay([0, 1, 2].map((number) => file(`block-${number}.pb`)), identity.genesis)
  t.same(said(blocks), [])
  t.same(doubts(blocks), [])
  t.same(blocks.map(({ outcomes }) => outcomes), [{ VALID: 1 }, { VALID: 1 }, { VALID: 1 }])
  t.equal(blocks[2]?.accepted[0]?.transaction.chaincodeName, '_lifecycle', 'approvals: writes into an organization\'s own collection')
  t.end()
})

t.test('a forged channel agrees with its honest peer, and refused transactions are refused', (t) => {
  const world = new EvidenceWorld()
  world.anchor([{}, {}])
  world.anchor([{}])
  const blocks = replay(peerBlocks(world.network.genesis, world.blocks), world.network.identity.genesis)
  t.same(said(blocks), [])
  t.same(doubts(blocks), [])
  t.same(blocks.map(({ outcomes }) => Object.keys(outcomes).join()), [
    'VALID', 'VALID', 'ENDORSEMENT_POLICY_FAILURE', 'VALID', 'ENDORSEMENT_POLICY_FAILURE', 'ENDORSEMENT_POLICY_FAILURE', 'VALID', 'VALID'
  ])
  t.end()
})

t.test('whatever a peer says otherwise is named, once and where it is', (t) => {
  const world = new EvidenceWorld()
  world.anchor([{}])
  const honest = peerBlocks(world.network.genesis, world.blocks)
  const at = (number: number, change: (block: common.Block) => void): Uint8Array[] =>
    honest.map((bytes, i) => i === number ? altered(bytes, change) : bytes)
  const setMetadata = (index: number, value: Uint8Array) => (block: common.Block): void => {
    const list = block.getMetadata()?.getMetadataList_asU8() ?? []
    block.getMetadata()?.setMetadataList(list.map((entry, i) => i === index ? value : entry))
  }
  const cases: Array<[string, Uint8Array[], string[]]> = [
    ['an anchor called refused', at(6, setMetadata(TRANSACTIONS_FILTER, Uint8Array.of(11))), ['6:0 VALIDATION_CODE']],
    ['a refused transaction called valid', at(2, setMetadata(TRANSACTIONS_FILTER, Uint8Array.of(0))), ['2:0 VALIDATION_CODE']],
    ['another reason', at(2, setMetadata(TRANSACTIONS_FILTER, Uint8Array.of(11))), ['2:0 VALIDATION_CODE']],
    ['a code too many', at(2, setMetadata(TRANSACTIONS_FILTER, Uint8Array.of(10, 0))), ['2 VALIDATION_CODE']],
    ['another commit hash, and what follows from it', at(6, setMetadata(COMMIT_HASH, Uint8Array.of(10, 1, 7))), ['6 COMMIT_HASH']],
    ['a commit hash that is none', at(6, setMetadata(COMMIT_HASH, Uint8Array.of(1))), ['6 COMMIT_HASH']],
    ['no signatures', at(6, setMetadata(SIGNATURES, new Uint8Array(0))), ['6 BLOCK_ORDERING']],
    ['another number', at(6, (block) => { block.getHeader()?.setNumber(7) }), ['6 BLOCK_CHAIN']],
    ['other data', at(2, (block) => { block.getData()?.setDataList(common.Block.deserializeBinary(honest[4] as Uint8Array).getData()?.getDataList() ?? []) }),
      ['2 BLOCK_CHAIN', '2 BLOCK_ORDERING']]
  ]
  for (const [name, blocks, expected] of cases) {
    const found = said(replay(blocks))
    t.same(found.filter((line) => expected.includes(line)), expected, name)
    t.ok(found.every((line) => Number.parseInt(line) >= Number.parseInt(expected[0] ?? '')), `${name}: nothing before it`)
  }
  t.end()
})

t.test('where nothing can be said any more the replay ends, without an exception', (t) => {
  const world = new EvidenceWorld()
  const honest = peerBlocks(world.network.genesis, world.blocks)
  const [first = new Uint8Array(0), second = new Uint8Array(0)] = honest
  t.match(replay([first], '00'.repeat(32)), [{ ends: true, differences: [{ code: 'GENESIS' }] }], 'another channel')
  t.match(replay([second]), [{ ends: true, differences: [{ code: 'GENESIS' }] }], 'not block 0')
  t.match(replay([first, Uint8Array.of(1, 2, 3)]), [{ ends: false }, { ends: true, differences: [{ code: 'BLOCK_UNREADABLE' }] }])
  t.match(replay([Uint8Array.of()]), [{ ends: true, differences: [{}] }])
  t.match(replay([first, honest[3] ?? first]), [{}, { ends: true, differences: [], doubts: [{ what: { en: 'block 1' } }] }], 'a block is missing')
  t.equal(toHex(replay([first])[0]?.hash ?? first), toHex(headerHash(nodeCrypto, parseBlock(first).header)))
  t.end()
})

t.test('a block as the orderers deliver it has no codes to compare with', (t) => {
  const world = new EvidenceWorld()
  const honest = peerBlocks(world.network.genesis, world.blocks)
  const bare = honest.map((bytes) => altered(bytes, (block) => {
    const list = block.getMetadata()?.getMetadataList_asU8() ?? []
    block.getMetadata()?.setMetadataList(list.map((entry, i) => i === SIGNATURES ? entry : new Uint8Array(0)))
  }))
  const blocks = replay(bare)
  t.same(said(blocks), [])
  t.ok(doubts(blocks).includes('1 the peer\'s validation codes'))
  t.same(blocks.slice(1).map(({ outcomes }) => Object.keys(outcomes).join()), ['VALID', 'ENDORSEMENT_POLICY_FAILURE', 'VALID', 'ENDORSEMENT_POLICY_FAILURE', 'ENDORSEMENT_POLICY_FAILURE'])
  t.end()
})

t.test('configurations are followed, and one that leaves another out is named', (t) => {
  for (const [sequence, expected] of [[1, []], [2, ['2 CONFIGURATION']]] as Array<[number, string[]]>) {
    const network = new ForgedNetwork()
    const chain = new ForgedChain(network)
    chain.add([network.definitionEnvelope()])
    chain.add([configEnvelope(network.organizations, sequence)], { lastConfig: 2 })
    chain.add([network.envelope({ nonce: 'after it' })], { lastConfig: 2 })
    const blocks = replay(peerBlocks(network.genesis, chain.blocks))
    t.same(said(blocks), expected)
    t.same(blocks.map(({ isConfiguration }) => isConfiguration), [true, false, true, false])
  }
  t.end()
})

t.test('an organization\'s own collection is written by that organization alone', (t) => {
  const network = new ForgedNetwork()
  const chain = new ForgedChain(network)
  const approve = (endorsers: readonly Member[]): Uint8Array => network.envelope({
    chaincode: '_lifecycle', version: 'syscc', nonce: `by ${endorsers.length} ${chain.blocks.length}`, endorsers, sets: [collectionSet('_lifecycle', '_implicit_org_CourtMSP')]
  })
  chain.add([approve(network.peers(0))])
  chain.add([approve(network.peers(1))])
  chain.add([approve(network.peers(1, 2, 3))])
  const blocks = replay(peerBlocks(network.genesis, chain.blocks))
  t.same(said(blocks), [])
  t.same(blocks.slice(1).map(({ outcomes }) => Object.keys(outcomes).join()), ['VALID', 'ENDORSEMENT_POLICY_FAILURE', 'ENDORSEMENT_POLICY_FAILURE'])
  t.end()
})

t.test('what these rules cannot decide is a doubt, and the peer\'s word is taken to go on', (t) => {
  const cases: Array<[string, (network: ForgedNetwork) => Uint8Array, number]> = [
    ['a key-level policy', (network) => network.envelope({ nonce: 'metadata', sets: [lifecycleSet(), readWriteSet(CHAINCODE, { metadata: 1 })] }), 10],
    ['a key-level policy, agreed', (network) => network.envelope({ nonce: 'metadata', sets: [lifecycleSet(), readWriteSet(CHAINCODE, { metadata: 1 })] }), 0],
    ['another encoding', (network) => network.envelope({ nonce: 'odd', payloadBytes: (bytes) => concat(bytes, Uint8Array.of(0x7a, 0)) }), 0],
    ['another encoding, refused, agreed', (network) => network.envelope({ nonce: 'odd', payloadBytes: (bytes) => concat(bytes, Uint8Array.of(0x7a, 0)) }), 2]
  ]
  for (const [name, make, theirs] of cases) {
    const network = new ForgedNetwork()
    const chain = new ForgedChain(network)
    chain.add([network.definitionEnvelope()])
    chain.add([make(network)])
    const blocks = replay(peerBlocks(network.genesis, chain.blocks, { filter: (filter, number) => number === 2 ? Uint8Array.of(theirs) : filter }))
    t.same(said(blocks), [], name)
    t.ok(doubts(blocks).includes('2 the validation code of a transaction'), name)
    t.equal(doubts(blocks).includes('2 a commit hash'), !name.endsWith('agreed'), name)
  }
  t.end()
})

t.test('after a key got a policy of its own, what endorsements suffice is not said against the peer', (t) => {
  const network = new ForgedNetwork()
  const chain = new ForgedChain(network)
  chain.add([network.definitionEnvelope()])
  chain.add([network.envelope({ nonce: 'metadata', sets: [lifecycleSet(), readWriteSet(CHAINCODE, { metadata: 1 })] })])
  chain.add([network.envelope({ nonce: 'after it' })])
  const blocks = replay(peerBlocks(network.genesis, chain.blocks, { filter: (filter, number) => number === 3 ? Uint8Array.of(10) : filter }))
  t.same(said(blocks).filter((one) => !one.endsWith('COMMIT_HASH')), [])
  t.ok(doubts(blocks).includes('3 the validation code of a transaction'))
  t.end()
})
