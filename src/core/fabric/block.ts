import { concat } from '../bytes.js'
import type { Sha256 } from '../merkle.js'
import { derInteger, derOctetString, derSequence } from './der.js'
import { decodeExact } from './message.js'
import * as messages from './messages.js'
import { FabricRefusal } from './refusal.js'

/** common.BlockHeader. `previousHash` is empty in block 0. */
export interface BlockHeader {
  readonly number: bigint
  readonly previousHash: Uint8Array
  readonly dataHash: Uint8Array
}

/** A block taken apart. `signatures` is the SIGNATURES entry of the metadata: the only one that anybody signs. */
export interface ParsedBlock {
  readonly header: BlockHeader
  readonly data: readonly Uint8Array[]
  readonly signatures: Uint8Array
  readonly metadata: readonly Uint8Array[]
}

/** ASN.1 DER of SEQUENCE {INTEGER number, OCTET STRING previous hash, OCTET STRING data hash}: what is hashed and signed. */
export function headerDer (header: BlockHeader): Uint8Array {
  return derSequence(derInteger(header.number), derOctetString(header.previousHash), derOctetString(header.dataHash))
}

/** SHA-256 of the header's DER: the next block's previous hash. */
export function headerHash (crypto: Sha256, header: BlockHeader): Uint8Array {
  return crypto.sha256(headerDer(header))
}

/**
 * SHA-256 of the concatenated envelopes. It binds only the concatenation: whoever relies on single envelopes must check that
 * each of them encodes exactly (CVE-2023-46132, see verify-block.ts).
 */
export function dataHash (crypto: Sha256, envelopes: readonly Uint8Array[]): Uint8Array {
  const [only] = envelopes
  return crypto.sha256(only !== undefined && envelopes.length === 1 ? only : concat(...envelopes))
}

/** Takes a serialized common.Block apart. Neither its data hash nor its signatures are checked here. */
export function parseBlock (bytes: Uint8Array): ParsedBlock {
  const block = decodeExact(messages.block, bytes)
  const { header } = block
  const metadata = block.metadata?.metadata ?? []
  if (header === undefined) throw new FabricRefusal('HEADER', 'the block has no header')
  return {
    header: {
      number: BigInt(header.number),
      previousHash: header.previousHash,
      dataHash: header.dataHash
    },
    data: block.data?.data ?? [],
    signatures: metadata[0] ?? new Uint8Array(0),
    metadata
  }
}

/** What a BFT orderer signs: metadata value || identifier header || header DER. */
export function ordererSignedBytes (metadataValue: Uint8Array, identifierHeader: Uint8Array, header: Uint8Array): Uint8Array {
  return concat(metadataValue, identifierHeader, header)
}
