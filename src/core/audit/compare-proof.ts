import { batchHeaderBytes, batchLeaf } from '../batch.js'
import { equalBytes, fromBase64url, fromHex, toHex } from '../bytes.js'
import type { Crypto } from '../crypto.js'
import { dataHash, headerHash } from '../fabric/block.js'
import { decodeBlock } from '../fabric/history.js'
import { attempt } from '../fabric/refusal.js'
import { equalVersions } from '../fabric/rwset.js'
import { parseResponsePayload } from '../fabric/transaction.js'
import { ledgerBytes, parseReadBack } from '../ledger-values.js'
import { leafHash, rootFromInclusion } from '../merkle.js'
import type { FabricBlock, FabricReadback, Proof } from '../proof.js'
import { recordBytes } from '../record.js'
import { readAttestations } from '../verify/attestations.js'
import { checkReceiptKey } from '../verify/ledger.js'
import type { EntryFacts, LogReplay } from './log-replay.js'

/** What of a proof is otherwise than in the blocks, in the order in which it stands on each other; and what it does not hold. */
export interface ProofComparison {
  readonly differs: readonly string[]
  readonly missing: readonly string[]
  /** Why it cannot be compared: a channel goes on after the blocks that were read. */
  readonly doubt?: string
}

/** A batch as somebody states it. */
export interface StatedBatch {
  /** The exact bytes. */
  readonly header: Uint8Array
  readonly block?: FabricBlock
  readonly readback?: FabricReadback
}

/**
 * Compares a proof with what the `height` blocks say: its batch, its block, what was read, its record's leaf. Signatures are the verifier's to
 * check.
 */
export function compareProof (crypto: Crypto, chaincode: string, log: LogReplay, height: number, proof: Proof): ProofComparison {
  const { header, record } = proof
  const entry = log.entry(header.log, header.number)
  const { block, readback, problem } = readAttestations(proof)
  if (entry === undefined) return absentBatch(log, height, proof, block)
  const attested = { ...(block === undefined ? {} : { block }), ...(readback === undefined ? {} : { readback }) }
  const batch = compareBatch(crypto, chaincode, entry, { header: batchHeaderBytes(header), ...attested })
  const keys = new Map(log.register(header.log)?.keys.map((key) => [key.keyId, key]))
  const differs = [
    ...batch.differs,
    ...(problem === undefined ? [] : [`its attestations are not of their form (${problem.code})`]),
    ...(isInBatch(crypto, proof) ? [] : [`record ${record.sequence} is not in the batch at its place`]),
    ...(logRoot(crypto, proof) === entry.root ? [] : ['its log path does not lead to the log after its batch']),
    ...(checkReceiptKey(keys, proof) === undefined ? [] : ['its receipt key is not registered on the ledger for this batch'])
  ]
  return { differs, missing: batch.missing }
}

/** A batch that is not in the blocks differs only where it would have to be in them. */
function absentBatch (log: LogReplay, height: number, { header }: Proof, block: FabricBlock | undefined): ProofComparison {
  const isLater = Number(header.number) >= Number(log.head(header.log)?.size ?? 0) && (block === undefined || Number(block.number) >= height)
  return isLater
    ? { differs: [], missing: [], doubt: `batch ${header.number} of the log ${header.log} is not in these ${height} blocks, and may be later` }
    : { differs: [`the ledger has no batch ${header.number} of the log ${header.log}`], missing: [] }
}

/** Compares what is stated of a batch with its entry by the blocks. */
export function compareBatch (crypto: Crypto, chaincode: string, entry: EntryFacts, { header, block, readback }: StatedBatch): ProofComparison {
  return {
    differs: [
      ...(equalBytes(crypto.sha256(header), entry.headerDigest) ? [] : ['the ledger holds another header under this number']),
      ...(block === undefined ? [] : compareBlock(crypto, entry, block)),
      ...(readback === undefined ? [] : compareReadback(crypto, chaincode, entry, readback))
    ],
    missing: [...(block === undefined ? ['its block'] : []), ...(readback === undefined ? ['its read-back'] : [])]
  }
}

function compareBlock (crypto: Crypto, entry: EntryFacts, block: FabricBlock): string[] {
  const { number, previousHash, data } = decodeBlock(block)
  const isSame = equalBytes(headerHash(crypto, { number, previousHash, dataHash: dataHash(crypto, data) }), entry.blockHash)
  if (number !== BigInt(entry.block) || Number(block.transaction) !== entry.transaction) {
    return [`it stands in transaction ${entry.transaction} of block ${entry.block}, not in ${block.transaction} of ${number}`]
  }
  return isSame ? [] : [`block ${number} is another on the channel`]
}

function compareReadback (crypto: Crypto, chaincode: string, entry: EntryFacts, { responsePayload }: FabricReadback): string[] {
  const read = attempt(() => {
    const { action, readWriteSets } = parseResponsePayload(fromBase64url(responsePayload))
    const own = readWriteSets.find(({ namespace }) => namespace === chaincode)
    return { entry: ledgerBytes(parseReadBack(action.response.payload).entry), version: own?.reads[0]?.version }
  })
  if (!read.ok) return [`its read-back cannot be read: ${read.detail}`]
  const at = { block: BigInt(entry.block), tx: BigInt(entry.transaction) }
  return [
    ...(equalBytes(crypto.sha256(read.value.entry), entry.digest) ? [] : ['its read-back is of another entry than the ledger has']),
    ...(equalVersions(read.value.version, at) ? [] : ['its read-back read the entry at another version'])
  ]
}

function isInBatch (crypto: Crypto, { record, header, batchPath }: Proof): boolean {
  const index = Number(record.sequence) - Number(header.first)
  const leaf = leafHash(crypto, recordBytes(record))
  const root = index < 0 ? undefined : rootFromInclusion(crypto, leaf, index, Number(header.size), batchPath.map(fromHex))
  return root !== undefined && toHex(root) === header.root
}

function logRoot (crypto: Crypto, { header, logPath }: Proof): string | undefined {
  const number = Number(header.number)
  const root = rootFromInclusion(crypto, batchLeaf(crypto, header), number, number + 1, logPath.map(fromHex))
  return root === undefined ? undefined : toHex(root)
}
