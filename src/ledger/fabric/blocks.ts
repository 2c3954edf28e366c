import { setTimeout as sleep } from 'node:timers/promises'
import { toBase64url, toHex } from '../../core/bytes.js'
import { parseBlock } from '../../core/fabric/block.js'
import { bytes as bytesField, decodeExact, message, nested, uint64 } from '../../core/fabric/message.js'
import { parseEnvelope } from '../../core/fabric/transaction.js'
import type { LedgerBlock } from '../ledger.js'
import type { FabricClient } from './client.js'
import { FabricFailure, ledgerError } from './failure.js'

// common/ledger.proto
const blockchainInfo = message({
  height: uint64(1),
  currentBlockHash: bytesField(2),
  previousBlockHash: bytesField(3),
  bootstrappingSnapshotInfo: nested(4, message({ lastBlockInSnapshot: uint64(1) }))
})
const TRANSACTIONS_FILTER = 2
/** Validation code of a transaction that no filter entry speaks of: NOT_VALIDATED. */
const NOT_VALIDATED = 254

/** Reads blocks through qscc, the system chaincode of every peer. */
export interface BlockReader {
  readonly block: (number: string) => Promise<LedgerBlock | undefined>
  /** The serialized common.Block as the peer has it, its own metadata included. */
  readonly bytes: (number: string) => Promise<Uint8Array | undefined>
  readonly blockOf: (txId: string) => Promise<{ readonly block: LedgerBlock, readonly index: number } | undefined>
  readonly height: () => Promise<string>
  /** Blocks from a number on, each once and in order, for ever; failures to reach the ledger are waited out. */
  readonly follow: (from: string, signal: AbortSignal) => AsyncIterable<LedgerBlock>
}

/** Waits between questions while nothing is new, or nobody answers. */
const IDLE_MS = 200
const DOWN_MS = 1000

export function createBlockReader (client: Pick<FabricClient, 'evaluate'>, channel: string): BlockReader {
  const ask = async (name: string, ...args: string[]): Promise<Uint8Array | undefined> => {
    try {
      return await client.evaluate('qscc', [name, channel, ...args])
    } catch (error) {
      // "no such block number [7] in index", "no such transaction ID [..] in index"
      if (error instanceof FabricFailure && error.kind === 'contract' && error.message.includes('no such ')) return undefined
      throw ledgerError(error)
    }
  }
  const bytesOf: BlockReader['bytes'] = async (number) => await ask('GetBlockByNumber', number)
  const block: BlockReader['block'] = async (number) => {
    const bytes = await bytesOf(number)
    return bytes === undefined ? undefined : ledgerBlock(bytes)
  }
  const height = async (): Promise<string> => {
    const bytes = await ask('GetChainInfo')
    return String(decodeExact(blockchainInfo, bytes ?? new Uint8Array(0)).height)
  }
  return {
    block,
    bytes: bytesOf,
    height,
    async blockOf (txId) {
      const bytes = await ask('GetBlockByTxID', txId)
      if (bytes === undefined) return undefined
      const found = ledgerBlock(bytes)
      return { block: found, index: found.transactions.findIndex((transaction) => transaction.txId === txId) }
    },
    async * follow (from, signal) {
      for (let next = BigInt(from); !signal.aborted;) {
        const found = await nextBlock(block, height, next)
        if (typeof found === 'object') {
          yield found
          next++
        } else await sleep(found, undefined, { signal }).catch(() => undefined)
      }
    }
  }
}

/** The block, or how long to wait before asking again. */
async function nextBlock (
  block: BlockReader['block'], height: BlockReader['height'], number: bigint
): Promise<LedgerBlock | number> {
  try {
    if (BigInt(await height()) <= number) return IDLE_MS
    return await block(String(number)) ?? IDLE_MS
  } catch {
    return DOWN_MS
  }
}

/** A serialized common.Block in the form that proofs carry. */
export function ledgerBlock (bytes: Uint8Array): LedgerBlock {
  const { header, data, signatures, metadata } = parseBlock(bytes)
  const filter = metadata[TRANSACTIONS_FILTER] ?? new Uint8Array(0)
  return {
    data: {
      number: String(header.number),
      previousHash: toHex(header.previousHash),
      data: data.map(toBase64url),
      signatures: toBase64url(signatures)
    },
    transactions: data.map((envelope, i) => ({ ...identityOf(envelope), code: filter[i] ?? NOT_VALIDATED }))
  }
}

/** Orderers accept what peers later find malformed: such an envelope has no id, and never a valid code. */
function identityOf (envelope: Uint8Array): { txId: string, type: number } {
  try {
    const { txId, type } = parseEnvelope(envelope).channelHeader
    return { txId, type }
  } catch {
    return { txId: '', type: -1 }
  }
}
