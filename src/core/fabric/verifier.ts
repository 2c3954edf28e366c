import type { Crypto } from '../crypto.js'
import { createMemo } from '../memo.js'
import type { FabricBlock, FabricReadback } from '../proof.js'
import { decodeBlock, type FabricHistory, rangeOf } from './history.js'
import { attempt, type FabricResult } from './refusal.js'
import { type AttestedTransaction, type QsccQuestion, verifyQscc } from './verify-qscc.js'
import { lookupIn, type Question } from './verify-query.js'
import { type AttestedReadback, type ReadbackQuestion, verifyReadback } from './verify-readback.js'
import { type OrderedTransaction, verifyBlockTransaction } from './verify-transaction.js'

/** Verifies Fabric evidence against one verified history. Results are values; nothing throws on bad evidence. */
export interface FabricVerifier {
  readonly history: FabricHistory
  /** `fabric-block/v1`. */
  block (data: FabricBlock): FabricResult<OrderedTransaction>
  /** `fabric-readback/v1`; the chaincode and the channel are the history's. */
  readback (
    data: FabricReadback, identities: Readonly<Record<string, string>>, question: Omit<ReadbackQuestion, keyof Omit<Question, 'args'>>
  ): FabricResult<AttestedReadback>
  /** `fabric-qscc/v1`, about a transaction that `block` verified. */
  qscc (data: FabricReadback, identities: Readonly<Record<string, string>>, ordered: OrderedTransaction): FabricResult<AttestedTransaction>
}

/**
 * A verifier that remembers, within itself and bounded, the blocks and the read-backs it verified. Both are remembered by a digest
 * of everything that went in, so a remembered verdict is the verdict on these bytes.
 */
export function createFabricVerifier (crypto: Crypto, history: FabricHistory): FabricVerifier {
  const { channel, chaincode, definitions, ranges } = history
  const expected = { channel, chaincode, definitions }
  const blocks = createMemo<FabricResult<OrderedTransaction>>(crypto)
  const readbacks = createMemo<FabricResult<AttestedReadback>>(crypto)
  return {
    history,
    block: (data) => blocks([data.number, data.previousHash, data.signatures, data.transaction, ...data.data], () =>
      flatten(attempt(() => {
        const block = decodeBlock(data)
        return verifyBlockTransaction(crypto, expected, rangeOf(ranges, block.number), block, Number(data.transaction))
      }))),
    readback: (data, identities, question) => {
      const used = data.endorsements.map(({ identity }) => identities[identity])
      return readbacks([JSON.stringify([data, used]), JSON.stringify(question, bigints)], () =>
        verifyReadback(crypto, history, { ...question, channel, chaincode }, data, lookupIn(identities)))
    },
    qscc: (data, identities, ordered) => {
      const question: QsccQuestion = {
        channel,
        txId: ordered.transaction.channelHeader.txId,
        envelope: ordered.element,
        block: ordered.at.block,
        policy: ordered.definition.policy
      }
      return verifyQscc(crypto, ranges, question, data, lookupIn(identities))
    }
  }
}

function bigints (_: string, value: unknown): unknown {
  return typeof value === 'bigint' ? String(value) : value
}

function flatten<T> (result: FabricResult<FabricResult<T>>): FabricResult<T> {
  return result.ok ? result.value : result
}
