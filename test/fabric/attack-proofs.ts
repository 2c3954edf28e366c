/** Proofs taken apart and put together otherwise. */
import { fromBase64url, utf8 } from '../../src/core/bytes.js'
import { parseEndorserTransaction } from '../../src/core/fabric/transaction.js'
import { jcs } from '../../src/core/jcs.js'
import { batchKey, parseBatchEntry } from '../../src/core/ledger-values.js'
import { type FabricBlock, fabricBlock, type FabricReadback, fabricReadback, type Proof } from '../../src/core/proof.js'
import type { CurrentBundle } from '../../src/notary/bundle.js'
import { type ForgedNetwork, readWriteSet } from '../unit/fabric-forge.js'

export const blockOf = (proof: Proof): FabricBlock => fabricBlock(proof.attestations?.[0]?.data, 'block')
export const readbackOf = (proof: Proof): FabricReadback => fabricReadback(proof.attestations?.[1]?.data, 'readback')
export const envelopeOf = (proof: Proof): Uint8Array => fromBase64url(blockOf(proof).data[Number(blockOf(proof).transaction)] ?? '')

/** A proof with these attestations instead of its own. */
export function attested (proof: Proof, parts: { block: FabricBlock, readback: FabricReadback, identities: Proof['identities'] }): Proof {
  const json = <T>(value: T): T => JSON.parse(jcs(value)) as T
  const { identities = {} } = parts
  return {
    ...proof,
    attestations: [
      { type: 'fabric-block/v1', target: 'batch', data: json(parts.block) as never },
      { type: 'fabric-readback/v1', target: 'batch', data: json(parts.readback) as never }
    ],
    identities
  }
}

/** A proof without a read-back. */
export function unread (proof: Proof, block: FabricBlock): Proof {
  return { ...proof, attestations: [{ type: 'fabric-block/v1', target: 'batch', data: JSON.parse(jcs(block)) as never }] }
}

export function withBlock (proof: Proof, change: Partial<FabricBlock>): Proof {
  return attested(proof, { block: { ...blockOf(proof), ...change }, readback: readbackOf(proof), identities: proof.identities })
}

export function withReadback (proof: Proof, readback: FabricReadback, identities: Proof['identities']): Proof {
  return attested(proof, { block: blockOf(proof), readback, identities })
}

export function compact (proof: Proof): Proof {
  const { responsePayload, endorsements } = readbackOf(proof)
  return withReadback(proof, { responsePayload, endorsements }, proof.identities)
}

/** Peers' keys say that the ledger holds, where a batch's transaction stands, what that transaction wrote. */
export function forgedReadback (
  keys: ForgedNetwork, { bundle }: CurrentBundle, { proof, block, index }: { proof: Proof, block: FabricBlock, index: number }, signers: readonly number[]
): { readback: FabricReadback, identities: Proof['identities'] } {
  const { identity: { channel, chaincode, log }, history: { definitions: [definition] } } = bundle
  const key = batchKey(log, proof.header.number)
  const { readWriteSets } = parseEndorserTransaction(fromBase64url(block.data[Number(block.transaction)] ?? ''))
  const written = readWriteSets.flatMap(({ writes }) => writes).find((write) => write.key === key)?.value ?? new Uint8Array(0)
  const entry = parseBatchEntry(written)
  const { data, identities } = keys.readback({
    channel,
    chaincode,
    version: '1.0',
    args: ['readBatch', log, proof.header.number],
    payload: utf8(jcs({ type: 'steelyard/readback/v1', channel, entry, time: entry.time })),
    creator: keys.organization(signers[0] ?? 0).client,
    endorsers: keys.peers(...signers),
    sets: [
      readWriteSet('_lifecycle', { reads: [[`namespaces/fields/${chaincode}/Sequence`, Number(definition?.block.number), Number(definition?.transaction)]] }),
      readWriteSet(chaincode, { reads: [[key, Number(block.number), index]] })
    ]
  })
  return { readback: { ...data, endorsements: [...data.endorsements].sort((a, b) => a.identity < b.identity ? -1 : 1) }, identities }
}
