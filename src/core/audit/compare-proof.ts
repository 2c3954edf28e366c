import { PROOF_SAYS } from '../audit-wording.js'
import type { Sentences } from '../findings.js'
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
  readonly differs: readonly Sentences[]
  readonly missing: readonly Sentences[]
  /** Why it cannot be compared: a channel goes on after the blocks that were read. */
  readonly doubt?: Sentences
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
    ...(problem === undefined ? [] : [PROOF_SAYS.attestations(problem.code)]),
    ...(isInBatch(crypto, proof) ? [] : [PROOF_SAYS.record(record.sequence)]),
    ...(logRoot(crypto, proof) === entry.root ? [] : [PROOF_SAYS.logPath]),
    ...(checkReceiptKey(keys, proof) === undefined ? [] : [PROOF_SAYS.receiptKey])
  ]
  return { differs, missing: batch.missing }
}

/** A batch that is not in the blocks differs only where it would have to be in them. */
function absentBatch (log: LogReplay, height: number, { header }: Proof, block: FabricBlock | undefined): ProofComparison {
  const isLater = Number(header.number) >= Number(log.head(header.log)?.size ?? 0) && (block === undefined || Number(block.number) >= height)
  return isLater
    ? { differs: [], missing: [], doubt: PROOF_SAYS.laterBatch(header.number, header.log, height) }
    : { differs: [PROOF_SAYS.noBatch(header.number, header.log)], missing: [] }
}

/** Compares what is stated of a batch with its entry by the blocks. */
export function compareBatch (crypto: Crypto, chaincode: string, entry: EntryFacts, { header, block, readback }: StatedBatch): ProofComparison {
  return {
    differs: [
      ...(equalBytes(crypto.sha256(header), entry.headerDigest) ? [] : [PROOF_SAYS.otherHeader]),
      ...(block === undefined ? [] : compareBlock(crypto, entry, block)),
      ...(readback === undefined ? [] : compareReadback(crypto, chaincode, entry, readback))
    ],
    missing: [...(block === undefined ? [PROOF_SAYS.block] : []), ...(readback === undefined ? [PROOF_SAYS.readback] : [])]
  }
}

function compareBlock (crypto: Crypto, entry: EntryFacts, block: FabricBlock): Sentences[] {
  const { number, previousHash, data } = decodeBlock(block)
  const isSame = equalBytes(headerHash(crypto, { number, previousHash, dataHash: dataHash(crypto, data) }), entry.blockHash)
  if (number !== BigInt(entry.block) || Number(block.transaction) !== entry.transaction) {
    return [PROOF_SAYS.otherPlace(entry.transaction, entry.block, block.transaction, number)]
  }
  return isSame ? [] : [PROOF_SAYS.otherBlock(number)]
}

function compareReadback (crypto: Crypto, chaincode: string, entry: EntryFacts, { responsePayload }: FabricReadback): Sentences[] {
  const read = attempt(() => {
    const { action, readWriteSets } = parseResponsePayload(fromBase64url(responsePayload))
    const own = readWriteSets.find(({ namespace }) => namespace === chaincode)
    return { entry: ledgerBytes(parseReadBack(action.response.payload).entry), version: own?.reads[0]?.version }
  })
  if (!read.ok) return [PROOF_SAYS.readbackUnread(read.detail)]
  const at = { block: BigInt(entry.block), tx: BigInt(entry.transaction) }
  return [
    ...(equalBytes(crypto.sha256(read.value.entry), entry.digest) ? [] : [PROOF_SAYS.readbackEntry]),
    ...(equalVersions(read.value.version, at) ? [] : [PROOF_SAYS.readbackVersion])
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
