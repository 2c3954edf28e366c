/**
 * A channel's blocks as an embedded network has them against what an official peer made of them.
 * @module
 */
import type { Gateway } from '@hyperledger/fabric-gateway'
import { common } from '@hyperledger/fabric-protos'
import { blocksOf } from './foreign-peer.js'

const { TRANSACTIONS_FILTER, COMMIT_HASH } = common.BlockMetadataIndex

/** In what blocks 0 to `height` - 1 of the two differ, and how often the second gave each validation code. */
export async function compareBlocks (
  ours: Gateway, theirs: Gateway, channel: string, height: number
): Promise<{ readonly differences: string[], readonly verdicts: ReadonlyMap<number, number> }> {
  const [mine, others] = await Promise.all([blocksOf(ours, channel, height), blocksOf(theirs, channel, height)])
  const verdicts = new Map<number, number>()
  const differences: string[] = []
  for (const [number, block] of mine.entries()) {
    const other = others[number]
    if (other === undefined) throw new Error(`block ${number} is missing`)
    differences.push(...compare(number, block, other))
    for (const code of metadata(other, TRANSACTIONS_FILTER)) verdicts.set(code, (verdicts.get(code) ?? 0) + 1)
  }
  return { differences, verdicts }
}

function metadata (block: common.Block, index: number): Uint8Array {
  return block.getMetadata()?.getMetadataList_asU8()[index] ?? new Uint8Array(0)
}

function compare (number: number, ours: common.Block, theirs: common.Block): string[] {
  const hex = (bytes: Uint8Array): string => Buffer.from(bytes).toString('hex')
  const entries: Array<[string, Uint8Array, Uint8Array]> = [
    ['header', ours.getHeader()?.serializeBinary() ?? new Uint8Array(0), theirs.getHeader()?.serializeBinary() ?? new Uint8Array(0)],
    ['data', ours.getData()?.serializeBinary() ?? new Uint8Array(0), theirs.getData()?.serializeBinary() ?? new Uint8Array(0)],
    ...[0, 1, TRANSACTIONS_FILTER, 3, COMMIT_HASH].map((index): [string, Uint8Array, Uint8Array] => [
      `metadata ${index}`, metadata(ours, index), metadata(theirs, index)
    ])
  ]
  return entries
    .filter(([, a, b]) => hex(a) !== hex(b))
    .map(([what, a, b]) => `block ${number} ${what}: embedded ${hex(a).slice(0, 200)}, peer ${hex(b).slice(0, 200)}`)
}
